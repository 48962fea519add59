//! Arguments of `chart`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use portbench_measure::Numerics;
use portbench_report::charts::ChartKind;

use super::{CatalogArgs, PriceArgs, ResultsArgs};

/// Usual pixels of a PNG for one of the chart.
pub(crate) const PIXEL_RATIO: u32 = 2;

/// Arguments of `chart`.
#[derive(Debug, Args)]
pub(crate) struct ChartArgs {
    /// Kind of chart (`portbench list charts`)
    #[arg(value_parser = ChartKind::parse)]
    pub(crate) kind: ChartKind,
    /// Runs: ids, prefixes of them, directories, or `latest`; of a history all stored runs if not given
    #[arg(value_name = "RUN")]
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
    #[command(flatten)]
    pub(crate) prices: PriceArgs,
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
    #[arg(long, default_value_t = PIXEL_RATIO, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4))]
    pub(crate) pixel_ratio: u32,
    /// File to write; its ending says as what: .svg, .png, or .csv for the numbers, which a picture has beside it under the same name
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
