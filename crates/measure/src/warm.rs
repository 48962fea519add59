//! When warm-up is over.

use portbench_stats::{Sample, warmup};

use crate::clock::nanoseconds;
use crate::measurement::WarmupReport;
use crate::spec::Warmup;

/// The result of a warm-up.
pub(crate) struct Warmed {
    pub(crate) report: WarmupReport,
    /// Median time of the latest executions, nanoseconds.
    pub(crate) typical: u64,
}

/// Latest executions that are looked at.
const WINDOW: usize = 1024;

/// A warm-up going on.
pub(crate) struct State {
    settings: Warmup,
    /// The latest durations, oldest first once turned at `executions % WINDOW`.
    ring: Vec<u64>,
    /// The first durations.
    first: Vec<u64>,
    executions: u64,
    settled: Option<bool>,
    /// Executions at which to look again.
    look_at: u64,
}

impl State {
    pub(crate) fn new(settings: Warmup) -> Self {
        Self {
            settings,
            ring: Vec::with_capacity(WINDOW),
            first: Vec::with_capacity(WarmupReport::KEPT),
            executions: 0,
            settled: None,
            look_at: 0,
        }
    }

    /// Takes the duration of one execution; says whether warm-up is over, `elapsed` nanoseconds after its start.
    pub(crate) fn push(&mut self, duration: u64, elapsed: u64) -> bool {
        let place = (self.executions % WINDOW as u64) as usize;
        if place < self.ring.len() {
            self.ring[place] = duration;
        } else {
            self.ring.push(duration);
        }
        if self.first.len() < WarmupReport::KEPT {
            self.first.push(duration);
        }
        self.executions += 1;
        let at_most = elapsed >= nanoseconds(self.settings.max_seconds);
        let minima = self.executions >= self.settings.min_executions
            && elapsed >= nanoseconds(self.settings.min_seconds);
        if at_most || (minima && self.executions >= self.look_at) {
            self.settled = self.look();
            self.look_at = self.executions + (self.executions / 8).max(1);
        }
        at_most || (minima && self.settled == Some(true))
    }

    /// Compares the two halves of the later half of all executions, as far as they are kept.
    fn look(&self) -> Option<bool> {
        let place = (self.executions % WINDOW as u64) as usize;
        let ordered: Vec<u64> = if self.ring.len() < WINDOW {
            self.ring.clone()
        } else {
            [&self.ring[place..], &self.ring[..place]].concat()
        };
        let later = ((self.executions / 2).max(4) as usize).min(ordered.len());
        let sample = Sample::from_nanos(&ordered[ordered.len() - later..]).ok()?;
        warmup::halves(&sample).ok().map(|halves| halves.steady())
    }

    /// The warm-up as it stands, after some seconds.
    pub(crate) fn report(&self, seconds: f64) -> WarmupReport {
        WarmupReport {
            executions: self.executions,
            seconds,
            settled: self.settled,
            nanoseconds: self.first.clone(),
        }
    }

    pub(crate) fn typical(&self) -> u64 {
        let mut sorted = self.ring.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or(0)
    }
}
