//! A double of a stored run: records made up by hand, with every kind of figure in them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod fleet;
pub(crate) mod nights;
pub(crate) mod site;

use std::collections::BTreeMap;
use std::path::Path;

use portbench_backend::{BackendInfo, LoweredOp, Lowering, LoweringReport};
use portbench_measure::{
    Boundary, Compilations, Evaluation, Figure, FigureValue, LossPoint, MeasureSpec, Measurement, Metric,
    Mode, Numerics, Overhead, Phases, Samples, Sampling, Scenario, Task, Telemetry, Unit, Warmup,
    WarmupReport,
};
use portbench_records::{
    Cell, Environment, Outcome, OutputParity, Parity, PlanEntry, Problem, Provenance, Record, Run, RunInfo,
    Store, Trial, VERSION,
};

/// A figure whose three trials lie around `value` at the relative distance `spread`.
pub(crate) fn figure(metric: Metric, value: f64, spread: f64) -> Figure {
    let half = value * spread * 2.5;
    Figure {
        metric,
        value: FigureValue::Estimated {
            value,
            low: value - half,
            high: value + half,
            confidence: 0.95,
            method: "student-t over 3 trials".into(),
        },
        trials: vec![value * (1.0 - spread), value, value * (1.0 + spread)],
    }
}

pub(crate) fn not_estimable(metric: Metric) -> Figure {
    Figure {
        metric,
        value: FigureValue::NotEstimable { reason: "needs 299 samples, has 120".into() },
        trials: vec![],
    }
}

fn spec(mode: Mode, scenario: Scenario) -> MeasureSpec {
    let task = match mode {
        Mode::Inference => Task::Forward { entry: "forward".into(), units: 128 },
        Mode::Generate => Task::Generate {
            prefill: "prefill".into(),
            decode: "decode".into(),
            batch: 1,
            prompt: 128,
            new_tokens: 64,
        },
        Mode::Training => Task::Train {
            entry: "train".into(),
            loss: "loss".into(),
            units: 2048,
            steps: Some(40),
            evaluation: Some(Evaluation {
                entry: "evaluate".into(),
                every: 10,
                batches: 4,
                target: Some(2.1),
            }),
        },
    };
    MeasureSpec {
        task,
        scenario,
        boundary: Boundary::DeviceResident,
        warmup: Warmup { min_seconds: 0.5, max_seconds: 5.0, min_executions: 3 },
        sampling: Sampling { seconds: 2.0, min_samples: 10, max_samples: 1000, min_sample_seconds: 0.001 },
    }
}

fn samples(mode: Mode) -> Samples {
    match mode {
        Mode::Inference | Mode::Generate => Samples::Iterations {
            group: 1,
            units: 128,
            nanoseconds: (0..400u64).map(|i| 4_000_000 + (i * i * 37) % 2_000_000).collect(),
        },
        Mode::Training => {
            let loss = |step: u64| 1.9 + 2.4 * (-(step as f64) / 12.0).exp();
            let point = |step: u64, lift: f64| LossPoint { step, loss: loss(step) + lift };
            Samples::Training {
                units: 2048,
                group: 1,
                nanoseconds: (0..40).map(|i| 9_000_000 + i * 1000).collect(),
                losses: (0..40).map(|s| point(s, 0.04 * ((s * 7 % 5) as f64 - 2.0))).collect(),
                evaluations: (0..=4).map(|n| point(n * 10, 0.1)).collect(),
            }
        }
    }
}

pub(crate) fn cell(workload: &str, mode: Mode, backend: &str, numerics: Numerics) -> Cell {
    let scenario = Scenario::SingleStream;
    Cell {
        workload: workload.into(),
        mode,
        scenario,
        backend: backend.into(),
        device: "cpu".into(),
        numerics,
        replicas: 1,
    }
}

/// A measured cell; `rate` is its throughput in `unit` per second.
pub(crate) fn record(workload: &str, mode: Mode, backend: &str, unit: Unit, rate: f64) -> Record {
    let cell = cell(workload, mode, backend, Numerics::F32);
    let time = 128.0 / rate;
    let mut figures = vec![figure(Metric::Throughput, rate, 0.01)];
    match mode {
        Mode::Inference => {
            figures.push(figure(Metric::LatencyP50, time, 0.01));
            figures.push(not_estimable(Metric::LatencyP99));
        }
        Mode::Generate => {
            for (metric, value) in [
                (Metric::LatencyP50, time),
                (Metric::TtftP50, time / 3.0),
                (Metric::TtftP99, time / 2.0),
                (Metric::TpotP50, time / 64.0),
                (Metric::TpotP99, time / 40.0),
            ] {
                figures.push(figure(metric, value, 0.02));
            }
        }
        Mode::Training => {
            figures.push(figure(Metric::LatencyP50, time, 0.03));
            figures.push(figure(Metric::LatencyP99, time * 1.3, 0.04));
            figures.push(figure(Metric::ValidationLoss, 2.08, 0.001));
        }
    }
    figures.push(figure(Metric::PeakMemory, 1.5e9, 0.001));
    let lowered = |op: &str, lowering, flops| LoweredOp {
        entry: "forward".into(),
        op: op.into(),
        lowering,
        count: 12,
        flops,
        bytes: 4_000,
    };
    Record {
        version: VERSION,
        outcome: Outcome::Measured,
        detail: None,
        provenance: Provenance::Measured,
        problem: Problem {
            model: "made up".into(),
            parameters: 124_439_808,
            parameter_bytes: 497_759_232,
            shape: BTreeMap::from([("batch".to_owned(), 1)]),
            unit,
            fingerprint: "ab".repeat(32),
            flops: 31_000_000_000,
            bytes: 1_000_000_000,
            weights: "generated (seed 1)".into(),
        },
        backend: Some(BackendInfo {
            backend: backend.into(),
            device: "cpu".into(),
            versions: [("candle".to_owned(), "0.11.1".to_owned())].into(),
            settings: [("threads".to_owned(), "2".to_owned())].into(),
        }),
        lowering: Some(LoweringReport {
            ops: vec![
                lowered("linear", Lowering::Native { kernel: "gemm".into() }, 900_000),
                lowered("gelu", Lowering::Decomposed { reason: "no fused form".into() }, 100_000),
            ],
        }),
        parity: Some(Parity {
            fingerprint: "cd".repeat(32),
            reduced: Some("sequence 16 for 128".into()),
            passed: true,
            rule: "R at most 3".into(),
            outputs: vec![OutputParity {
                name: "logits".into(),
                elements: 804_112,
                non_finite: 0,
                error: Some(1.234e-6),
                same_dtype_error: Some(2.5e-6),
                ratio: Some(0.49),
                max_abs: Some(1e-5),
                cosine: Some(0.999_999_9),
                top1_agreement: Some(1.0),
                kl: Some(1e-12),
                passed: true,
            }],
        }),
        figures,
        spec: spec(mode, cell.scenario),
        trials: (0..3)
            .map(|order| Trial {
                order,
                started: 1_795_453_999,
                phases: Phases {
                    start: Some(0.01),
                    compile: Some(0.2),
                    first_execute: Some(0.003),
                    parity: None,
                },
                compilations: Compilations::default(),
                measurement: Measurement {
                    warmup: WarmupReport {
                        executions: 12,
                        seconds: 0.5,
                        settled: Some(true),
                        nanoseconds: (0..12).map(|i| 4_500_000 + 40_000_000 / (1 + i * i)).collect(),
                    },
                    samples: samples(mode),
                    barrier: None,
                    telemetry: Telemetry { peak_rss_bytes: Some(1_500_000_000), ..Telemetry::default() },
                    overhead: Overhead { timer_resolution_ns: 20, sample_ns: 61.5 },
                    accelerator: None,
                    replicas: Vec::new(),
                },
            })
            .collect(),
        environment: environment(),
        cell,
    }
}

/// A cell that ended otherwise, with nothing measured.
pub(crate) fn failed(workload: &str, backend: &str, outcome: Outcome, detail: &str) -> Record {
    let mut record = record(workload, Mode::Inference, backend, Unit::Tokens, 1.0);
    record.outcome = outcome;
    record.detail = Some(detail.into());
    record.figures.clear();
    record.trials.clear();
    record.lowering = None;
    record.parity = None;
    record.backend = None;
    record
}

pub(crate) fn environment() -> Environment {
    Environment {
        portbench: "0.1.0".into(),
        commit: None,
        os: "Linux".into(),
        kernel: "6.1".into(),
        arch: "x86_64".into(),
        cpu: "Some CPU @ 2.10GHz".into(),
        cpus: 2,
        memory_bytes: 8 << 30,
        facts: BTreeMap::new(),
    }
}

/// Five cells: every mode, two units, a native failure and a wrong result.
pub(crate) fn sample_records() -> Vec<Record> {
    let mut records = vec![
        record("gpt2-124m", Mode::Generate, "candle", Unit::Tokens, 21.7),
        record("gpt2-tiny-train", Mode::Training, "candle", Unit::Tokens, 15_320.0),
        record("resnet18", Mode::Inference, "candle", Unit::Images, 31.4),
        failed("llama-8b", "candle", Outcome::OutOfMemory, "needs 32 GiB, the machine has 8 GiB"),
        failed(
            "resnet18",
            "reference",
            Outcome::Incorrect,
            "output `logits` fails parity: R = 41, at most 3",
        ),
    ];
    records[3].environment.facts.insert("governor".into(), "performance".into());
    records
}

/// Stores records as a run in that folder.
pub(crate) fn sample_run(folder: &Path, suite: &str, records: &[Record]) -> Run {
    let plan = records
        .iter()
        .map(|r| PlanEntry {
            cell: r.cell.clone(),
            fingerprint: r.problem.fingerprint.clone(),
            settings: "cd".repeat(32),
        })
        .collect();
    let run = Store::new(folder)
        .create(&RunInfo {
            version: VERSION,
            suite: suite.into(),
            started: 1_795_453_999,
            seed: 1,
            trials: 3,
            environment: environment(),
            plan,
        })
        .unwrap();
    for record in records {
        run.write_record(record).unwrap();
    }
    run
}
