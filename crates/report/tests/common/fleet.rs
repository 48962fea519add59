//! Made-up runs of one suite on several platforms: GPUs, a Neuron instance and a CPU, with every way to end.

use std::path::Path;

use portbench_backend::{BackendInfo, LoweredOp, Lowering};
use portbench_measure::{
    AcceleratorTelemetry, GenerateSample, Histogram, Metric, Mode, Numerics, Samples, Scenario, Task, Unit,
};
use portbench_records::{Outcome, Record, Run};
use portbench_stats::LatencyHistogram;

use super::{failed, figure, record, sample_run};

/// A platform: back end, device, product name or instance, its main library, and how fast it is.
#[derive(Clone, Copy)]
pub(crate) struct On {
    pub(crate) backend: &'static str,
    pub(crate) device: &'static str,
    pub(crate) hardware: Option<&'static str>,
    pub(crate) library: (&'static str, &'static str),
    pub(crate) speed: f64,
}

pub(crate) const H100: On = On {
    backend: "tch",
    device: "cuda:0",
    hardware: Some("NVIDIA H100 80GB HBM3"),
    library: ("libtorch", "2.9.0"),
    speed: 400.0,
};
pub(crate) const H100_COMPILED: On =
    On { backend: "torch-compile", library: ("torch", "2.9.0"), speed: 520.0, ..H100 };
pub(crate) const H200_COMPILED: On = On { hardware: Some("NVIDIA H200"), speed: 610.0, ..H100_COMPILED };
pub(crate) const TRN2: On = On {
    backend: "neuron-trace",
    device: "neuron:0",
    hardware: Some("trn2.48xlarge"),
    library: ("torch-neuronx", "2.9.0"),
    speed: 300.0,
};
pub(crate) const CPU: On =
    On { backend: "candle", device: "cpu", hardware: None, library: ("candle", "0.11.1"), speed: 1.0 };

/// Puts a record onto a platform.
fn placed(mut record: Record, on: On) -> Record {
    record.cell.backend = on.backend.into();
    record.cell.device = on.device.into();
    let library = (on.library.0.to_owned(), on.library.1.to_owned());
    if record.outcome != Outcome::Unavailable {
        record.backend = Some(BackendInfo {
            backend: on.backend.into(),
            device: on.device.into(),
            versions: [library].into(),
            settings: Default::default(),
        });
    }
    match on.hardware {
        Some(name) if on.device.starts_with("cuda") => {
            for trial in &mut record.trials {
                trial.measurement.accelerator = Some(AcceleratorTelemetry {
                    name: Some(name.into()),
                    driver: Some("580.95".into()),
                    ..AcceleratorTelemetry::default()
                });
            }
        }
        Some(instance) => {
            record.environment.facts.insert("neuron-instance".into(), instance.into());
        }
        None => {}
    }
    record
}

/// Times around one, with a tail: repeatable, and different for each seed.
fn times(count: u64, seconds: f64, seed: u64) -> Vec<u64> {
    let unit = |i: u64| ((i * 2_654_435_761 + seed * 97) % 1000) as f64 / 1000.0;
    (0..count)
        .map(|i| {
            let u = unit(i);
            let tail = if u > 0.97 { 1.0 + (u - 0.97) * 20.0 } else { 1.0 };
            (seconds * 1e9 * (0.95 + 0.1 * unit(i * 7 + 3)) * tail) as u64
        })
        .collect()
}

fn generate(workload: &str, on: On, batch: u64) -> Record {
    let batching = (batch as f64).powf(0.8);
    let rate = 20.0 * on.speed * batching;
    let mut record = placed(record(workload, Mode::Generate, on.backend, Unit::Tokens, rate), on);
    record.cell.numerics = Numerics::Bf16;
    record.problem.model = "gpt2 124m".into();
    record.problem.fingerprint = format!("{batch:02x}").repeat(16);
    record.problem.shape =
        [("batch".to_owned(), batch), ("prompt".to_owned(), 128), ("new-tokens".to_owned(), 64)].into();
    let (tpot, ttft) = (batch as f64 / rate, 3.0 * batch as f64 / rate);
    for figure_ in &mut record.figures {
        let value = match figure_.metric {
            Metric::TpotP50 => tpot,
            Metric::TpotP99 => tpot * 1.4,
            Metric::TtftP50 => ttft,
            Metric::TtftP99 => ttft * 1.6,
            Metric::LatencyP50 => ttft + 63.0 * tpot,
            _ => continue,
        };
        *figure_ = figure(figure_.metric, value, 0.02);
    }
    let per_token = record.problem.flops as f64 / 64.0;
    record.figures.push(figure(Metric::FlopRate, rate * per_token, 0.02));
    let mut gaps = LatencyHistogram::new().unwrap();
    for time in times(500, tpot, 1) {
        gaps.record(time).unwrap();
    }
    let gaps = Histogram::of(&gaps).unwrap();
    for (i, trial) in record.trials.iter_mut().enumerate() {
        let requests = times(150, ttft + 63.0 * tpot, i as u64 + on.speed as u64);
        trial.measurement.samples = Samples::Generate {
            batch,
            prompt: 128,
            new_tokens: 64,
            requests: requests.iter().map(|t| GenerateSample { ttft: t / 20, total: *t }).collect(),
            between_tokens: gaps.clone(),
        };
    }
    record.spec.task = Task::Generate {
        prefill: "prefill".into(),
        decode: "decode".into(),
        batch,
        prompt: 128,
        new_tokens: 64,
    };
    let lowered = |entry: &str, op: &str, native: bool, flops: u64, bytes: u64| LoweredOp {
        entry: entry.into(),
        op: op.into(),
        lowering: if native {
            Lowering::Native { kernel: format!("{op} kernel") }
        } else {
            Lowering::Decomposed { reason: "no fused form".into() }
        },
        count: 12,
        flops,
        bytes,
    };
    let fused = on.backend != "neuron-trace";
    record.lowering.as_mut().unwrap().ops = vec![
        lowered("decode", "attention", true, 40_000_000, 30_000_000),
        lowered("decode", "gelu", fused, 1_000_000, 9_000_000),
        lowered("decode", "layer-norm", fused, 2_000_000, 12_000_000),
        lowered("decode", "linear", true, 250_000_000, 250_000_000),
        lowered("prefill", "linear", true, 30_000_000_000, 260_000_000),
    ];
    record
}

fn encode(on: On, ratio: f64) -> Record {
    let rate = 9_000.0 * on.speed;
    let mut record =
        placed(record("bert-base-inference", Mode::Inference, on.backend, Unit::Samples, rate), on);
    record.problem.model = "bert base".into();
    record.parity.as_mut().unwrap().outputs[0].ratio = Some(ratio);
    record.parity.as_mut().unwrap().reduced = None;
    record.figures.push(figure(Metric::FlopRate, rate * 2e7, 0.02));
    for (i, trial) in record.trials.iter_mut().enumerate() {
        let nanoseconds = times(400, 128.0 / rate, i as u64 + on.speed as u64);
        trial.measurement.samples = Samples::Iterations { group: 1, units: 128, nanoseconds };
    }
    record
}

fn train(on: On, lift: f64) -> Record {
    let rate = 15_000.0 * on.speed;
    let mut record = placed(record("nano-gpt-training", Mode::Training, on.backend, Unit::Tokens, rate), on);
    for trial in &mut record.trials {
        if let Samples::Training { losses, evaluations, .. } = &mut trial.measurement.samples {
            losses.iter_mut().chain(evaluations).for_each(|p| p.loss += lift);
        }
    }
    record.problem.fingerprint = "cd".repeat(32);
    record.lowering.as_mut().unwrap().ops.iter_mut().for_each(|op| op.entry = "train".into());
    record
}

fn replicas(on: On, replicas: u64, efficiency: f64) -> Record {
    let mut record = encode(on, 1.0);
    record.cell.replicas = replicas;
    let rate = 9_000.0 * on.speed * replicas as f64 * efficiency;
    record.figures[0] = figure(Metric::Throughput, rate, 0.01);
    record
}

/// The records of one platform.
pub(crate) fn of_platform(on: On) -> Vec<Record> {
    let mut records: Vec<Record> = [1, 4, 16, 64]
        .iter()
        .map(|batch| generate(&format!("gpt2-124m-generate-{batch}"), on, *batch))
        .collect();
    records.push(encode(on, 0.3 + on.speed / 250.0));
    if on.device.starts_with("neuron") {
        let detail =
            "1 op(s) are unsupported by neuron-trace:\n  linear in `train` blocks.0: no backward kernel";
        let mut unsupported =
            placed(failed("nano-gpt-training", on.backend, Outcome::Unsupported, detail), on);
        unsupported.cell.mode = Mode::Training;
        unsupported.problem.unit = Unit::Tokens;
        unsupported.problem.fingerprint = "cd".repeat(32);
        records.push(unsupported);
    } else {
        records.push(train(on, on.speed / 4000.0));
    }
    if on.device.starts_with("cuda") {
        for (n, efficiency) in [(2, 0.97), (4, 0.93), (8, 0.84)] {
            records.push(replicas(on, n, efficiency));
        }
        let mut wrong = placed(failed("resnet-50", on.backend, Outcome::Incorrect, "R = 41, at most 3"), on);
        wrong.parity = encode(on, 41.0).parity;
        wrong.parity.as_mut().unwrap().passed = false;
        records.push(wrong);
    } else {
        records.push(placed(failed("resnet-50", on.backend, Outcome::OutOfMemory, "needs 96 GiB"), on));
    }
    if on.device == "cpu" {
        let server = |rate: f64| {
            let mut record = encode(on, 1.0);
            record.cell.scenario = Scenario::Server { rate, bounds: Default::default() };
            record
        };
        records.push(server(40.0));
    }
    records
}

/// One run a platform, in a results directory.
pub(crate) fn fleet(results: &Path, platforms: &[On]) -> Vec<Run> {
    platforms.iter().map(|on| sample_run(results, "fleet", &of_platform(*on))).collect()
}
