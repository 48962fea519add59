//! Records held against the peaks of an accelerator.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use portbench_catalog::{Accelerator, Catalog, Precision};
use portbench_measure::{FigureValue, Metric};
use portbench_records::{Record, parse_record};
use portbench_report::{EFFICIENCY_COLUMNS, efficiency, efficiency_cells};
use serde_json::Value;

/// Hardware whose peaks are about those of the machine that made the published runs, a GPU, and a chip of eight cores.
const OWN: &str = r#"
[sources]
guess = { what = "a guess, for a test", date = "2026-11" }

[[accelerator]]
name = "host"
title = "Host"
vendor = "nobody"
kind = "cpu"
peak-dense-tflops = { fp32 = 0.5, estimate = true }
bandwidth = { gb-s = 20, estimate = true }
power = { tdp-w = 100, kind = "guess" }
sources = ["guess"]

[[accelerator]]
name = "chip"
title = "Chip"
vendor = "AWS"
kind = "trainium"
cores = { kind = "core", per-chip = 8, logical-per-chip = 4 }
peak-dense-tflops = { fp32 = 2.0 }
bandwidth = { gb-s = 80 }
sources = ["guess"]
"#;

fn accelerator(name: &str) -> Accelerator {
    let mut catalog = Catalog::built_in().unwrap();
    catalog.lay("own.toml", OWN).unwrap();
    catalog.accelerator(name).unwrap().clone()
}

const GENERATE: &str = "gpt2-124m-chat.generate.single-stream.candle.cpu.f32.json";

fn record(file: &str, change: impl FnOnce(&mut Value)) -> Record {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../results/published/20261123-184849067-26a9/cells")
        .join(file);
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    parse_record(&path, &serde_json::to_vec(&value).unwrap()).unwrap()
}

fn figure(record: &Record, metric: Metric) -> f64 {
    match record.figures.iter().find(|f| f.metric == metric).unwrap().value {
        FigureValue::Estimated { value, .. } => value,
        FigureValue::NotEstimable { .. } => panic!("estimable"),
    }
}

fn close(found: f64, wanted: f64) -> bool {
    (found / wanted - 1.0).abs() < 1e-9
}

#[test]
fn shares_are_rates_over_peaks() {
    let record = record(GENERATE, |_| {});
    let found = efficiency(&record, &accelerator("host")).unwrap();
    assert_eq!((found.accelerators, found.precision), (1.0, Precision::Fp32));
    let flops = figure(&record, Metric::FlopRate);
    assert!(close(found.mfu, flops / 0.5e12));
    let bytes = flops / record.problem.flops as f64 * record.problem.bytes as f64;
    assert!(close(found.mbu, bytes / 20e9));
    assert!(close(found.roofline, found.mfu.max(found.mbu)));
    // A step moves at least the parameters: 16 new tokens are 15 steps.
    let tpot = figure(&record, Metric::TpotP50);
    let at_least = record.problem.parameter_bytes as f64 / tpot / 20e9;
    let decoding = found.decode_mbu.unwrap();
    assert!(decoding > 0.9 * at_least && decoding < 1.2 * at_least, "{decoding} {at_least}");
    // 100 W over the rate, and nothing measured it.
    assert!(close(found.joules_per_unit_at_tdp.unwrap(), 100.0 / figure(&record, Metric::Throughput)));
    assert_eq!(found.joules_per_unit, None);
    let cells = efficiency_cells(&record.cell, &found);
    assert_eq!(cells.len(), EFFICIENCY_COLUMNS.len());
    assert!(cells[6].ends_with(" %"), "{cells:?}");
}

#[test]
fn a_neuron_device_is_a_part_of_a_chip() {
    let on = |replicas: u64| {
        let record = record(GENERATE, |value| {
            value["cell"]["device"] = "neuron:0".into();
            value["cell"]["replicas"] = replicas.into();
        });
        efficiency(&record, &accelerator("chip")).unwrap()
    };
    let (one, four) = (on(1), on(4));
    assert_eq!((one.accelerators, four.accelerators), (0.25, 1.0));
    // One logical core against a fourth of the chip.
    assert!(close(one.mfu, 4.0 * four.mfu));
}

#[test]
fn measured_energy_is_shown_beside_the_estimate() {
    let record = record(GENERATE, |value| {
        let mut energy = value["figures"][0].clone();
        energy["metric"] = "energy-per-unit".into();
        value["figures"].as_array_mut().unwrap().push(energy);
    });
    let found = efficiency(&record, &accelerator("host")).unwrap();
    assert!(close(found.joules_per_unit.unwrap().value, figure(&record, Metric::Throughput)));
}

#[test]
fn what_has_no_efficiency_says_why() {
    let why = |record: &Record, name: &str| efficiency(record, &accelerator(name)).unwrap_err().to_string();
    let measured = record(GENERATE, |_| {});
    assert_eq!(why(&measured, "h200"), "ran on cpu, which is no nvidia-h200-sxm");
    let named = record(GENERATE, |value| {
        value["cell"]["device"] = "cuda:0".into();
        value["trials"][0]["measurement"]["accelerator"] = serde_json::json!({
            "name": "NVIDIA H200", "driver": null, "seconds": 1.0, "energy-joules": null, "energy-method": null,
            "memory-bytes": null, "other-processes": null, "readings": []
        });
    });
    assert_eq!(why(&named, "b200"), "ran on NVIDIA H200, which is no nvidia-b200");
    let crashed = record(GENERATE, |value| value["outcome"] = "crashed".into());
    assert_eq!(why(&crashed, "host"), "crashed");
    let half = record(GENERATE, |value| value["cell"]["numerics"] = "f16".into());
    assert!(
        why(&half, "host").starts_with("host has no dense fp16 peak in the catalogue"),
        "{}",
        why(&half, "host")
    );
    // A rate above the peak: then it was made on something else.
    let fast = record(GENERATE, |value| {
        for figure in value["figures"].as_array_mut().unwrap() {
            if figure["metric"] == "flop-rate" {
                figure["value"]["value"] = 1e13.into();
            }
        }
    });
    assert!(why(&fast, "host").starts_with("the share of the compute peak is 20"), "{}", why(&fast, "host"));
    let none = record(GENERATE, |value| value["figures"] = serde_json::json!([]));
    assert_eq!(why(&none, "host"), "has no rate of operations or executions");
}

#[test]
fn work_without_arithmetic_is_held_against_the_bandwidth() {
    let record = record("embedding-gather.inference.single-stream.candle.cpu.f32.json", |_| {});
    assert_eq!(record.problem.flops, 0);
    let found = efficiency(&record, &accelerator("chip").clone());
    assert!(found.is_err());
    let found = efficiency(&record, &accelerator("host")).unwrap();
    assert_eq!(found.mfu, 0.0);
    assert!(found.mbu > 0.0 && close(found.roofline, found.mbu));
}
