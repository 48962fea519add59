//! Records with something in every field.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;

use portbench_backend::{BackendInfo, LoweredOp, Lowering, LoweringReport};
use portbench_measure::{
    BarrierCheck, Boundary, Compilations, Figure, FigureValue, MeasureSpec, Measurement, Metric, Mode,
    Numerics, Overhead, Phases, Samples, Sampling, Scenario, Task, Telemetry, Unit, Warmup, WarmupReport,
};
use portbench_records::{
    Cell, Environment, Outcome, OutputParity, Parity, PlanEntry, Problem, Provenance, Record, RunInfo, Trial,
    VERSION,
};

pub(crate) fn cell(workload: &str) -> Cell {
    Cell {
        workload: workload.into(),
        mode: Mode::Inference,
        scenario: Scenario::Offline,
        backend: "candle".into(),
        device: "cpu".into(),
        numerics: Numerics::F32,
        replicas: 1,
    }
}

pub(crate) fn trial(order: u64) -> Trial {
    Trial {
        order,
        started: 1_795_453_999,
        phases: Phases { start: Some(0.01), compile: Some(0.2), first_execute: Some(0.003), parity: None },
        compilations: Compilations::default(),
        measurement: Measurement {
            warmup: WarmupReport {
                executions: 12,
                seconds: 0.5,
                settled: Some(true),
                nanoseconds: vec![9_000, 5_000],
            },
            samples: Samples::Iterations {
                group: 4,
                units: 128,
                nanoseconds: (0..40).map(|i| 4_000_000 + i * 137).collect(),
            },
            barrier: Some(BarrierCheck { doubling: 2.01, read_back_seconds: 1e-6, honest: true }),
            telemetry: Telemetry {
                cpu_cores: Some(1.9),
                peak_rss_bytes: Some(1 << 30),
                ..Telemetry::default()
            },
            accelerator: None,
            replicas: Vec::new(),
            overhead: Overhead { timer_resolution_ns: 20, sample_ns: 61.5 },
        },
    }
}

pub(crate) fn record(workload: &str) -> Record {
    let estimated = FigureValue::Estimated {
        value: 31_250.5,
        low: 31_000.25,
        high: 31_500.75,
        confidence: 0.95,
        method: "bootstrap over trials".into(),
    };
    let kernel = |kernel: &str| Lowering::Native { kernel: kernel.into() };
    let lowered = |op: &str, lowering| LoweredOp {
        entry: "forward".into(),
        op: op.into(),
        lowering,
        count: 3,
        flops: 1_000,
        bytes: 4_000,
    };
    Record {
        version: VERSION,
        cell: cell(workload),
        outcome: Outcome::Measured,
        detail: None,
        provenance: Provenance::Measured,
        problem: Problem {
            model: "gpt2 124m".into(),
            parameters: 124_439_808,
            parameter_bytes: 497_759_232,
            shape: [("batch".to_owned(), 1), ("sequence".to_owned(), 128)].into(),
            unit: Unit::Tokens,
            fingerprint: "ab".repeat(32),
            flops: 31_000_000_000,
            bytes: 1_000_000_000,
            weights: "generated (seed 1)".into(),
        },
        backend: Some(BackendInfo {
            backend: "candle".into(),
            device: "cpu".into(),
            versions: [("candle".to_owned(), "0.11.1".to_owned())].into(),
            settings: [("threads".to_owned(), "2".to_owned())].into(),
        }),
        lowering: Some(LoweringReport {
            ops: vec![lowered("linear", kernel("gemm")), lowered("gelu", kernel("gelu"))],
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
                error: Some(1e-6),
                same_dtype_error: Some(2e-6),
                ratio: Some(0.5),
                max_abs: Some(1e-5),
                cosine: Some(1.0),
                top1_agreement: Some(1.0),
                kl: Some(1e-12),
                passed: true,
            }],
        }),
        figures: vec![
            Figure {
                metric: Metric::Throughput,
                value: estimated,
                trials: vec![31_200.0, 31_250.5, 31_300.0],
            },
            Figure {
                metric: Metric::LatencyP99,
                value: FigureValue::NotEstimable { reason: "needs 300 samples, has 120".into() },
                trials: vec![],
            },
        ],
        spec: MeasureSpec {
            task: Task::Forward { entry: "forward".into(), units: 128 },
            scenario: Scenario::Offline,
            boundary: Boundary::DeviceResident,
            warmup: Warmup { min_seconds: 0.5, max_seconds: 5.0, min_executions: 3 },
            sampling: Sampling {
                seconds: 2.0,
                min_samples: 10,
                max_samples: 1000,
                min_sample_seconds: 0.001,
            },
        },
        trials: (0..3).map(trial).collect(),
        environment: environment(),
    }
}

pub(crate) fn environment() -> Environment {
    Environment {
        portbench: "0.1.0".into(),
        commit: None,
        os: "Linux".into(),
        kernel: "6.1".into(),
        arch: "x86_64".into(),
        cpu: "some CPU".into(),
        cpus: 2,
        memory_bytes: 8 << 30,
        facts: BTreeMap::from([("governor".to_owned(), "performance".to_owned())]),
    }
}

pub(crate) fn info(workloads: &[&str]) -> RunInfo {
    RunInfo {
        version: VERSION,
        suite: "test".into(),
        started: 1_795_453_999,
        seed: 1,
        trials: 3,
        environment: environment(),
        plan: workloads
            .iter()
            .map(|w| PlanEntry { cell: cell(w), fingerprint: "ab".repeat(32), settings: "cd".repeat(32) })
            .collect(),
    }
}
