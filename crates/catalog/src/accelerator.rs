//! Accelerators: peaks, memory, power.

use std::fmt;

use serde::Deserialize;

use crate::dated::Dated;
use crate::error::CatalogError;

/// One chip or GPU as sold.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Accelerator {
    /// Name in the catalogue, as `nvidia-h200-sxm`.
    pub name: String,
    /// Shorter names that mean the same.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Name for people.
    pub title: String,
    /// Who makes it.
    pub vendor: String,
    /// What it is.
    pub kind: Kind,
    /// Generation.
    pub architecture: Option<String>,
    /// Year of release.
    pub release_year: Option<u16>,
    /// Set where it is not on sale yet.
    pub status: Option<String>,
    /// Cores that programs see.
    pub cores: Option<Cores>,
    /// Dense peaks.
    pub peak_dense_tflops: Option<Peaks>,
    /// Peak with structured sparsity, which nothing here computes with.
    pub peak_sparse: Option<PeakSparse>,
    /// Device memory.
    pub memory: Option<Memory>,
    /// Bandwidth of device memory.
    pub bandwidth: Option<Bandwidth>,
    /// Links to other accelerators.
    pub interconnect: Option<Interconnect>,
    /// Power.
    pub power: Option<Power>,
    /// What somebody reached on it.
    pub measured: Option<Measured>,
    /// What others publish for owning one.
    pub ownership: Option<PublishedOwnership>,
    /// What one costs to buy.
    pub purchase: Option<Purchase>,
    /// Anything else that a reader should know.
    pub note: Option<String>,
    /// Names of sources.
    pub sources: Vec<String>,
}

impl Accelerator {
    /// Dense peak in operations a second.
    ///
    /// # Errors
    /// [`CatalogError::NoFigure`] with the peaks that are known.
    pub fn peak(&self, precision: Precision) -> Result<f64, CatalogError> {
        let peak = |p: Precision| self.peak_dense_tflops.as_ref().and_then(|peaks| peaks.get(p));
        peak(precision).map(|tflops| tflops * 1e12).ok_or_else(|| {
            let known: Vec<&str> =
                Precision::ALL.into_iter().filter(|p| peak(*p).is_some()).map(Precision::name).collect();
            self.missing(format!("dense {precision} peak"), &known)
        })
    }

    /// Bandwidth of its memory in bytes a second.
    ///
    /// # Errors
    /// [`CatalogError::NoFigure`].
    pub fn bytes_per_second(&self) -> Result<f64, CatalogError> {
        let known = self.bandwidth.as_ref().and_then(Bandwidth::bytes_per_second);
        known.ok_or_else(|| self.missing("memory bandwidth".to_owned(), &[]))
    }

    fn missing(&self, figure: String, known: &[&str]) -> CatalogError {
        let help = if known.is_empty() {
            "give it in a file of your own (--catalog FILE)".to_owned()
        } else {
            format!("known are {}; give it in a file of your own (--catalog FILE)", known.join(", "))
        };
        CatalogError::NoFigure { name: self.name.clone(), figure, help }
    }
}

/// What an accelerator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Host CPU.
    Cpu,
    /// GPU of any maker.
    Gpu,
    /// AWS Inferentia.
    Inferentia,
    /// AWS Trainium.
    Trainium,
    /// Google TPU.
    Tpu,
    /// Microsoft Maia.
    Maia,
}

impl Kind {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Inferentia => "inferentia",
            Self::Trainium => "trainium",
            Self::Tpu => "tpu",
            Self::Maia => "maia",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Number format that a peak is stated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Precision {
    /// 64-bit, vector units.
    Fp64,
    /// 64-bit, matrix units.
    Fp64Tensor,
    /// 32-bit.
    Fp32,
    /// 32-bit in memory, 10-bit mantissa in products.
    Tf32,
    /// bfloat16.
    Bf16,
    /// Half.
    Fp16,
    /// 8-bit floating point of any kind.
    Fp8,
    /// 6-bit floating point.
    Fp6,
    /// 4-bit floating point.
    Fp4,
    /// 8-bit integers.
    Int8,
}

impl Precision {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::Fp64,
        Self::Fp64Tensor,
        Self::Fp32,
        Self::Tf32,
        Self::Bf16,
        Self::Fp16,
        Self::Fp8,
        Self::Fp6,
        Self::Fp4,
        Self::Int8,
    ];

    /// The word, as in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fp64 => "fp64",
            Self::Fp64Tensor => "fp64-tensor",
            Self::Fp32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
            Self::Fp8 => "fp8",
            Self::Fp6 => "fp6",
            Self::Fp4 => "fp4",
            Self::Int8 => "int8",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Dense peaks in 10^12 operations a second, without structured sparsity.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Peaks {
    /// [`Precision::Fp64`].
    pub fp64: Option<f64>,
    /// [`Precision::Fp64Tensor`].
    pub fp64_tensor: Option<f64>,
    /// [`Precision::Fp32`].
    pub fp32: Option<f64>,
    /// [`Precision::Tf32`].
    pub tf32: Option<f64>,
    /// [`Precision::Bf16`].
    pub bf16: Option<f64>,
    /// [`Precision::Fp16`].
    pub fp16: Option<f64>,
    /// [`Precision::Fp8`].
    pub fp8: Option<f64>,
    /// [`Precision::Fp6`].
    pub fp6: Option<f64>,
    /// [`Precision::Fp4`].
    pub fp4: Option<f64>,
    /// [`Precision::Int8`].
    pub int8: Option<f64>,
    /// No vendor states them.
    #[serde(default)]
    pub estimate: bool,
    /// What other sources say.
    pub note: Option<String>,
}

impl Peaks {
    /// The peak of a number format, in 10^12 operations a second.
    #[must_use]
    pub const fn get(&self, precision: Precision) -> Option<f64> {
        match precision {
            Precision::Fp64 => self.fp64,
            Precision::Fp64Tensor => self.fp64_tensor,
            Precision::Fp32 => self.fp32,
            Precision::Tf32 => self.tf32,
            Precision::Bf16 => self.bf16,
            Precision::Fp16 => self.fp16,
            Precision::Fp8 => self.fp8,
            Precision::Fp6 => self.fp6,
            Precision::Fp4 => self.fp4,
            Precision::Int8 => self.int8,
        }
    }
}

/// Cores that programs see.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cores {
    /// Their name.
    pub kind: String,
    /// How many a chip has.
    pub per_chip: u32,
    /// As how many they show by default, where that differs.
    pub logical_per_chip: Option<u32>,
    /// Remark.
    pub note: Option<String>,
}

/// Peak with structured sparsity.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PeakSparse {
    /// 10^12 operations a second.
    pub tflops: f64,
    /// For which number formats.
    pub dtypes: String,
    /// Pattern.
    pub pattern: Option<String>,
}

/// Device memory, in the unit that the vendor prints.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Memory {
    /// 10^9 bytes.
    pub gb: Option<f64>,
    /// 2^30 bytes.
    pub gib: Option<f64>,
    /// Sort of memory.
    pub kind: Option<String>,
    /// What the cloud's own description of the instance says, in 2^20 bytes.
    pub reported_mib: Option<f64>,
    /// No vendor states it.
    #[serde(default)]
    pub estimate: bool,
    /// What other sources say.
    pub note: Option<String>,
}

impl Memory {
    /// Size in bytes, by the vendor's figure.
    #[must_use]
    pub fn bytes(&self) -> Option<f64> {
        self.gb.map(|gb| gb * 1e9).or(self.gib.map(|gib| gib * 1_073_741_824.0))
    }
}

/// Bandwidth of device memory, in the unit that the vendor prints.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bandwidth {
    /// 10^9 bytes a second.
    pub gb_s: Option<f64>,
    /// 2^30 bytes a second.
    pub gib_s: Option<f64>,
    /// No vendor states it.
    #[serde(default)]
    pub estimate: bool,
    /// What other sources say.
    pub note: Option<String>,
}

impl Bandwidth {
    /// Bytes a second.
    #[must_use]
    pub fn bytes_per_second(&self) -> Option<f64> {
        self.gb_s.map(|gb| gb * 1e9).or(self.gib_s.map(|gib| gib * 1_073_741_824.0))
    }
}

/// Links to other accelerators.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Interconnect {
    /// Name.
    pub name: String,
    /// As the vendor prints it, 10^9 bytes a second.
    pub gb_s: Option<f64>,
    /// As the vendor prints it, 2^30 bytes a second.
    pub gib_s: Option<f64>,
    /// Which way the printed figure counts.
    pub direction: Option<String>,
    /// One way, 10^9 bytes a second.
    pub unidirectional_gb_s: Option<f64>,
    /// One link one way, 10^9 bytes a second.
    pub per_link_unidirectional_gb_s: Option<f64>,
    /// Links of a chip.
    pub links: Option<u32>,
    /// Accelerators that it joins.
    pub domain: Option<u32>,
    /// Chips of a pod.
    pub pod: Option<u32>,
    /// Shape of the network.
    pub topology: Option<String>,
    /// What other sources say.
    pub note: Option<String>,
}

/// Power of one accelerator.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Power {
    /// Watts.
    pub tdp_w: f64,
    /// What the figure is.
    pub kind: String,
    /// No vendor states it.
    #[serde(default)]
    pub estimate: bool,
    /// What other sources say.
    pub note: Option<String>,
}

/// What somebody reached.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Measured {
    /// Best dense matrix product in bfloat16, 10^12 operations a second.
    pub matmul_bf16_tflops: Option<f64>,
    /// Best dense matrix product in 8-bit floating point, 10^12 operations a second.
    pub matmul_fp8_tflops: Option<f64>,
    /// CoreMark iterations a second of a whole instance.
    pub coremark_per_second: Option<f64>,
    /// That instance.
    pub instance: Option<String>,
    /// Remark.
    pub note: Option<String>,
    /// Name of the source.
    pub source: String,
}

/// Ownership cost that others publish, USD an hour of one accelerator.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PublishedOwnership {
    /// For a hyperscaler.
    pub hyperscaler_usd_per_hour: f64,
    /// For a smaller cloud.
    pub neocloud_usd_per_hour: f64,
    /// Rented for three years.
    pub rental_3yr_usd_per_hour: f64,
    /// Power with its share of the server, network and cooling.
    pub all_in_kw: f64,
    /// Assumed, not measured.
    #[serde(default)]
    pub estimate: bool,
    /// Remark.
    pub note: Option<String>,
    /// Name of the source.
    pub source: String,
}

/// What one costs to buy.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Purchase {
    /// Lower end.
    pub usd_low: f64,
    /// Upper end.
    pub usd_high: f64,
    /// When.
    pub date: Dated,
    /// No list price.
    #[serde(default)]
    pub estimate: bool,
    /// Remark.
    pub note: Option<String>,
    /// Name of the source.
    pub source: String,
}
