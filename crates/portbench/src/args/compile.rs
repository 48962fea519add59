//! Arguments of `compile`, and the flags of neuronx-cc.

use std::path::PathBuf;

use clap::Args;
use portbench_neuron::Target as NeuronTarget;
use portbench_neuron::compiler::{AutoCast, Choices};

use super::{FormatArgs, SelectArgs};

/// Arguments of `compile`.
#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// A suite (name or file) or a workload (name or file)
    #[arg(default_value = "quick")]
    pub(crate) suite: String,
    /// Only these workloads (names; * matches anything)
    #[arg(long, value_name = "NAME")]
    pub(crate) workload: Vec<String>,
    /// Only these numerics: f32, bf16, f16
    #[arg(long, value_name = "NUMERICS")]
    pub(crate) numerics: Vec<String>,
    /// Directory of workload files, with suites/ in it, beside the built-in ones
    #[arg(long, default_value = "workloads", env = "PORTBENCH_WORKLOADS", value_name = "DIR")]
    pub(crate) workloads: PathBuf,
    /// The device family to compile for: trn1, trn2, trn3, inf2
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: NeuronTarget,
    /// Seconds that a program may take
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..=604_800))]
    pub(crate) limit: u32,
    /// Forget what failed before, and try it again
    #[arg(long)]
    pub(crate) again: bool,
    /// Compile also what the table of limits (`list limits`) says the target does not take
    #[arg(long)]
    pub(crate) anyway: bool,
    #[command(flatten)]
    pub(crate) flags: FlagArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

impl CompileArgs {
    /// The cells on this backend whose programs are compiled.
    pub(crate) fn select(&self, backend: &str) -> SelectArgs {
        SelectArgs {
            suite: self.suite.clone(),
            workload: self.workload.clone(),
            backend: vec![backend.to_owned()],
            numerics: self.numerics.clone(),
            trials: None,
            threads: None,
            replicas: None,
            workloads: self.workloads.clone(),
            seed: 1,
        }
    }
}

/// Flags of neuronx-cc; what is not given is as PORTBENCH_NEURON_FLAGS says, else f32 as f32, level 2, the target's own logical cores, integers of 32 bits.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct FlagArgs {
    /// neuronx-cc, for neuron-trace: which f32 computations it may do in another type: none, matmult-bf16, matmult-fp16, matmult-tf32, all-bf16, all-fp16, all-tf32
    #[arg(long, value_name = "WAY")]
    pub(crate) auto_cast: Option<AutoCast>,
    /// neuronx-cc, for neuron-trace: level of optimisation, 1 to 3
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=3))]
    pub(crate) optlevel: Option<u8>,
    /// neuronx-cc, for neuron-trace: physical cores to a logical one, 1 or 2
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2))]
    pub(crate) lnc: Option<u32>,
    /// neuronx-cc, for neuron-trace: integers of 64 bits
    #[arg(long)]
    pub(crate) int64: bool,
}

impl FlagArgs {
    /// What was typed.
    pub(crate) fn choices(self) -> Choices {
        let Self { auto_cast, optlevel, lnc, int64 } = self;
        Choices { auto_cast, optlevel, lnc, int64 }
    }
}
