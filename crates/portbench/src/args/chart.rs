//! Arguments of `chart`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use portbench_catalog::Day;
use portbench_measure::Numerics;
use portbench_report::charts::{ChartKind, Rented};

use super::{CatalogArgs, ResultsArgs};

/// Arguments of `chart`.
#[derive(Debug, Args)]
pub(crate) struct ChartArgs {
    /// Kind of chart (`portbench list charts`)
    #[arg(value_parser = ChartKind::parse)]
    pub(crate) kind: ChartKind,
    /// Runs: ids, prefixes of them, directories, or `latest`
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<String>,
    /// Only this workload
    #[arg(long, value_name = "NAME")]
    pub(crate) workload: Option<String>,
    /// Only this platform, as file names of a report have it
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,
    /// Only this model, as records name it
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Only these numerics
    #[arg(long, value_name = "NUMERICS", value_parser = Numerics::parse)]
    pub(crate) numerics: Option<Numerics>,
    /// Instances whose prices count, for charts of cost; each for the cells that ran on its accelerator, on demand or as in p5e.48xlarge:capacity-block@us-east-2
    #[arg(long, value_name = "NAME[:BASIS][@REGION],...", value_delimiter = ',', value_parser = Rented::parse, help_heading = "Prices")]
    pub(crate) instance: Vec<Rented>,
    /// Owned systems that count, with the assumptions that `cost --owned` has by default
    #[arg(long, value_name = "SYSTEM,...", value_delimiter = ',', help_heading = "Prices")]
    pub(crate) owned: Vec<String>,
    /// Day on which the prices were in force, as 2026-10-31; the newest if not given
    #[arg(long, value_parser = Day::parse, help_heading = "Prices")]
    pub(crate) date: Option<Day>,
    /// Share of the billed time that does useful work
    #[arg(long, default_value_t = 1.0, value_name = "SHARE", help_heading = "Prices")]
    pub(crate) utilisation: f64,
    /// Multiply what a part of an instance does by the number of such parts; marked as scaled
    #[arg(long, help_heading = "Prices")]
    pub(crate) scale: bool,
    /// Show what these accelerators could do at best beside the throughput of a workload
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(crate) on: Vec<String>,
    /// Directory of published results (those of the program if not given)
    #[arg(long, value_name = "DIR")]
    pub(crate) published_results: Option<PathBuf>,
    /// Ground of the picture
    #[arg(long, value_enum, default_value_t)]
    pub(crate) theme: Ground,
    /// Lay an SVG out for a phone held upright
    #[arg(long)]
    pub(crate) narrow: bool,
    /// Pixels of a PNG for one of the chart, 1 to 4
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4))]
    pub(crate) pixel_ratio: u32,
    /// File to write; its ending says as what: .svg, .png, or .csv for the numbers
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
}

/// Ground of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ground {
    /// Dark on white
    #[default]
    Light,
    /// Light on near black
    Dark,
}
