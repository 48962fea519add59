//! Arguments of `cost` and `project`.

use std::path::PathBuf;

use clap::Args;
use portbench_catalog::{Basis, Day};
use portbench_records::Run;
use portbench_report::charts::{PriceChoice, Rented, Study};

use super::{AssumptionArgs, CatalogArgs, FormatArgs, ResultsArgs};
use crate::failure::{Failure, usage};

/// Arguments of `cost`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct CostArgs {
    /// A run: its id, a prefix of it, its directory, or `latest`; without one, give --throughput, or see what an hour costs
    #[arg(conflicts_with = "throughput")]
    pub(crate) run: Option<String>,
    /// Instance whose price counts (`portbench list instances`)
    #[arg(long, value_name = "NAME", conflicts_with = "owned")]
    pub(crate) instance: Option<String>,
    /// Basis of the price: on-demand, spot, capacity-block, flex-start, reserved-1yr, reserved-3yr, reserved-5yr, savings-plan-3yr, commitment-1yr, commitment-3yr, reported
    #[arg(long, default_value = "on-demand", value_parser = Basis::parse, conflicts_with = "owned")]
    pub(crate) basis: Basis,
    /// Region of the price
    #[arg(long, conflicts_with = "owned")]
    pub(crate) region: Option<String>,
    /// Day on which the price was in force, as 2026-10-31; today if not given
    #[arg(long, value_parser = Day::parse)]
    pub(crate) date: Option<Day>,
    /// Share of the billed time that does useful work
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    pub(crate) utilisation: f64,
    /// Share of spot work that is lost and done again
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", conflicts_with = "owned")]
    pub(crate) redone: f64,
    /// Share of spot time that goes into checkpoints
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", conflicts_with = "owned")]
    pub(crate) checkpointing: f64,
    /// Multiply the throughput of one accelerator by the number that the instance has; marked as scaled
    #[arg(long)]
    pub(crate) scale: bool,
    /// Units of work done in all: tokens written, tokens trained on, images; adds the bill with its start-up
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(crate) units: Vec<f64>,
    /// Seconds of start-up in that bill: starting, compiling, warming up (as the run took if not given)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) startup: Option<f64>,
    /// Offered loads, in units of work a second; adds the cost at each
    #[arg(long, value_name = "RATE", value_delimiter = ',')]
    pub(crate) load: Vec<f64>,
    /// Price a throughput of the whole instance instead of a run, in tokens a second
    #[arg(long, value_name = "RATE")]
    pub(crate) throughput: Option<f64>,
    /// Price what others published for the instance, or for systems of as many of the owned one's accelerators, instead of a run
    #[arg(long, conflicts_with_all = ["run", "throughput"])]
    pub(crate) published: bool,
    /// Directory of published results (those of the program if not given)
    #[arg(long, value_name = "DIR", requires = "published")]
    pub(crate) published_results: Option<PathBuf>,
    /// A price to beat for the same count, such as what an API asks for a million tokens, USD: shows the load from which on this is cheaper
    #[arg(long, value_name = "USD", conflicts_with_all = ["load", "units"])]
    pub(crate) beat: Option<f64>,
    #[command(flatten)]
    pub(crate) owned: OwnedArgs,
    #[command(flatten)]
    pub(crate) against: AgainstArgs,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Prices that charts and reports count with.
#[derive(Debug, Args)]
#[command(next_help_heading = "Prices")]
pub(crate) struct PriceArgs {
    /// Instances whose prices count, each for the cells that ran on its accelerator, on demand or as in p5e.48xlarge:capacity-block@us-east-2; with RUN= before it an instance is that run's alone
    #[arg(long, value_name = "[RUN=]NAME[:BASIS][@REGION],...", value_delimiter = ',', value_parser = instance, requires = "out")]
    pub(crate) instance: Vec<(Option<String>, Rented)>,
    /// Owned systems that count (`portbench list systems`)
    #[arg(long, value_name = "SYSTEM,...", value_delimiter = ',', requires = "out")]
    pub(crate) owned: Vec<String>,
    #[command(flatten)]
    pub(crate) assumed: AssumptionArgs,
    /// Share by which the chart of sensitivity moves each assumption about owned systems
    #[arg(long, default_value_t = 0.2, value_name = "SHARE")]
    pub(crate) sensitivity: f64,
    /// Day on which the prices were in force, as 2026-10-31; today if not given
    #[arg(long, value_parser = Day::parse)]
    pub(crate) date: Option<Day>,
    /// Share of the billed time that does useful work
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    pub(crate) utilisation: f64,
    /// Multiply what a part of an instance does by the number of such parts; marked as scaled
    #[arg(long)]
    pub(crate) scale: bool,
}

fn instance(text: &str) -> Result<(Option<String>, Rented), String> {
    match text.split_once('=') {
        Some((run, rented)) => Ok((Some(run.to_owned()), Rented::parse(rented)?)),
        None => Ok((None, Rented::parse(text)?)),
    }
}

impl PriceArgs {
    /// The study with these prices; `selectors` are the runs as they were typed.
    pub(crate) fn priced<'a>(&self, study: Study<'a>, selectors: &[String]) -> Result<Study<'a>, Failure> {
        let assumptions = self.assumed.assumptions(self.assumed.capital, self.assumed.power);
        let usual = PriceChoice::default();
        if self.owned.is_empty() && (assumptions, self.sensitivity) != (usual.assumptions, usual.sensitivity)
        {
            return Err(Failure::usage(
                "assumptions about owned hardware are given and no such hardware: name it with --owned SYSTEM (`portbench list systems`)",
            ));
        }
        if self.owned.len() > 1 && (self.assumed.capital.is_some() || self.assumed.power.is_some()) {
            return Err(Failure::usage(format!(
                "--capital and --power are of one system, and --owned names {}: {}",
                self.owned.len(),
                self.owned.join(", ")
            )));
        }
        let mut choice = PriceChoice {
            owned: self.owned.clone(),
            assumptions,
            sensitivity: self.sensitivity,
            date: self.date,
            scale: self.scale,
            utilisation: self.utilisation,
            ..usual
        };
        for (run, rented) in &self.instance {
            let Some(run) = run else {
                choice.instances.push(rented.clone());
                continue;
            };
            let ids = study.runs().iter().map(Run::id);
            let meant = selectors.iter().zip(ids).position(|(selector, id)| selector == run || *run == id);
            let place = meant.ok_or_else(|| {
                Failure::usage(format!(
                    "--instance {run}={rented}: `{run}` is none of the runs here: {}",
                    selectors.join(", ")
                ))
            })?;
            choice.of_runs.push((place, rented.clone()));
        }
        if choice.is_empty() { Ok(study) } else { study.with_prices(choice).map_err(usage) }
    }
}

/// Owned hardware.
#[derive(Debug, Args)]
#[command(next_help_heading = "Owned hardware")]
pub(crate) struct OwnedArgs {
    /// System that is owned instead of rented (`portbench list systems`)
    #[arg(long, value_name = "SYSTEM")]
    pub(crate) owned: Option<String>,
    #[command(flatten)]
    pub(crate) assumed: AssumptionArgs,
    /// Show how the cost of an hour moves when each assumption is this share lower or higher
    #[arg(long, value_name = "SHARE", requires = "owned")]
    pub(crate) sensitivity: Option<f64>,
}

/// The other side of a comparison.
#[derive(Debug, Args)]
#[command(next_help_heading = "Break-even")]
pub(crate) struct AgainstArgs {
    /// Instance that would take the work over: shows its break-even price and discount
    #[arg(long, value_name = "INSTANCE", conflicts_with_all = ["load", "units", "beat", "published"])]
    pub(crate) against: Option<String>,
    /// The same for a system that would be bought; interest, site and operations are those of owned hardware
    #[arg(long, value_name = "SYSTEM", conflicts_with_all = ["against", "load", "units", "beat", "published"])]
    pub(crate) against_owned: Option<String>,
    /// What that system costs to buy, USD (the catalogue's figure if not given)
    #[arg(long, value_name = "USD", requires = "against_owned")]
    pub(crate) against_capital: Option<f64>,
    /// Its power at full load, kW (the catalogue's figure if not given)
    #[arg(long, value_name = "KW", requires = "against_owned")]
    pub(crate) against_power: Option<f64>,
    /// Its basis
    #[arg(long, default_value = "on-demand", value_parser = Basis::parse, requires = "against", value_name = "BASIS")]
    pub(crate) against_basis: Basis,
    /// Its region
    #[arg(long, requires = "against", value_name = "REGION")]
    pub(crate) against_region: Option<String>,
    /// The run made on it
    #[arg(long, conflicts_with = "against_throughput", value_name = "RUN")]
    pub(crate) against_run: Option<String>,
    /// Its throughput, where --throughput is given
    #[arg(long, requires = "throughput", value_name = "RATE")]
    pub(crate) against_throughput: Option<f64>,
    /// What the change costs once, USD: adds the work after which it has paid for itself
    #[arg(long, default_value_t = 0.0, value_name = "USD")]
    pub(crate) migration: f64,
}

/// Arguments of `project`.
#[derive(Debug, Args)]
pub(crate) struct ProjectArgs {
    /// A workload (name or file)
    #[arg(required_unless_present = "published")]
    pub(crate) workload: Option<String>,
    /// Accelerators, by name or alias, such as trn2,h200 (`portbench list accelerators`), or instances, all accelerators of which share the work
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', required_unless_present = "published")]
    pub(crate) on: Vec<String>,
    /// Numerics of the workload (bf16 if it offers that, else its first)
    #[arg(long, value_name = "NUMERICS")]
    pub(crate) numerics: Option<String>,
    /// Share of the roofline that is reached, for the estimate
    #[arg(long, value_name = "SHARE", conflicts_with = "calibrate")]
    pub(crate) efficiency: Option<f64>,
    /// Take that share from a stored run of the same workload that was made on this accelerator, or from the published results of it; several give a range
    #[arg(long, value_name = "ACCELERATOR=RUN|published", value_parser = super::pair, value_delimiter = ',')]
    pub(crate) calibrate: Vec<(String, String)>,
    /// Show the slowest ops by their bound
    #[arg(long)]
    pub(crate) ops: bool,
    /// Hold projections of the published results that name their work against what was published
    #[arg(long, conflicts_with_all = ["workload", "on", "ops"])]
    pub(crate) published: bool,
    /// Directory of published results (those of the program if not given)
    #[arg(long, value_name = "DIR")]
    pub(crate) published_results: Option<PathBuf>,
    /// Directory of workload files, with suites/ in it, beside the built-in ones
    #[arg(long, default_value = "workloads", env = "PORTBENCH_WORKLOADS", value_name = "DIR")]
    pub(crate) workloads: PathBuf,
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) results: ResultsArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}
