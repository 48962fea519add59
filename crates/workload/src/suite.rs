//! A suite that was read.

use std::path::{Path, PathBuf};

use portbench_measure::{Numerics, Sampling, Scenario, Warmup};

use crate::document::Document;
use crate::error::WorkloadError;
use crate::file::{BackendChoice, Replicas, SamplingTable, SuiteEntry, SuiteFile, WarmupTable, check};
use crate::workload::{Workload, name_of};

/// A suite file with its name and place.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// Name: that of the file, without `.toml`.
    pub name: String,
    /// Its content, checked but for the workloads' names.
    pub file: SuiteFile,
    pub(crate) document: Document,
}

/// An entry of a suite with everything filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The workload.
    pub workload: Workload,
    /// Backends with their devices.
    pub backends: Vec<BackendChoice>,
    /// Traffic.
    pub scenarios: Vec<Scenario>,
    /// Numerics, in the workload's order.
    pub numerics: Vec<Numerics>,
    /// Workers that run at the same time, beside one alone; only that one if `None`.
    pub replicas: Option<Replicas>,
    /// Process launches.
    pub trials: u32,
    /// Seconds that warm-up and samples of a trial may take.
    pub time_limit: f64,
    /// Seconds that compiling, the parity check and the first execution may take before that.
    pub compile_limit: f64,
    /// Warm-up of a trial.
    pub warmup: Warmup,
    /// Sampling of a trial.
    pub sampling: Sampling,
}

impl Suite {
    /// Reads a suite file.
    ///
    /// # Errors
    /// [`WorkloadError::Read`], or [`WorkloadError::Mistakes`] with every mistake in it.
    pub fn read(path: &Path) -> Result<Self, WorkloadError> {
        Self::from_document(&name_of(path), Document::read(path)?)
    }

    /// Reads a suite out of the bytes of a file. `file` names it in messages, relative paths start at `folder`.
    ///
    /// # Errors
    /// [`WorkloadError::Mistakes`] with every mistake in it.
    pub fn from_bytes(file: &str, folder: Option<PathBuf>, bytes: Vec<u8>) -> Result<Self, WorkloadError> {
        Self::from_document(&name_of(Path::new(file)), Document::from_bytes(file, folder, bytes)?)
    }

    pub(crate) fn from_document(name: &str, document: Document) -> Result<Self, WorkloadError> {
        let file: SuiteFile = document.decode("suite")?;
        check::suite(&file, &document)?;
        Ok(Self { name: name.to_owned(), file, document })
    }

    /// The suite of one workload at the defaults.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        let entry = SuiteEntry {
            workload: workload.name.clone(),
            backends: None,
            scenarios: None,
            replicas: None,
            numerics: None,
            trials: None,
            time_limit: None,
            compile_limit: None,
            warmup: WarmupTable::default(),
            sampling: SamplingTable::default(),
        };
        let file = SuiteFile {
            description: workload.file.description.clone(),
            trials: None,
            time_limit: None,
            compile_limit: None,
            warmup: WarmupTable::default(),
            sampling: SamplingTable::default(),
            backends: None,
            entries: vec![entry],
        };
        Self { name: workload.name.clone(), file, document: workload.document.clone() }
    }

    /// An entry with everything filled in, for a workload that was found.
    pub(crate) fn planned(&self, index: usize, workload: Workload) -> Result<Planned, WorkloadError> {
        let entry = &self.file.entries[index];
        let numerics: Vec<Numerics> = match &entry.numerics {
            None => workload.numerics().to_vec(),
            Some(chosen) => {
                if let Some((i, n)) =
                    chosen.iter().enumerate().find(|(_, n)| !workload.numerics().contains(n))
                {
                    let offered: Vec<&str> = workload.numerics().iter().map(|n| n.name()).collect();
                    return Err(self.document.wrong(vec![self.document.at(
                        &["entries", &index.to_string(), "numerics", &i.to_string()],
                        format!("workload `{}` does not run at `{n}`", workload.name),
                        Some(format!("it runs at {}", crate::suggest::list(&offered))),
                    )]));
                }
                workload.numerics().iter().copied().filter(|n| chosen.contains(n)).collect()
            }
        };
        let default_backends =
            || vec![BackendChoice { backend: "candle".to_owned(), device: "cpu".to_owned() }];
        Ok(Planned {
            numerics,
            backends: entry
                .backends
                .clone()
                .or_else(|| self.file.backends.clone())
                .unwrap_or_else(default_backends),
            scenarios: entry.scenarios.clone().unwrap_or_else(|| vec![Scenario::SingleStream]),
            replicas: entry.replicas,
            trials: entry.trials.or(self.file.trials).unwrap_or(3),
            time_limit: entry.time_limit.or(self.file.time_limit).unwrap_or(600.0),
            compile_limit: entry.compile_limit.or(self.file.compile_limit).unwrap_or(3600.0),
            warmup: warmup(&entry.warmup, &self.file.warmup),
            sampling: sampling(&entry.sampling, &self.file.sampling),
            workload,
        })
    }
}

fn warmup(entry: &WarmupTable, suite: &WarmupTable) -> Warmup {
    let min_seconds = entry.min_seconds.or(suite.min_seconds).unwrap_or(0.5);
    Warmup {
        min_seconds,
        max_seconds: entry.max_seconds.or(suite.max_seconds).unwrap_or(5.0).max(min_seconds),
        min_executions: entry.min_executions.or(suite.min_executions).unwrap_or(1),
    }
}

fn sampling(entry: &SamplingTable, suite: &SamplingTable) -> Sampling {
    let min_samples = entry.min_samples.or(suite.min_samples).unwrap_or(3);
    Sampling {
        seconds: entry.seconds.or(suite.seconds).unwrap_or(3.0),
        min_samples,
        max_samples: entry.max_samples.or(suite.max_samples).unwrap_or(100_000).max(min_samples),
        min_sample_seconds: entry.min_sample_seconds.or(suite.min_sample_seconds).unwrap_or(1e-3),
    }
}
