//! What charts are drawn from: the cells of one or several runs, each with its platform.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use portbench_backend::with_causes;
use portbench_catalog::published::Entry;
use portbench_catalog::{Accelerator, Catalog};
use portbench_measure::{Metric, Numerics, Scenario};
use portbench_records::{Outcome, Record, RecordHead, Run, RunInfo};

use super::beside::{projection, publisher};
use super::prices::{PriceChoice, Prices, unfit};
use super::programs::{self, Unlike};
use crate::error::ReportError;
use crate::history::History;
use crate::platform::{Platform, Platforms};

/// A cell of one of the runs.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Place of its run.
    pub(crate) run: usize,
    pub(crate) head: RecordHead,
    /// Place of its platform in the report.
    pub(crate) platform: usize,
    /// What tells its program from others that were run under the same name and conditions.
    pub(crate) program: Option<String>,
}

impl Shown {
    /// Value and interval of a metric of a cell that was measured.
    pub(crate) fn estimate(&self, metric: Metric) -> Option<[f64; 3]> {
        let figure = self.head.figures.iter().find(|f| f.metric == metric)?;
        (self.head.outcome == Outcome::Measured).then(|| figure.estimate())?
    }

    /// What tells it from other cells of its workload and platform: numerics, the scenario unless it is single-stream, replicas, its program where others have its name.
    pub(crate) fn setting(&self) -> String {
        let cell = &self.head.cell;
        let mut text = cell.numerics.to_string();
        if cell.scenario != Scenario::SingleStream {
            text.push_str(&format!(" {}", cell.scenario));
        }
        if cell.replicas > 1 {
            text.push_str(&format!(" x{}", cell.replicas));
        }
        text + &self.apart()
    }

    /// The words about its program, ready to follow others; empty where nothing else has its name.
    pub(crate) fn apart(&self) -> String {
        self.program.as_ref().map(|program| format!(" ({program})")).unwrap_or_default()
    }
}

/// What of the runs a chart shows; all of it where a field is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// One workload.
    pub workload: Option<String>,
    /// One platform, by [`Platforms::slug`].
    pub platform: Option<String>,
    /// One model, as records name it.
    pub model: Option<String>,
    /// One number format.
    pub numerics: Option<Numerics>,
}

/// The cells of one or several runs.
pub struct Study<'a> {
    runs: &'a [Run],
    infos: Vec<RunInfo>,
    cells: Vec<Shown>,
    workloads: Vec<String>,
    platforms: Platforms,
    /// Cells that a later run measured again.
    replaced: Vec<Replaced>,
    /// Cells of one name and different work.
    unlike: Vec<Unlike>,
    /// Of each run, why records cannot be read.
    unreadable: Vec<Vec<String>>,
    /// Every cell over all of the runs; of one run there is none.
    history: Option<History>,
    catalog: Option<Catalog>,
    published: Vec<Entry>,
    projections: Vec<Accelerator>,
    /// Names of projected and published series.
    others: Vec<String>,
    prices: Option<Prices>,
}

/// A cell that a later run measured again on the same platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// The cell's name.
    pub(crate) cell: String,
    /// Place of its run.
    pub(crate) run: usize,
    /// Place of the run that counts.
    pub(crate) by: usize,
}

impl<'a> Study<'a> {
    /// Reads the heads of the records of all runs; one that cannot be read is left out, and known as such. Of a cell that several runs have on one platform with one program, the
    /// latest run's counts.
    ///
    /// # Errors
    /// [`ReportError::Store`].
    pub fn read(runs: &'a [Run]) -> Result<Self, ReportError> {
        let infos: Vec<RunInfo> = runs.iter().map(Run::info).collect::<Result<_, _>>()?;
        let mut heads: Vec<(usize, RecordHead)> = Vec::new();
        let mut unreadable = Vec::new();
        for (i, (run, info)) in runs.iter().zip(&infos).enumerate() {
            let order: BTreeMap<String, usize> =
                info.plan.iter().enumerate().map(|(n, entry)| (entry.cell.id(), n)).collect();
            let (mut of_run, mut unreadable_of_run) = (Vec::new(), Vec::new());
            for head in run.heads()? {
                match head {
                    Ok(head) => of_run.push(head),
                    Err(error) => unreadable_of_run.push(with_causes(&error)),
                }
            }
            unreadable.push(unreadable_of_run);
            of_run.sort_by_key(|head| order.get(&head.cell.id()).copied().unwrap_or(usize::MAX));
            heads.extend(of_run.into_iter().map(|head| (i, head)));
        }
        Ok(Self::of(runs, infos, heads, unreadable))
    }

    /// A study of these cells, each with the number of its run; `unreadable` has the errors of each run's records that could not be read.
    pub(crate) fn of(
        runs: &'a [Run],
        infos: Vec<RunInfo>,
        heads: Vec<(usize, RecordHead)>,
        unreadable: Vec<Vec<String>>,
    ) -> Self {
        let ids: Vec<(String, &RunInfo)> = runs.iter().map(Run::id).zip(&infos).collect();
        let history = (runs.len() > 1).then(|| History::of(&ids, &heads));
        let each = Platform::of_runs(heads.iter().map(|(run, head)| (*run, head)));
        let platforms = Platforms::new(each.iter().cloned());
        let mut cells: Vec<Shown> = Vec::new();
        let mut places: BTreeMap<(usize, String, String), usize> = BTreeMap::new();
        let mut replaced = Vec::new();
        for ((run, head), platform) in heads.into_iter().zip(each) {
            let platform = platforms.index(&platform).unwrap_or(0);
            let shown = Shown { run, head, platform, program: None };
            match places.entry((platform, shown.head.cell.id(), shown.head.problem.fingerprint.clone())) {
                btree_map::Entry::Vacant(place) => {
                    place.insert(cells.len());
                    cells.push(shown);
                }
                btree_map::Entry::Occupied(place) => {
                    let place = *place.get();
                    let newer = infos[run].started >= infos[cells[place].run].started;
                    let older = if newer { std::mem::replace(&mut cells[place], shown) } else { shown };
                    let by = cells[place].run;
                    replaced.push(Replaced { cell: older.head.cell.id(), run: older.run, by });
                }
            }
        }
        let mut seen = BTreeSet::new();
        let names = cells.iter().map(|c| &c.head.cell.workload);
        let workloads: Vec<String> = names.filter(|w| seen.insert(w.as_str())).cloned().collect();
        let place: BTreeMap<&str, usize> = workloads.iter().map(String::as_str).zip(0..).collect();
        cells.sort_by_key(|c| place.get(c.head.cell.workload.as_str()).copied());
        let unlike = programs::tell_apart(&mut cells);
        Self {
            runs,
            infos,
            cells,
            workloads,
            platforms,
            replaced,
            unlike,
            unreadable,
            history,
            catalog: None,
            published: Vec::new(),
            projections: Vec::new(),
            others: Vec::new(),
            prices: None,
        }
    }

    /// The same with a catalogue, from which charts take peaks and prices.
    #[must_use]
    pub fn with_catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = Some(catalog);
        self
    }

    /// The same with results that others published: charts show those of the same model beside measured ones.
    #[must_use]
    pub fn with_published(mut self, published: Vec<Entry>) -> Self {
        self.published = published;
        self.name_others();
        self
    }

    /// The same with accelerators on which charts show what programs could do at best.
    #[must_use]
    pub fn with_projections(mut self, accelerators: Vec<Accelerator>) -> Self {
        self.projections = accelerators;
        self.name_others();
        self
    }

    /// The same with prices from the catalogue, so that there are charts of cost.
    ///
    /// # Errors
    /// [`ReportError::Catalog`]: no such instance or system, no such price, a region that has to be named; nothing is priced without a catalogue.
    pub fn with_prices(mut self, choice: PriceChoice) -> Result<Self, ReportError> {
        if let Some(catalog) = &self.catalog {
            self.prices = Some(Prices::new(catalog, choice)?);
        }
        Ok(self)
    }

    /// Hardware with a price that no cell ran on, in words.
    #[must_use]
    pub fn unfit_prices(&self) -> Vec<String> {
        unfit(self)
    }

    /// Prices to count with.
    pub(crate) fn prices(&self) -> Option<&Prices> {
        self.prices.as_ref()
    }

    /// Series that are not measured have the numbers that platforms leave free, projected ones first, by name.
    fn name_others(&mut self) {
        let published: BTreeSet<String> = self.published.iter().map(publisher).collect();
        let projected: BTreeSet<String> = self.projections.iter().map(|a| projection(&a.title)).collect();
        self.others = projected.into_iter().chain(published).collect();
    }

    /// The number of a projected or published series, by its name.
    pub(crate) fn other_series(&self, name: &str) -> Option<usize> {
        let place = self.others.iter().position(|other| other == name)?;
        self.platforms.free_series().nth(place)
    }

    /// What others published.
    pub(crate) fn published(&self) -> &[Entry] {
        &self.published
    }

    /// Accelerators for projections.
    pub(crate) fn projections(&self) -> &[Accelerator] {
        &self.projections
    }

    /// The platforms of these runs.
    #[must_use]
    pub fn platforms(&self) -> &Platforms {
        &self.platforms
    }

    /// The runs.
    #[must_use]
    pub fn runs(&self) -> &'a [Run] {
        self.runs
    }

    /// What the runs set out to do.
    #[must_use]
    pub fn infos(&self) -> &[RunInfo] {
        &self.infos
    }

    /// Workloads in the order of the plans.
    #[must_use]
    pub fn workloads(&self) -> &[String] {
        &self.workloads
    }

    /// The cells that a chart shows, those of one workload together.
    pub(crate) fn cells(&self, selection: &Selection) -> Vec<&Shown> {
        let platform = selection.platform.as_ref().map(|slug| self.platforms.of_slug(slug));
        let wanted = |shown: &&Shown| {
            let cell = &shown.head.cell;
            selection.workload.as_ref().is_none_or(|w| *w == cell.workload)
                && platform.is_none_or(|p| p == Some(shown.platform))
                && selection.model.as_ref().is_none_or(|m| *m == shown.head.problem.model)
                && selection.numerics.is_none_or(|n| n == cell.numerics)
        };
        self.cells.iter().filter(wanted).collect()
    }

    /// Every cell.
    pub(crate) fn all(&self) -> &[Shown] {
        &self.cells
    }

    /// Every cell over all of the runs, where there are several.
    pub(crate) fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// The catalogue's accelerator of a platform.
    pub(crate) fn accelerator(&self, platform: usize) -> Option<&Accelerator> {
        self.platforms.iter().nth(platform)?.accelerator(self.catalog.as_ref()?)
    }

    /// Cells of the plans that have no record.
    pub(crate) fn not_ended(&self, selection: &Selection) -> impl Iterator<Item = String> {
        let mut missing = Vec::new();
        for (i, info) in self.infos.iter().enumerate() {
            let ended = self.ended(i);
            for cell in info.plan.iter().map(|entry| &entry.cell) {
                let id = cell.id();
                let wanted = selection.workload.as_ref().is_none_or(|w| *w == cell.workload)
                    && selection.numerics.is_none_or(|n| n == cell.numerics)
                    && (selection.platform.is_none() && selection.model.is_none());
                if wanted && !ended.contains(&id) {
                    missing.push(id);
                }
            }
        }
        missing.into_iter()
    }

    /// The number of a cell's series.
    pub(crate) fn series(&self, cell: &Shown) -> usize {
        self.platforms.series(cell.platform)
    }

    /// What a line about a cell is called, and what is special about it: its workload and its setting, with its platform where there are several.
    pub(crate) fn words(&self, cell: &Shown, selection: &Selection) -> (String, String) {
        let (platform, setting) = (self.platforms.label(cell.platform).to_owned(), cell.setting());
        let one_platform = self.platforms.len() < 2 || selection.platform.is_some();
        match (&selection.workload, one_platform) {
            (Some(_), _) => (platform, setting),
            (None, true) => (cell.head.cell.workload.clone(), setting),
            (None, false) => (cell.head.cell.workload.clone(), format!("{platform}, {setting}")),
        }
    }

    /// The whole record of a cell.
    pub(crate) fn record(&self, shown: &Shown) -> Result<Option<Record>, ReportError> {
        Ok(self.runs[shown.run].record(&shown.head.cell.id())?)
    }

    /// Cells that a later run measured again.
    pub(crate) fn replaced(&self) -> &[Replaced] {
        &self.replaced
    }

    /// Why records of a run cannot be read.
    pub(crate) fn unreadable(&self, run: usize) -> &[String] {
        &self.unreadable[run]
    }

    /// Names of the cells of a run that have a record.
    pub(crate) fn ended(&self, run: usize) -> BTreeSet<String> {
        let replaced = self.replaced.iter().filter(|cell| cell.run == run).map(|cell| cell.cell.clone());
        let shown = self.cells.iter().filter(|shown| shown.run == run).map(|shown| shown.head.cell.id());
        shown.chain(replaced).collect()
    }

    /// Ids of the runs.
    pub(crate) fn run_ids(&self) -> Vec<String> {
        self.runs.iter().map(Run::id).collect()
    }

    /// What stands below every chart: the software and hardware of the platforms that it shows, which cells gave way to a later run's, and which of one name are about different work.
    pub(crate) fn notes(&self, shown: &[&Shown]) -> Vec<String> {
        let mut notes: Vec<String> = self.stacks(shown).into_iter().collect();
        let ids: Vec<String> = shown.iter().map(|s| s.head.cell.id()).collect();
        for Replaced { cell, run, .. } in self.replaced.iter().filter(|r| ids.contains(&r.cell)) {
            let run = self.runs[*run].id();
            notes.push(format!("Not drawn: {cell} of run {run}: a later run measured it again."));
        }
        notes.extend(programs::notes(&self.unlike, shown));
        notes
    }

    /// The software and hardware of the platforms of these cells.
    pub(crate) fn stacks(&self, shown: &[&Shown]) -> Option<String> {
        let mut platforms: Vec<usize> = shown.iter().map(|s| s.platform).collect();
        platforms.sort_unstable();
        platforms.dedup();
        let stack = |p: usize| format!("{}: {}", self.platforms.label(p), self.platforms.stack(p));
        let stacks: Vec<String> = platforms.into_iter().map(stack).collect();
        (!stacks.is_empty()).then(|| format!("Stack: {}.", stacks.join("; ")))
    }
}
