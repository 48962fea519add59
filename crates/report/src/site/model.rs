//! What the pages show, gathered from the records of some runs. Each record is read whole, one at a time; of its samples nothing is kept.

use std::collections::{BTreeMap, BTreeSet};

use portbench_backend::Lowering;
use portbench_catalog::Amount;
use portbench_catalog::published::Entry;
use portbench_measure::{Boundary, Metric};
use portbench_pricing::{NoCost, Platform, Share, WorkUnit};
use portbench_records::{Environment, Outcome, Problem, Provenance, Record, RunInfo};

use super::comparison::{Comparison, compared};
use crate::bounds::judge_bounds;
use crate::charts::{Beside, Replaced, Selection, Shown, Study, each_priced, projected};
use crate::error::ReportError;
use crate::html::Slugs;
use crate::row::Row;
use crate::scaling::judge_scaling;

/// Everything that the pages show.
pub(super) struct Site<'a> {
    pub(super) runs: Vec<RunEntry<'a>>,
    pub(super) platforms: Vec<PlatformEntry>,
    pub(super) workloads: Vec<WorkloadEntry>,
    /// Those of one workload together, in the order of the runs and of their plans.
    pub(super) cells: Vec<CellEntry>,
    /// Planned cells without a record, and records that cannot be read.
    pub(super) missing: Vec<Missing>,
    pub(super) comparisons: Vec<Comparison>,
    /// Cells that a later run measured again.
    pub(super) replaced: &'a [Replaced],
    pub(super) published: &'a [Entry],
    /// Share of the paid time that does useful work.
    pub(super) utilisation: f64,
    /// Hardware with a price that no cell ran on.
    pub(super) unfit: Vec<String>,
}

pub(super) struct RunEntry<'a> {
    pub(super) id: String,
    pub(super) info: &'a RunInfo,
    pub(super) measured: usize,
}

pub(super) struct PlatformEntry {
    pub(super) label: String,
    pub(super) slug: String,
    /// The page.
    pub(super) path: String,
    /// Versions for people.
    pub(super) stack: String,
    pub(super) runs: BTreeSet<usize>,
    pub(super) environment: Environment,
    /// Versions and settings by back end.
    pub(super) backends: BTreeMap<String, [BTreeMap<String, String>; 2]>,
}

pub(super) struct WorkloadEntry {
    pub(super) name: String,
    /// The page.
    pub(super) path: String,
    /// Of every problem under this name.
    pub(super) models: BTreeSet<String>,
}

/// A cell of a run.
pub(super) struct CellEntry {
    pub(super) run: usize,
    pub(super) platform: usize,
    pub(super) workload: usize,
    pub(super) row: Row,
    pub(super) problem: Problem,
    pub(super) boundary: Boundary,
    pub(super) provenance: Provenance,
    pub(super) trials: usize,
    /// Seconds of compiling, in order of the trials; a trial that does not say is left out.
    pub(super) compile: Vec<f64>,
    pub(super) ops: Ops,
    pub(super) warmup: Warmup,
    pub(super) cost: Cost,
    /// What other hardware could do at best.
    pub(super) projected: Vec<Beside>,
}

/// Kinds of op by how they ran.
#[derive(Default)]
pub(super) struct Ops {
    pub(super) native: usize,
    /// Name and reason of those that were put together from others.
    pub(super) decomposed: BTreeMap<String, String>,
}

/// What was executed before timing, in all trials.
#[derive(Default)]
pub(super) struct Warmup {
    pub(super) executions: u64,
    pub(super) seconds: f64,
}

/// What a cell's work costs.
pub(super) enum Cost {
    /// Nobody gave a price.
    NoPrice,
    /// There is a price and no cost, for this reason.
    None(String),
    /// USD for the count of each unit that people price, the workload's own unit first.
    Usd {
        per: Vec<(WorkUnit, Amount)>,
        share: Share,
        /// The hardware whose price counts.
        platform: Box<Platform>,
    },
}

/// A cell of a plan that has no record.
pub(super) struct Missing {
    pub(super) run: usize,
    pub(super) cell: String,
    /// Where the plan names it.
    pub(super) workload: Option<String>,
    pub(super) reason: String,
}

impl CellEntry {
    pub(super) fn is_measured(&self) -> bool {
        self.row.outcome == Outcome::Measured
    }

    pub(super) fn throughput(&self) -> Option<[f64; 3]> {
        self.row.estimate(Metric::Throughput)
    }

    /// The figure of each trial.
    pub(super) fn trials_of(&self, metric: Metric) -> &[f64] {
        self.row.figure(metric).map_or(&[], |f| f.trials.as_slice())
    }

    /// USD for the workload's own unit.
    pub(super) fn usd(&self) -> Option<(WorkUnit, Amount)> {
        match &self.cost {
            Cost::Usd { per, .. } => per.first().copied(),
            Cost::NoPrice | Cost::None(_) => None,
        }
    }

    /// Mode, scenario and numerics, which tell cells of one workload apart.
    pub(super) fn conditions(&self) -> String {
        let Row { mode, scenario, numerics, replicas, .. } = &self.row;
        let replicas = if *replicas == 1 { String::new() } else { format!(" · {replicas} replicas") };
        format!("{mode} · {scenario} · {numerics}{replicas}")
    }
}

impl Site<'_> {
    pub(super) fn platform(&self, cell: &CellEntry) -> &PlatformEntry {
        &self.platforms[cell.platform]
    }

    pub(super) fn workload(&self, cell: &CellEntry) -> &WorkloadEntry {
        &self.workloads[cell.workload]
    }
}

/// Reads the records of a study, one at a time.
///
/// # Errors
/// [`ReportError::Store`].
pub(super) fn gather<'a>(study: &'a Study<'_>) -> Result<Site<'a>, ReportError> {
    let shown = study.cells(&Selection::default());
    let mut runs = runs(study);
    let mut rows: Vec<Row> = shown.iter().map(|cell| Row::from(cell.head.clone())).collect();
    judge(study, &shown, &mut rows)?;
    let platforms = Order::of_platforms(study, &shown);
    let mut site = Site {
        platforms: platforms.entries(study),
        workloads: workloads(study, &shown),
        cells: Vec::new(),
        missing: missing(study, &runs),
        comparisons: Vec::new(),
        replaced: study.replaced(),
        published: study.published(),
        utilisation: study.prices().map_or(1.0, |prices| prices.terms().utilisation()),
        runs: Vec::new(),
        unfit: study.unfit_prices(),
    };
    for (cell, row) in shown.into_iter().zip(rows) {
        let platform = platforms.place(cell.platform);
        runs[cell.run].measured += usize::from(row.outcome == Outcome::Measured);
        let Some(record) = study.record(cell)? else { continue };
        site.platforms[platform].add(cell.run, &record);
        let workload = site.workloads.iter().position(|w| w.name == row.workload).unwrap_or(0);
        site.workloads[workload].models.insert(record.problem.model.clone());
        let mut entry = entry(cell.run, platform, workload, row, &record);
        entry.cost = cost(study, cell);
        entry.projected = projected(study, cell)?;
        site.cells.push(entry);
    }
    site.runs = runs;
    site.comparisons = compared(&site);
    Ok(site)
}

fn runs<'a>(study: &'a Study<'_>) -> Vec<RunEntry<'a>> {
    let each = study.runs().iter().zip(study.infos());
    each.map(|(run, info)| RunEntry { id: run.id(), info, measured: 0 }).collect()
}

/// Puts verdicts on bounds and scaling into the rows, run by run.
fn judge(study: &Study<'_>, shown: &[&Shown], rows: &mut [Row]) -> Result<(), ReportError> {
    for (place, run) in study.runs().iter().enumerate() {
        let own: Vec<usize> = (0..rows.len()).filter(|&i| shown[i].run == place).collect();
        let mut of_run: Vec<Row> = own.iter().map(|&i| rows[i].clone()).collect();
        judge_bounds(run, &mut of_run)?;
        judge_scaling(&mut of_run);
        for (i, row) in own.into_iter().zip(of_run) {
            rows[i] = row;
        }
    }
    Ok(())
}

fn workloads(study: &Study<'_>, shown: &[&Shown]) -> Vec<WorkloadEntry> {
    let mut slugs = Slugs::default();
    let known = |name: &String| shown.iter().any(|cell| cell.head.cell.workload == *name);
    let names = study.workloads().iter().filter(|name| known(name));
    let entry = |name: &String| WorkloadEntry {
        name: name.clone(),
        path: format!("workloads/{}.html", slugs.of(name)),
        models: BTreeSet::new(),
    };
    names.map(entry).collect()
}

/// Planned cells without a record, and records that cannot be read.
fn missing(study: &Study<'_>, runs: &[RunEntry<'_>]) -> Vec<Missing> {
    let mut found = Vec::new();
    for (place, run) in runs.iter().enumerate() {
        let ended = study.ended(place);
        for entry in run.info.plan.iter().filter(|entry| !ended.contains(&entry.cell.id())) {
            found.push(Missing {
                run: place,
                cell: entry.cell.id(),
                workload: Some(entry.cell.workload.clone()),
                reason:
                    "planned, and has no record that can be read: the run was stopped, or is still going on"
                        .to_owned(),
            });
        }
        for reason in study.unreadable(place) {
            found.push(Missing { run: place, cell: String::new(), workload: None, reason: reason.clone() });
        }
    }
    found
}

/// The order in which the site has the platforms: that of the first run first.
struct Order(Vec<usize>);

impl Order {
    fn of_platforms(study: &Study<'_>, shown: &[&Shown]) -> Self {
        let mut order = Vec::new();
        for run in 0..study.runs().len() {
            for cell in shown.iter().filter(|cell| cell.run == run) {
                if !order.contains(&cell.platform) {
                    order.push(cell.platform);
                }
            }
        }
        Self(order)
    }

    fn place(&self, platform: usize) -> usize {
        self.0.iter().position(|p| *p == platform).unwrap_or(0)
    }

    fn entries(&self, study: &Study<'_>) -> Vec<PlatformEntry> {
        let all = study.platforms();
        let entry = |&platform: &usize| PlatformEntry {
            label: all.label(platform).to_owned(),
            slug: all.slug(platform).to_owned(),
            path: format!("platforms/{}.html", all.slug(platform)),
            stack: all.stack(platform),
            runs: BTreeSet::new(),
            environment: Environment::default(),
            backends: BTreeMap::new(),
        };
        self.0.iter().map(entry).collect()
    }
}

impl PlatformEntry {
    /// Takes what a record tells of the platform.
    fn add(&mut self, run: usize, record: &Record) {
        if self.runs.is_empty() {
            self.environment = record.environment.clone();
        }
        self.runs.insert(run);
        if let Some(backend) = &record.backend {
            let name = format!("{}@{}", backend.backend, backend.device);
            self.backends.entry(name).or_insert_with(|| [backend.versions.clone(), backend.settings.clone()]);
        }
    }
}

fn entry(run: usize, platform: usize, workload: usize, row: Row, record: &Record) -> CellEntry {
    let warm = record.trials.iter().map(|trial| &trial.measurement.warmup);
    CellEntry {
        run,
        platform,
        workload,
        row,
        problem: record.problem.clone(),
        boundary: record.spec.boundary,
        provenance: record.provenance,
        trials: record.trials.len(),
        compile: record.trials.iter().filter_map(|trial| trial.phases.compile).collect(),
        ops: ops(record),
        warmup: warm.fold(Warmup::default(), |sum, w| Warmup {
            executions: sum.executions.saturating_add(w.executions),
            seconds: sum.seconds + w.seconds,
        }),
        cost: Cost::NoPrice,
        projected: Vec::new(),
    }
}

fn ops(record: &Record) -> Ops {
    let mut ops = Ops::default();
    let mut native = BTreeSet::new();
    for op in record.lowering.iter().flat_map(|report| &report.ops) {
        match &op.lowering {
            Lowering::Native { .. } => drop(native.insert(&op.op)),
            Lowering::Decomposed { reason } => drop(ops.decomposed.insert(op.op.clone(), reason.clone())),
        }
    }
    ops.native = native.iter().filter(|op| !ops.decomposed.contains_key(**op)).count();
    ops
}

/// The cost on the first of the given platforms that has the cell's hardware.
fn cost(study: &Study<'_>, cell: &Shown) -> Cost {
    if study.prices().is_none() {
        return Cost::NoPrice;
    }
    let priced = each_priced(study, cell, |priced, _| {
        let per = priced.rates().iter().map(|rate| Ok((rate.unit, priced.cost(rate)?)));
        let per = per.collect::<Result<Vec<_>, NoCost>>()?;
        Ok(Cost::Usd { per, share: priced.share(), platform: Box::new(priced.platform().clone()) })
    });
    match priced {
        Ok(found) => found.into_iter().next().unwrap_or(Cost::NoPrice),
        Err(why) => Cost::None(why),
    }
}
