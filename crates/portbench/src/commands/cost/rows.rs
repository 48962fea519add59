//! Costs of cells.

use portbench_catalog::Amount;
use portbench_catalog::cost::{at_load, bill, per_units, utilised};
use portbench_measure::{FigureValue, Metric, Mode, Unit};
use portbench_records::{Outcome, Record};
use serde::Serialize;

use super::{Priced, fits, words};
use crate::args::CostArgs;
use crate::failure::{Failure, usage};

/// What some count of one unit costs, or why that cannot be said.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct CostRow {
    workload: String,
    scenario: String,
    backend: String,
    numerics: String,
    /// `measured`, or `given` on the command line.
    provenance: &'static str,
    /// Units a second of the platform, with the interval.
    throughput: Option<Span>,
    /// What that throughput is of: `whole`, `scaled`, or `1 of 8`.
    of_platform: String,
    /// What the cost is of.
    per: String,
    usd: Option<Span>,
    /// Why there is no cost.
    detail: Option<String>,
    platform: String,
    basis: String,
    usd_per_hour: f64,
    price_origin: String,
    utilisation: f64,
}

/// A number with its interval; an end that has no bound is absent.
#[derive(Clone, Copy, Debug, Serialize)]
struct Span {
    value: f64,
    low: f64,
    high: Option<f64>,
}

impl From<Amount> for Span {
    fn from(a: Amount) -> Self {
        Self { value: a.value, low: a.low, high: a.high.is_finite().then_some(a.high) }
    }
}

impl Span {
    fn words(self) -> String {
        words(Amount { value: self.value, low: self.low, high: self.high.unwrap_or(f64::INFINITY) })
    }
}

/// Heads of the table's columns.
pub(super) const COLUMNS: [&str; 9] =
    ["workload", "scenario", "backend", "numerics", "throughput", "of platform", "per", "USD", "where from"];

impl CostRow {
    /// The cells of the table, as many as [`COLUMNS`].
    pub(super) fn cells(&self) -> [String; 9] {
        [
            self.workload.clone(),
            self.scenario.clone(),
            self.backend.clone(),
            self.numerics.clone(),
            self.throughput.map(|t| format!("{}/s", t.words())).unwrap_or_default(),
            self.of_platform.clone(),
            self.per.clone(),
            match (&self.usd, &self.detail) {
                (Some(usd), _) => usd.words(),
                (None, detail) => detail.clone().unwrap_or_default(),
            },
            self.provenance.to_owned(),
        ]
    }
}

/// A throughput that was given, as if it were of tokens.
pub(super) fn of_rate(args: &CostArgs, platform: &Priced<'_>, rate: f64) -> Result<Vec<CostRow>, Failure> {
    let base = CostRow { provenance: "given", of_platform: "whole".to_owned(), ..blank(args, platform) };
    let rates = [Rate { per_second: Amount::exact(rate), count: 1e6, per: "1M tokens", unit: "tokens" }];
    sums(args, platform, &base, &rates, args.startup)
}

/// A record.
pub(super) fn of_record(
    args: &CostArgs,
    platform: &Priced<'_>,
    record: &Record,
) -> Result<Vec<CostRow>, Failure> {
    let cell = &record.cell;
    let mut base = CostRow {
        workload: cell.workload.clone(),
        scenario: cell.scenario.to_string(),
        backend: cell.target(),
        numerics: cell.numerics.to_string(),
        provenance: "measured",
        ..blank(args, platform)
    };
    let throughput = match throughput(platform, record) {
        Ok(throughput) => throughput,
        Err(detail) => {
            base.detail = Some(detail);
            return Ok(vec![base]);
        }
    };
    let factor = if args.scale { f64::from(platform.accelerators) } else { 1.0 };
    base.of_platform = match (platform.accelerators, args.scale) {
        (1, _) => "whole".to_owned(),
        (n, true) => format!("scaled x{n}"),
        (n, false) => format!("1 of {n}"),
    };
    let startup = args.startup.or_else(|| startup(record));
    sums(args, platform, &base, &rates(record, throughput.times(factor)), startup)
}

fn blank(args: &CostArgs, platform: &Priced<'_>) -> CostRow {
    CostRow {
        workload: String::new(),
        scenario: String::new(),
        backend: String::new(),
        numerics: String::new(),
        provenance: "measured",
        throughput: None,
        of_platform: String::new(),
        per: String::new(),
        usd: None,
        detail: None,
        platform: platform.platform.clone(),
        basis: platform.basis.clone(),
        usd_per_hour: platform.usd.value,
        price_origin: platform.origin.clone(),
        utilisation: args.utilisation,
    }
}

/// The throughput of one device of a record, if it counts on this platform.
pub(super) fn throughput(platform: &Priced<'_>, record: &Record) -> Result<Amount, String> {
    if record.outcome != Outcome::Measured {
        return Err(record.outcome.to_string());
    }
    let device = &record.cell.device;
    if !fits(device, platform.accelerator) {
        return Err(format!("ran on {device}; {} has {}", platform.platform, platform.accelerator.name));
    }
    match record.figures.iter().find(|f| f.metric == Metric::Throughput).map(|f| &f.value) {
        Some(FigureValue::Estimated { value, low, high, .. }) => {
            Ok(Amount { value: *value, low: *low, high: *high })
        }
        Some(FigureValue::NotEstimable { reason }) => Err(format!("not estimable: {reason}")),
        None => Err("has no throughput".to_owned()),
    }
}

/// Seconds from starting to the first timed sample, the parity check aside: the mean over trials.
fn startup(record: &Record) -> Option<f64> {
    let seconds = |trial: &portbench_records::Trial| {
        let phases = &trial.phases;
        let once = [phases.start, phases.compile, phases.first_execute];
        once.into_iter().sum::<Option<f64>>().map(|s| s + trial.measurement.warmup.seconds)
    };
    let all: Vec<f64> = record.trials.iter().map(seconds).collect::<Option<_>>()?;
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

/// A rate that a throughput gives, and the count of its unit that people price.
struct Rate {
    per_second: Amount,
    count: f64,
    per: &'static str,
    unit: &'static str,
}

/// The rates of a record: of generate output, input and total tokens, each by itself.
fn rates(record: &Record, throughput: Amount) -> Vec<Rate> {
    let rate = |per_second, count, per, unit| Rate { per_second, count, per, unit };
    match (record.cell.mode, record.problem.unit) {
        (Mode::Generate, _) => {
            let mut rates = vec![rate(throughput, 1e6, "1M output tokens", "output tokens")];
            let count = |word: &str| record.problem.shape.get(word).map(|n| *n as f64);
            if let (Some(prompt), Some(written)) = (count("prompt"), count("new-tokens"))
                && prompt > 0.0
                && written > 0.0
            {
                let input = throughput.times(prompt / written);
                rates.push(rate(input, 1e6, "1M input tokens", "input tokens"));
                rates.push(rate(throughput.plus(input), 1e6, "1M tokens in all", "tokens"));
            }
            rates
        }
        (Mode::Training, Unit::Tokens) => {
            vec![rate(throughput, 1e9, "1B training tokens", "training tokens")]
        }
        (Mode::Inference, Unit::Tokens) => vec![rate(throughput, 1e6, "1M input tokens", "input tokens")],
        (_, Unit::Images) => vec![rate(throughput, 1e3, "1,000 images", "images")],
        (_, Unit::Samples) => vec![rate(throughput, 1e3, "1,000 sentences", "sentences")],
        (_, Unit::Executions) => vec![rate(throughput, 1e3, "1,000 executions", "executions")],
    }
}

fn sums(
    args: &CostArgs,
    platform: &Priced<'_>,
    base: &CostRow,
    rates: &[Rate],
    startup: Option<f64>,
) -> Result<Vec<CostRow>, Failure> {
    let mut rows = Vec::new();
    for rate in rates {
        let row = |per: String, usd: Option<Amount>| CostRow {
            throughput: Some(rate.per_second.into()),
            per,
            usd: usd.map(Into::into),
            ..base.clone()
        };
        let cost = per_units(platform.usd, rate.per_second, rate.count).map_err(usage)?;
        rows.push(row(rate.per.to_owned(), Some(utilised(cost, args.utilisation).map_err(usage)?)));
        for &load in &args.load {
            let per = format!("{} at {load} {}/s offered", rate.per, rate.unit);
            if load > rate.per_second.value {
                rows.push(CostRow { detail: Some("more than it can serve".to_owned()), ..row(per, None) });
            } else {
                let cost = at_load(platform.usd, rate.per_second, load, rate.count).map_err(usage)?;
                rows.push(row(per, Some(cost)));
            }
        }
    }
    // A bill is for the unit that the workload counts.
    if let Some(rate) = rates.first() {
        for &units in &args.units {
            let Some(startup) = startup else {
                rows.push(CostRow {
                    per: format!("{units} {} and the start-up", rate.unit),
                    detail: Some("the start-up is not known; give --startup SECONDS".to_owned()),
                    ..base.clone()
                });
                continue;
            };
            let whole = bill(platform.usd, rate.per_second, units, startup);
            let whole = whole.and_then(|b| utilised(b, args.utilisation)).map_err(usage)?;
            let throughput = Some(rate.per_second.into());
            let row =
                |per: String, usd: Amount| CostRow { throughput, per, usd: Some(usd.into()), ..base.clone() };
            rows.push(row(format!("{units} {} and {startup:.1} s of start-up", rate.unit), whole));
            rows.push(row(
                format!("{}, {units} of them with the start-up", rate.per),
                whole.times(rate.count / units),
            ));
        }
    }
    Ok(rows)
}
