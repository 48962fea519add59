//! What every scenario works with.

use portbench_backend::{EntryId, Executable, HostTensor};
use portbench_graph::{Graph, Program};

use crate::clock::{Clock, nanoseconds, seconds};
use crate::corpus::Split;
use crate::error::MeasureError;
use crate::feed::{Batch, Feeder};
use crate::spec::{MeasureSpec, Sampling};
use crate::warm;
use crate::words::Boundary;

/// Where a measurement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// First execution.
    FirstExecute,
    /// Warm-up.
    Warmup,
    /// Sampling.
    Sampling,
}

/// A sign of life.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Where the measurement stands.
    pub stage: Stage,
    /// Fraction of the stage done, where it is known.
    pub fraction: Option<f64>,
    /// What a person may like to see.
    pub detail: Option<String>,
}

/// Time between two signs of life, in nanoseconds.
const EVERY: u64 = 1_000_000_000;

/// The executable under measurement and its surroundings.
pub(crate) struct Session<'a> {
    pub(crate) executable: &'a mut dyn Executable,
    pub(crate) program: &'a Program,
    pub(crate) feeder: Feeder,
    pub(crate) spec: &'a MeasureSpec,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) progress: &'a mut dyn FnMut(Progress),
    pub(crate) report_at: u64,
}

impl Session<'_> {
    pub(crate) fn begin(&mut self, stage: Stage) {
        (self.progress)(Progress { stage, fraction: None, detail: None });
        self.report_at = self.clock.now() + EVERY;
    }

    /// Gives a sign of life if one is due at `now`.
    #[inline]
    pub(crate) fn pace(
        &mut self,
        now: u64,
        stage: Stage,
        describe: impl FnOnce() -> (Option<f64>, Option<String>),
    ) {
        if now >= self.report_at {
            let (fraction, detail) = describe();
            (self.progress)(Progress { stage, fraction, detail });
            self.report_at = now + EVERY;
        }
    }

    /// Runs `once` for the first time and returns the seconds it took.
    pub(crate) fn first<T>(
        &mut self,
        once: impl FnOnce(&mut Self) -> Result<T, MeasureError>,
    ) -> Result<(f64, T), MeasureError> {
        self.begin(Stage::FirstExecute);
        let start = self.clock.now();
        let value = once(self)?;
        Ok((seconds(self.clock.now() - start), value))
    }

    /// Runs `once` until the warm-up is over.
    pub(crate) fn warm_up(
        &mut self,
        mut once: impl FnMut(&mut Self) -> Result<(), MeasureError>,
    ) -> Result<warm::Warmed, MeasureError> {
        self.begin(Stage::Warmup);
        let settings = self.spec.warmup;
        let start = self.clock.now();
        let mut state = warm::State::new(settings);
        let mut before = start;
        loop {
            once(self)?;
            let now = self.clock.now();
            let over = state.push(now - before, now - start);
            before = now;
            if over {
                break;
            }
            self.pace(now, Stage::Warmup, || {
                (Some((seconds(now - start) / settings.max_seconds).min(1.0)), None)
            });
        }
        Ok(warm::Warmed { report: state.report(seconds(before - start)), typical: state.typical() })
    }
}

/// When sampling is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Until {
    start: u64,
    time: u64,
    min: u64,
    max: u64,
}

impl Until {
    pub(crate) fn new(sampling: &Sampling, start: u64) -> Self {
        Self {
            start,
            time: nanoseconds(sampling.seconds),
            min: sampling.min_samples,
            max: sampling.max_samples.max(1),
        }
    }

    #[inline]
    pub(crate) fn over(&self, samples: u64, now: u64) -> bool {
        samples >= self.max || (samples >= self.min && now - self.start >= self.time)
    }

    pub(crate) fn fraction(&self, samples: u64, now: u64) -> Option<f64> {
        let time = (now - self.start) as f64 / self.time.max(1) as f64;
        let count = samples as f64 / self.min.max(1) as f64;
        Some(time.min(count).max(samples as f64 / self.max as f64).min(1.0))
    }

    /// Samples to make room for, if each takes `typical` nanoseconds.
    pub(crate) fn room(&self, typical: u64) -> usize {
        /// 64 MiB; a longer series grows between samples.
        const MOST: u64 = 8 << 20;
        (self.time / typical.max(1)).saturating_mul(2).max(self.min).min(self.max).min(MOST) as usize
    }
}

/// One execution of an entry on inputs that do not change.
pub(crate) struct Execution<'a> {
    entry: EntryId,
    inputs: Vec<(&'a str, &'a HostTensor)>,
    outputs: Vec<&'a str>,
    boundary: Boundary,
}

impl<'a> Execution<'a> {
    /// Resolves an entry and makes its inputs.
    pub(crate) fn prepare(
        session: &Session<'a>,
        entry: &str,
    ) -> Result<(EntryId, &'a Graph, Batch), MeasureError> {
        let id = EntryId::of(session.program, entry)?;
        let graph = &session.program.entries[id.0];
        let batch = session.feeder.batch(graph, 0, Split::Training)?;
        Ok((id, graph, batch))
    }

    pub(crate) fn new(entry: EntryId, graph: &'a Graph, batch: &'a Batch, boundary: Boundary) -> Self {
        let outputs = graph.outputs.iter().map(|(name, _)| name.as_str()).collect();
        Self { entry, inputs: batch.refs(), outputs, boundary }
    }

    pub(crate) fn bind(&self, executable: &mut dyn Executable) -> Result<(), MeasureError> {
        Ok(executable.bind(self.entry, &self.inputs)?)
    }

    /// Executes; across the host boundary it also binds before and fetches after.
    #[inline]
    pub(crate) fn issue(&self, executable: &mut dyn Executable) -> Result<(), MeasureError> {
        match self.boundary {
            Boundary::DeviceResident => executable.execute(self.entry)?,
            Boundary::HostToHost => {
                executable.bind(self.entry, &self.inputs)?;
                executable.execute(self.entry)?;
                for output in &self.outputs {
                    executable.fetch(self.entry, output)?;
                }
            }
        }
        Ok(())
    }

    /// Executes and waits.
    #[inline]
    pub(crate) fn once(&self, executable: &mut dyn Executable) -> Result<(), MeasureError> {
        self.issue(executable)?;
        Ok(executable.synchronize()?)
    }
}
