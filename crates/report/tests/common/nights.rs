//! A double of many nights: runs of one suite, made up night by night.

use std::path::Path;

use portbench_backend::BackendInfo;
use portbench_measure::{AcceleratorTelemetry, Metric, Mode, Unit};
use portbench_records::{Environment, Outcome, PlanEntry, Record, Run, RunInfo, Store, VERSION};

use super::{environment, failed, figure, record};

/// When the first night begins: 2026-10-01 02:00 UTC.
pub(crate) const FIRST: u64 = 1_790_820_000;
const DAY: u64 = 24 * 3600;

/// What a cell does in a night.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// It is measured, so many units a second.
    Rate(f64),
    /// It ends so.
    Ends(Outcome),
    /// It is planned and has no record.
    Nothing,
}

/// A night: its cells, and what it runs on.
#[derive(Clone, Debug)]
pub(crate) struct Night {
    pub(crate) suite: &'static str,
    pub(crate) day: u64,
    /// Hours after the night's beginning.
    pub(crate) hour: u64,
    pub(crate) cells: Vec<(&'static str, Does)>,
    pub(crate) driver: &'static str,
    pub(crate) library: &'static str,
    pub(crate) threads: &'static str,
    pub(crate) commit: Option<&'static str>,
    /// The error of every parity check.
    pub(crate) error: f64,
    pub(crate) fingerprint: String,
}

impl Night {
    pub(crate) fn of(day: u64, cells: &[(&'static str, Does)]) -> Self {
        Self {
            suite: "nightly",
            day,
            hour: 0,
            cells: cells.to_vec(),
            driver: "580.95",
            library: "2.9.0",
            threads: "16",
            commit: None,
            error: 1.2e-6,
            fingerprint: "ab".repeat(16),
        }
    }

    fn environment(&self) -> Environment {
        Environment {
            commit: self.commit.map(Into::into),
            cpu: "EPYC 9V84".into(),
            cpus: 40,
            ..environment()
        }
    }

    fn record(&self, workload: &str, does: &Does) -> Option<Record> {
        let mut record = match does {
            Does::Rate(rate) => record(workload, Mode::Inference, "tch", Unit::Samples, *rate),
            Does::Ends(outcome) => failed(workload, "tch", *outcome, "it ended so"),
            Does::Nothing => return None,
        };
        if let Does::Rate(rate) = does {
            record.figures[0] = figure(Metric::Throughput, *rate, 0.002);
        }
        record.cell.device = "cuda:0".into();
        record.environment = self.environment();
        record.problem.fingerprint.clone_from(&self.fingerprint);
        if record.outcome == Outcome::Measured {
            record.backend = Some(BackendInfo {
                backend: "tch".into(),
                device: "cuda:0".into(),
                versions: [("libtorch".to_owned(), self.library.to_owned())].into(),
                settings: [("threads".to_owned(), self.threads.to_owned())].into(),
            });
        }
        for output in record.parity.iter_mut().flat_map(|p| &mut p.outputs) {
            output.error = Some(self.error);
            output.ratio = Some(self.error / 2.5e-6);
        }
        for trial in &mut record.trials {
            trial.measurement.accelerator = Some(AcceleratorTelemetry {
                name: Some("NVIDIA H100 80GB HBM3".into()),
                driver: Some(self.driver.into()),
                ..AcceleratorTelemetry::default()
            });
        }
        Some(record)
    }

    /// Stores the night; its id is its place among the nights.
    pub(crate) fn store(&self, results: &Path) -> Run {
        let made = self.cells.iter().map(|(workload, does)| {
            let entry = self.record(
                workload,
                &if matches!(does, Does::Nothing) { Does::Rate(1.0) } else { does.clone() },
            );
            (entry, self.record(workload, does))
        });
        let (planned, records): (Vec<_>, Vec<_>) = made.unzip();
        let entry = |record: Record| PlanEntry {
            cell: record.cell,
            fingerprint: record.problem.fingerprint,
            settings: "cd".repeat(32),
        };
        let started = FIRST + self.day * DAY + self.hour * 3600;
        let run = Store::new(results)
            .create(&RunInfo {
                version: VERSION,
                suite: self.suite.into(),
                started,
                seed: 1,
                trials: 3,
                environment: self.environment(),
                plan: planned.into_iter().flatten().map(entry).collect(),
            })
            .unwrap();
        for record in records.into_iter().flatten() {
            run.write_record(&record).unwrap();
        }
        let id = format!("night-{:03}-{:02}", self.day, self.hour);
        std::fs::rename(run.dir(), results.join(&id)).unwrap();
        Store::new(results).resolve(&id).unwrap()
    }
}

/// A value that moves by less than half a percent from night to night.
pub(crate) fn around(value: f64, day: u64) -> Does {
    let unit = (day * 2_654_435_761 % 1000) as f64 / 1000.0;
    Does::Rate(value * (1.0 + 0.008 * (unit - 0.5)))
}
