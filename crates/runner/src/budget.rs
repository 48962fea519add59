//! How long a run may take, and what still fits.

use std::fmt;
use std::time::Duration;

/// A time for all trials of an execution together. The oracle's arithmetic counts, and is not cut.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// How long.
    pub time: Duration,
    /// How much of it is gone.
    pub elapsed: &'a dyn Fn() -> Duration,
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("time", &self.time).finish_non_exhaustive()
    }
}

/// A budget that is being spent.
pub(crate) struct Spending<'a> {
    budget: Budget<'a>,
    /// Of each cell, the longest time of a trial so far.
    longest: Vec<Duration>,
}

impl<'a> Spending<'a> {
    pub(crate) fn new(budget: Budget<'a>, cells: usize) -> Self {
        Self { budget, longest: vec![Duration::ZERO; cells] }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        (self.budget.elapsed)()
    }

    /// Whether nothing is left of it.
    pub(crate) fn spent(&self) -> bool {
        self.elapsed() >= self.budget.time
    }

    /// Whether a trial of that cell can be expected to fit. Of a first trial nothing is known: it is started while there is time, and cut when there is none.
    pub(crate) fn fits(&self, cell: usize) -> bool {
        let left = self.budget.time.saturating_sub(self.elapsed());
        !left.is_zero() && self.longest[cell] <= left
    }

    /// A trial of that cell has come to its end.
    pub(crate) fn took(&mut self, cell: usize, began: Duration) {
        let took = self.elapsed().saturating_sub(began);
        self.longest[cell] = self.longest[cell].max(took);
    }

    /// For people.
    pub(crate) fn words(&self) -> String {
        format!("the budget of {:.1} min is spent", self.budget.time.as_secs_f64() / 60.0)
    }
}
