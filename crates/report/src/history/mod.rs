//! Many runs of one results directory: does tonight still look like the nights before?
//!
//! [`History::read`] follows every cell over all runs as *series*: one cell and one metric on one hardware, with one program and one set of settings. A series is cut at *declared breaks* (other
//! versions, another machine) and at *change points*, and its latest run is held against what came before. Beside the series stand the cells that tonight lacks and those whose error jumped.

mod absent;
mod accuracy;
mod read;
mod row;
mod series;
mod stack;

pub use absent::{Absence, Absent};
pub use accuracy::Drift;
pub use read::{Stale, Wanted};
pub use row::{HISTORY_COLUMNS, HISTORY_NUMERIC, HistoryRow, SHIFT_COLUMNS, SHIFT_NUMERIC, shift_cells};
pub(crate) use row::{percent, why};
pub use series::{Break, Point, Series, Shift};
pub use stack::Change;
pub(crate) use stack::words;

use portbench_records::{RecordHead, RunInfo, Store, StoreError};
use portbench_stats::Standing;
use portbench_stats::multiplicity::{Correction, adjust};

use read::Nights;

/// Runs of one suite on one machine that began so many seconds before its newest are of the same night: a cell that was run once more is in it, and one that is not run again is missing afterwards.
pub const NIGHT: u64 = 12 * 3600;

/// The series of a results directory, and what of them is missing.
#[derive(Clone, Debug)]
pub struct History {
    /// The series, by cell and metric, older programs and settings of a cell first.
    pub series: Vec<Series>,
    /// Cells that were measured and are not tonight, by cell.
    pub absent: Vec<Absent>,
    /// Runs that were read, oldest first: id and start, seconds since 1970-01-01.
    pub runs: Vec<(String, u64)>,
    nights: Nights,
}

impl History {
    /// Reads all runs of a store. `unread` is told of each run and each record that cannot be read; the others count.
    ///
    /// # Errors
    /// [`StoreError::Read`] when the results directory cannot be listed.
    pub fn read(
        store: &Store,
        wanted: &Wanted<'_>,
        unread: &dyn Fn(&StoreError),
    ) -> Result<Self, StoreError> {
        let runs = store.runs()?.into_iter().filter_map(|id| store.resolve(&id).inspect_err(unread).ok());
        Ok(Self::from(Nights::read(&runs.collect::<Vec<_>>(), wanted, unread)))
    }

    /// The history of runs that were read already: ids and plans, and heads with the place of their run.
    pub(crate) fn of(runs: &[(String, &RunInfo)], heads: &[(usize, RecordHead)]) -> Self {
        Self::from(Nights::of(runs, heads, &Wanted::default()))
    }

    /// Suites on machines whose newest run began more than so many hours before `now` (seconds since 1970-01-01).
    #[must_use]
    pub fn stale(&self, now: u64, hours: f64) -> Vec<Stale> {
        self.nights.stale(now, hours)
    }

    /// How many tests the verdicts of tonight rest on.
    #[must_use]
    pub fn tests(&self) -> usize {
        self.series.iter().filter(|s| s.held.is_some()).count()
    }
}

impl From<Nights> for History {
    fn from(nights: Nights) -> Self {
        let mut series = series::follow(&nights);
        judge(&mut series);
        Self {
            absent: absent::find(&nights),
            runs: nights.runs.iter().map(|run| (run.id.clone(), run.started)).collect(),
            series,
            nights,
        }
    }
}

/// Gives the latest run of each series its verdict: claims hold for all series of tonight together (Benjamini and Hochberg).
fn judge(series: &mut [Series]) {
    let tested: Vec<usize> = (0..series.len()).filter(|&i| series[i].held.is_some()).collect();
    let p_values: Vec<f64> = tested.iter().filter_map(|&i| Some(series[i].held.as_ref()?.p)).collect();
    let adjusted =
        adjust(&p_values, Correction::BenjaminiHochberg).unwrap_or_else(|_| vec![1.0; tested.len()]);
    for one in series.iter_mut().filter(|one| one.tonight) {
        one.standing = Some(Standing::TooFewRuns);
    }
    for (&i, p) in tested.iter().zip(adjusted) {
        let one = &mut series[i];
        if let Some(held) = &one.held {
            one.standing = Some(held.standing(one.direction(), p, tested.len()));
            one.adjusted_p = Some(p);
            one.out_of_reach =
                held.relevant() && p > portbench_stats::regression::LEVEL && held.out_of_reach(tested.len());
        }
    }
}
