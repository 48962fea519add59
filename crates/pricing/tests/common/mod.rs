//! Records to price: a published run's, changed where a test needs something else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses a part")]

use std::fs;
use std::path::Path;

use portbench_catalog::{Basis, Catalog, Day, PriceQuery};
use portbench_pricing::{Interruption, Platform};
use portbench_records::{Record, parse_record};
use serde_json::Value;

/// A measured generate cell of GPT-2: prompt 64, 16 new tokens.
pub(crate) const GENERATE: &str =
    "20261123-184849067-26a9/cells/gpt2-124m-chat.generate.single-stream.candle.cpu.f32.json";
/// A training run of 2000 steps of 768 tokens.
pub(crate) const TRAINING: &str =
    "20261123-183927873-2fa0/cells/shakespeare-char-training.training.single-stream.candle.cpu.f32.json";
/// Images.
pub(crate) const IMAGES: &str =
    "20261123-184849067-26a9/cells/resnet-50-single.inference.single-stream.candle.cpu.f32.json";

/// The text of a published record, changed.
pub(crate) fn record(file: &str, change: impl FnOnce(&mut Value)) -> Record {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/published").join(file);
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    parse_record(&path, &serde_json::to_vec(&value).unwrap()).unwrap()
}

/// The same as if devices of another kind had made it, so many together.
pub(crate) fn on_device(file: &str, device: &str, replicas: u64) -> Record {
    record(file, |value| {
        value["cell"]["device"] = device.into();
        if replicas != 1 {
            value["cell"]["replicas"] = replicas.into();
        }
    })
}

/// An instance on a basis in a region at the newest price.
pub(crate) fn instance(name: &str, basis: Basis, region: Option<&str>) -> Platform {
    let query = PriceQuery { basis, region: region.map(ToOwned::to_owned), date: None };
    Platform::rented(&Catalog::built_in().unwrap(), name, &query, Interruption::default()).unwrap()
}

/// The same on a day.
pub(crate) fn instance_on(name: &str, basis: Basis, region: &str, day: &str) -> Platform {
    let query = PriceQuery { basis, region: Some(region.to_owned()), date: Some(Day::parse(day).unwrap()) };
    Platform::rented(&Catalog::built_in().unwrap(), name, &query, Interruption::default()).unwrap()
}

/// A host CPU of two processors.
pub(crate) fn cpu() -> Platform {
    instance("c8i.xlarge", Basis::OnDemand, None)
}
