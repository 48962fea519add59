//! The compiler's flags, all of them explicit: defaults have changed between SDKs and documents contradict each other.

use std::fmt;
use std::str::FromStr;

use crate::error::NeuronError;
use crate::target::Target;

/// The environment variable in which the runtime is told the size of a logical core. It has to equal `--lnc`.
pub const LNC_VARIABLE: &str = "NEURON_LOGICAL_NC_CONFIG";

/// Element types to which the compiler may cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CastType {
    /// bfloat16.
    Bf16,
    /// IEEE binary16.
    Fp16,
    /// TF32.
    Tf32,
}

impl CastType {
    const ALL: [Self; 3] = [Self::Bf16, Self::Fp16, Self::Tf32];

    /// The compiler's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
            Self::Tf32 => "tf32",
        }
    }
}

/// Which `f32` computations the compiler may do in another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AutoCast {
    /// None of them: `f32` stays `f32`.
    None,
    /// Matrix products.
    Matmult(CastType),
    /// All.
    All(CastType),
}

impl fmt::Display for AutoCast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Matmult(cast) => write!(f, "matmult-{}", cast.name()),
            Self::All(cast) => write!(f, "all-{}", cast.name()),
        }
    }
}

impl FromStr for AutoCast {
    type Err = NeuronError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let all = CastType::ALL.into_iter().flat_map(|t| [Self::Matmult(t), Self::All(t)]);
        let mut all = [Self::None].into_iter().chain(all);
        all.clone().find(|cast| cast.to_string() == s).ok_or_else(|| NeuronError::Word {
            what: "way to cast",
            given: s.to_owned(),
            known: all.by_ref().map(|c| c.to_string()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// Version of neuronx-cc, such as `2.27.5334.0+f702b353`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerVersion {
    text: String,
    numbers: [u32; 2],
}

impl CompilerVersion {
    /// Finds the version in what `neuronx-cc --version` printed (its standard output and standard error together).
    ///
    /// # Errors
    /// [`NeuronError::Malformed`] where there is none.
    pub fn of_output(printed: &str) -> Result<Self, NeuronError> {
        const BEFORE: &str = "NeuronX Compiler version ";
        let after = printed.split_once(BEFORE).map(|(_, after)| after);
        let word = after.and_then(|a| a.split_whitespace().next()).unwrap_or_default();
        word.parse().map_err(|_| NeuronError::Malformed {
            tool: "neuronx-cc --version",
            what: format!("no line `{BEFORE}...` in {} bytes", printed.len()),
        })
    }

    /// Whether it knows `--native-int64` and `--implicit-integer-downcast`, which came with SDK 2.32.
    #[must_use]
    pub fn has_integer_flags(&self) -> bool {
        self.numbers >= [2, 27]
    }
}

impl FromStr for CompilerVersion {
    type Err = NeuronError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let mut parts = s.split('.').map(|n| n.parse().ok());
        match (parts.next().flatten(), parts.next().flatten()) {
            (Some(major), Some(minor)) => Ok(Self { text: s.to_owned(), numbers: [major, minor] }),
            _ => Err(NeuronError::Word {
                what: "version of neuronx-cc",
                given: s.to_owned(),
                known: "versions such as 2.27.5334.0+f702b353".into(),
            }),
        }
    }
}

impl fmt::Display for CompilerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// What the compiler is told. [`Flags::args`] writes every one of them down, so that no default of a version gets into a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flags {
    target: Target,
    auto_cast: AutoCast,
    optimize: u8,
    lnc: u32,
    int64: bool,
}

impl Flags {
    /// For this target: `f32` stays `f32`, level 2, the target's own size of a logical core, integers of 32 bits.
    #[must_use]
    pub const fn new(target: Target) -> Self {
        Self { target, auto_cast: AutoCast::None, optimize: 2, lnc: target.default_lnc(), int64: false }
    }

    /// The same with this way to cast.
    #[must_use]
    pub const fn auto_cast(self, auto_cast: AutoCast) -> Self {
        Self { auto_cast, ..self }
    }

    /// The same at this level of optimisation.
    ///
    /// # Errors
    /// [`NeuronError::Word`] for other levels than 1, 2 and 3.
    pub fn optimize(self, level: u8) -> Result<Self, NeuronError> {
        if !(1..=3).contains(&level) {
            let (what, known) = ("level of optimisation", "1, 2, 3".into());
            return Err(NeuronError::Word { what, given: level.to_string(), known });
        }
        Ok(Self { optimize: level, ..self })
    }

    /// The same with this many physical cores to a logical one.
    ///
    /// # Errors
    /// [`NeuronError::Settings`] for 2 on a target whose cores cannot be joined, and for anything but 1 and 2.
    pub fn lnc(self, lnc: u32) -> Result<Self, NeuronError> {
        match lnc {
            1 => Ok(Self { lnc, ..self }),
            2 if self.target.joins_cores() => Ok(Self { lnc, ..self }),
            2 => Err(NeuronError::Settings(format!(
                "{} has no logical cores of two (the compiler's NCC_EARG001): use --lnc 1, or the target trn2 or trn3",
                self.target
            ))),
            other => {
                Err(NeuronError::Settings(format!("a logical core has 1 or 2 physical ones, not {other}")))
            }
        }
    }

    /// The same with integers of 64 bits.
    ///
    /// # Errors
    /// [`NeuronError::Settings`] on a target that has none.
    pub fn int64(self, on: bool) -> Result<Self, NeuronError> {
        if on && !self.target.joins_cores() {
            return Err(NeuronError::Settings(format!(
                "{} computes integers in 32 bits: leave 64-bit integers off, or use the target trn2 or trn3",
                self.target
            )));
        }
        Ok(Self { int64: on, ..self })
    }

    /// The target.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    /// Physical cores to a logical one.
    #[must_use]
    pub const fn logical_cores(&self) -> u32 {
        self.lnc
    }

    /// Arguments of `neuronx-cc compile`, without files. Flags that this version of the compiler does not know are left out.
    ///
    /// # Errors
    /// [`NeuronError::Settings`] if 64-bit integers are asked of a compiler that has no such flag.
    pub fn args(&self, version: &CompilerVersion) -> Result<Vec<String>, NeuronError> {
        let mut args = vec!["--target", self.target.name(), "--auto-cast"];
        match &self.auto_cast {
            AutoCast::None => args.push("none"),
            AutoCast::Matmult(cast) => args.extend(["matmult", "--auto-cast-type", cast.name()]),
            AutoCast::All(cast) => args.extend(["all", "--auto-cast-type", cast.name()]),
        }
        let (level, lnc) = (self.optimize.to_string(), self.lnc.to_string());
        args.extend(["--optlevel", &level, "--lnc", &lnc]);
        if version.has_integer_flags() && self.target.joins_cores() {
            let (native, down) = if self.int64 { ("enabled", "none") } else { ("disabled", "all") };
            args.extend(["--native-int64", native, "--implicit-integer-downcast", down]);
        } else if self.int64 {
            return Err(NeuronError::Settings(format!(
                "neuronx-cc {version} has no --native-int64: install the compiler of SDK 2.32 or later, or leave 64-bit integers off"
            )));
        }
        Ok(args.into_iter().map(str::to_owned).collect())
    }

    /// What has to be in the environment of whoever compiles and executes with these flags.
    #[must_use]
    pub fn environment(&self) -> (&'static str, String) {
        (LNC_VARIABLE, self.lnc.to_string())
    }

    /// Refuses an environment that says another size of logical core than the flags.
    ///
    /// # Errors
    /// [`NeuronError::Settings`] with both ways out.
    pub fn check_environment(&self, value: Option<&str>) -> Result<(), NeuronError> {
        match value.map(str::trim) {
            None | Some("") => Ok(()),
            Some(value) if value == self.lnc.to_string() => Ok(()),
            Some(value) => Err(NeuronError::Settings(format!(
                "{LNC_VARIABLE}={value} and --lnc {}: a NEFF runs only on logical cores of its own size; unset the variable, or compile with --lnc {value}",
                self.lnc
            ))),
        }
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, auto_cast, optimize, lnc, int64 } = self;
        let bits = if *int64 { 64 } else { 32 };
        write!(f, "{target} auto-cast {auto_cast} O{optimize} lnc {lnc} integers {bits}")
    }
}
