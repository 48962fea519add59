//! What may be typed.

mod chart;
mod compile;
mod history;
mod migrate;
mod money;
mod owned;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use portbench_measure::Metric;
use portbench_migrate::Stack;
use portbench_neuron::{Line, Sdk, Target as NeuronTarget};
use portbench_workload::Replicas;

pub(crate) use chart::{ChartArgs, Ground, PIXEL_RATIO};
pub(crate) use compile::{CompileArgs, FlagArgs};
pub(crate) use history::HistoryArgs;
pub(crate) use migrate::{
    DiffArgs, DiffView, MigrateArgs, MigrateCommand, RuleArgs, ScanArgs, ScanFormat, ScanView,
};
pub(crate) use money::{CostArgs, PriceArgs, ProjectArgs};
pub(crate) use owned::AssumptionArgs;

/// Benchmarks accelerator workloads: one definition, run, checked and measured on every back end.
#[derive(Debug, Parser)]
#[command(name = "portbench", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 ok, 1 some cell failed, 2 usage, 3 nothing to do, 4 regression or gate, 70 a bug."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List workloads, suites, models, backends, accelerators, instances, prices, systems, sources, published results, limits, rules or charts
    List(ListArgs),
    /// Say what is there to run on, what is missing, and how to get it
    Doctor(FormatArgs),
    /// Show the cells a suite resolves to on this machine, without running them
    Plan(PlanArgs),
    /// Compile a suite's programs for a Neuron device that need not be at hand, and keep the artefacts
    Compile(CompileArgs),
    /// Compute a suite's goldens ahead, so that no hour of an accelerator is spent on the oracle
    Goldens(GoldensArgs),
    /// Run a suite (without arguments: quick), check it, measure it, and report
    Run(RunArgs),
    /// Show a stored run
    Show(ShowArgs),
    /// Compare two stored runs: ratios with intervals and verdicts
    Compare(CompareArgs),
    /// Follow every cell over all stored runs: change points, regressions, cells that are lost
    History(HistoryArgs),
    /// Run a model directory on given inputs and compare its outputs with expected ones
    Verify(VerifyArgs),
    /// Write charts, tables and an HTML page of stored runs
    Report(ReportArgs),
    /// Draw one chart of stored runs as SVG, PNG or CSV
    Chart(ChartArgs),
    /// Write a stored run's figures for other programs: CSV, JSON, Markdown, Bencher, OpenMetrics
    Export(ExportArgs),
    /// Price stored runs: per token, image or training run, rented or owned
    Cost(Box<CostArgs>),
    /// Say what hardware that is not at hand could do at best, by its roofline
    Project(Box<ProjectArgs>),
    /// Say how well each back end does over a set of platforms: application efficiency and PP
    Portability(PortabilityArgs),
    /// Say what moving a code base to Neuron takes: scan it, or compare it before and after a port
    Migrate(MigrateArgs),
    /// Print or write the JSON Schemas of workload, suite and record files
    Schema(SchemaArgs),
    /// Print a shell completion script
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Serve jobs over stdin and stdout (what `run` starts)
    #[command(hide = true)]
    Worker(WorkerArgs),
}

/// How tables are written to stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns for people
    #[default]
    Table,
    /// JSON, an array of objects
    Json,
    /// Comma-separated values with a header
    Csv,
    /// A Markdown table
    Markdown,
}

/// The output format.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct FormatArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// What to list.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ListKind {
    /// Workload files
    #[default]
    Workloads,
    /// Suite files
    Suites,
    /// Model families and their presets
    Models,
    /// Backends of this build
    Backends,
    /// Accelerators of the catalogue, with their dense peaks
    Accelerators,
    /// Instances of the catalogue
    Instances,
    /// Prices of instances, with region, date and source
    Prices,
    /// Servers and racks that one can own
    Systems,
    /// Sources of the catalogue's figures
    Sources,
    /// Results that others published
    Published,
    /// What Trainium and Inferentia2 cannot take, with sources
    Limits,
    /// What `migrate` looks for, with sources
    Rules,
    /// Kinds of charts that `chart` draws
    Charts,
}

/// The catalogue of hardware and prices.
#[derive(Debug, Args)]
pub(crate) struct CatalogArgs {
    /// A file of your own accelerators, instances, systems and prices (TOML, as in README.md), laid over the built-in ones
    #[arg(long, env = "PORTBENCH_CATALOG", value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
}

/// A Neuron device that need not be at hand.
#[derive(Debug, Args)]
pub(crate) struct NeuronArgs {
    /// What this kind of Neuron device does not take: trn1, trn2, trn3, inf2
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<NeuronTarget>,
    /// With this product of AWS: xla (torch-neuronx 2.9) or native (TorchNeuron); the one that AWS offers for it if not given
    #[arg(long, value_name = "LINE", requires = "target")]
    pub(crate) line: Option<Line>,
    /// With this Neuron SDK (the newest that ships the product if not given)
    #[arg(long, value_name = "VERSION", requires = "target")]
    pub(crate) sdk: Option<Sdk>,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What to list
    #[arg(value_enum, default_value_t)]
    pub(crate) kind: ListKind,
    /// Only names like this; * stands for anything
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) neuron: NeuronArgs,
    /// What to do on this Neuron stack (of rules; torchneuron if not given)
    #[arg(long, value_name = "STACK", value_parser = migrate::stack)]
    pub(crate) stack: Option<Stack>,
    /// A file of your own rules, laid over the built-in ones (of rules)
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Directory of published results (those of the program if not given)
    #[arg(long, value_name = "DIR")]
    pub(crate) published_results: Option<PathBuf>,
    /// Directory of workload files, with suites/ in it, beside the built-in ones
    #[arg(long, default_value = "workloads", env = "PORTBENCH_WORKLOADS", value_name = "DIR")]
    pub(crate) workloads: PathBuf,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Which cells.
#[derive(Clone, Debug, Args)]
pub(crate) struct SelectArgs {
    /// A suite (name or file) or a workload (name or file)
    #[arg(default_value = "quick")]
    pub(crate) suite: String,
    /// Only these workloads (names; * matches anything)
    #[arg(long, value_name = "NAME")]
    pub(crate) workload: Vec<String>,
    /// Only these backends, optionally with a device: candle, candle@cpu, tch@cuda:0
    #[arg(long, value_name = "BACKEND[@DEVICE]")]
    pub(crate) backend: Vec<String>,
    /// Only these numerics: f64, f32, tf32, bf16, f16
    #[arg(long, value_name = "NUMERICS")]
    pub(crate) numerics: Vec<String>,
    /// Process launches of each cell (the suite's choice if not given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) trials: Option<u32>,
    /// Threads of CPU kernels (all cores if not given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) threads: Option<u32>,
    /// Workers at the same time, each on a device (or part of the CPUs) of its own, and one of them alone: a number, or all
    #[arg(long, value_name = "N|all")]
    pub(crate) replicas: Option<Replicas>,
    /// Directory of workload files, with suites/ in it, beside the built-in ones
    #[arg(long, default_value = "workloads", env = "PORTBENCH_WORKLOADS", value_name = "DIR")]
    pub(crate) workloads: PathBuf,
    /// Seed of weights, inputs, order and resampling
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) neuron: NeuronArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `goldens`.
#[derive(Debug, Args)]
pub(crate) struct GoldensArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) flags: FlagArgs,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
    /// Continue an interrupted run: its id, a prefix of it, its directory, or `latest`
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<String>,
    /// End in order within this time: what does not fit is skipped or has fewer trials, and --resume takes the rest
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    pub(crate) budget: Option<Duration>,
    /// Only cells whose latest stored run is out of line with the runs before: a second one makes a claim or takes it back
    #[arg(long, conflicts_with = "resume")]
    pub(crate) suspicious: bool,
    /// Write no report at the end
    #[arg(long)]
    pub(crate) no_report: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Reads minutes.
fn minutes(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|minutes: &f64| *minutes > 0.0).map(|minutes| 60.0 * minutes);
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "give minutes, above 0".to_owned())
}

/// Where runs are stored.
#[derive(Debug, Args)]
pub(crate) struct ResultsArgs {
    /// Directory of stored runs
    #[arg(long, default_value = "results/runs", env = "PORTBENCH_RESULTS", value_name = "DIR")]
    pub(crate) results: PathBuf,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A run: its id, a prefix of it, its directory, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Show how each op was lowered instead of the figures
    #[arg(long)]
    pub(crate) lowering: bool,
    /// Show what compiling cost, cold, and whether it was cached, instead of the figures
    #[arg(long, conflicts_with = "lowering")]
    pub(crate) compilation: bool,
    /// Show what machine and accelerator did meanwhile (power, clocks, memory, load), instead of the figures
    #[arg(long, conflicts_with_all = ["lowering", "compilation"])]
    pub(crate) telemetry: bool,
    /// Show instead the shares of this accelerator's peaks that were reached (MFU, MBU), and energy
    #[arg(long, value_name = "ACCELERATOR", conflicts_with_all = ["lowering", "compilation", "telemetry"])]
    pub(crate) on: Option<String>,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Runs: their ids, prefixes of them, their directories, or `latest`
    #[arg(default_value = "latest", value_name = "RUN")]
    pub(crate) runs: Vec<String>,
    /// For whom
    #[arg(long = "as", value_enum, default_value_t = ExportFormat::Csv, value_name = "FORM")]
    pub(crate) form: ExportFormat,
    /// Write to this file instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
}

/// Arguments of `portability`.
#[derive(Debug, Args)]
pub(crate) struct PortabilityArgs {
    /// A platform of the set H and the run that stands for it; two or more
    #[arg(required = true, value_name = "NAME=RUN[@DEVICE]")]
    pub(crate) on: Vec<String>,
    /// The problem: a workload
    #[arg(long, value_name = "NAME")]
    pub(crate) workload: String,
    /// Its numerics
    #[arg(long, value_name = "NUMERICS")]
    pub(crate) numerics: String,
    /// Its scenario
    #[arg(long, default_value = "single-stream", value_name = "SCENARIO")]
    pub(crate) scenario: String,
    /// Figure of merit: throughput, latency-p50, ttft-p50, tpot-p50, ... Its direction comes with it
    #[arg(long, default_value = "throughput", value_name = "METRIC", value_parser = metric)]
    pub(crate) metric: Metric,
    /// What the best known figure of each platform was taken from, with its date: it is the best in these runs
    #[arg(long, value_name = "TEXT")]
    pub(crate) reference: String,
    /// Which accelerator of the catalogue a platform is, for architectural efficiency; not needed of one that is called like it
    #[arg(long, value_name = "NAME=ACCELERATOR", value_parser = pair)]
    pub(crate) accelerator: Vec<(String, String)>,
    /// Count several back ends as one application, of each platform the best of them
    #[arg(long, value_name = "NAME=BACKEND+BACKEND...", value_parser = pair)]
    pub(crate) application: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Reads a metric by its name in tables and files.
pub(crate) fn metric(word: &str) -> Result<Metric, String> {
    Metric::ALL.into_iter().find(|metric| metric.name() == word).ok_or_else(|| {
        let words: Vec<&str> = Metric::ALL.into_iter().map(Metric::name).collect();
        format!("there are {}", words.join(", "))
    })
}

/// Reads `NAME=VALUE`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// Forms of exported figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One line a figure, all digits
    Csv,
    /// The same as a list of objects
    Json,
    /// The same as a table
    Markdown,
    /// Bencher Metric Format
    Bencher,
    /// OpenMetrics text, as Prometheus reads it
    Openmetrics,
    /// Apache Parquet: one row a figure, typed columns
    Parquet,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The baseline run
    pub(crate) baseline: String,
    /// The run compared with it
    pub(crate) candidate: String,
    /// Smallest relative change that matters
    #[arg(long, default_value_t = 0.02, value_name = "FRACTION")]
    pub(crate) relevant: f64,
    /// Exit with 4 when a cell is relevantly slower or no longer measured
    #[arg(long)]
    pub(crate) gate: bool,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Model directory in Hugging Face layout
    pub(crate) model: PathBuf,
    /// Backend, optionally with a device
    #[arg(long, default_value = "candle", value_name = "BACKEND[@DEVICE]")]
    pub(crate) backend: String,
    /// Inputs under transformers' names: input_ids, attention_mask, token_type_ids, pixel_values, prompt
    #[arg(long, value_name = "FILE")]
    pub(crate) inputs: PathBuf,
    /// Expected outputs: logits, last_hidden_state, sentence_embedding, greedy
    #[arg(long, value_name = "FILE")]
    pub(crate) expected: Option<PathBuf>,
    /// Save the computed outputs
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Numerics of the computation
    #[arg(long, default_value = "f32")]
    pub(crate) numerics: String,
    /// Tokens generated after `prompt` (as many as `greedy` in --expected has, else 32)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) new_tokens: Option<u32>,
    /// Threads of CPU kernels (all cores if not given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) threads: Option<u32>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Runs: ids, prefixes of them, directories, or `latest`; several make a site, in which one moves from the first one's platform
    #[arg(default_value = "latest", value_name = "RUN")]
    pub(crate) runs: Vec<String>,
    /// Write a site into this directory (without it: the page of one run, to `report` in the run's directory)
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) prices: PriceArgs,
    /// Show what these accelerators could do at best, beside and apart from what was measured
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "out")]
    pub(crate) on: Vec<String>,
    /// Directory of published results to show beside (those of the program if not given)
    #[arg(long, value_name = "DIR", requires = "out")]
    pub(crate) published_results: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Which schema to print
    #[arg(value_enum, required_unless_present = "out")]
    pub(crate) kind: Option<SchemaKind>,
    /// Write every schema into this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    pub(crate) out: Option<PathBuf>,
}

/// The schemas there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// Workload files
    Workload,
    /// Suite files
    Suite,
    /// Stored records
    Record,
}

/// Arguments of `worker`.
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// Backend of this build
    #[arg(long)]
    pub(crate) backend: String,
    /// Its device
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
}
