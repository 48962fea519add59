//! Watching a GPU, through a double of NVML that a C compiler makes here.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use portbench_measure::{EnergyMethod, Watch};
use tempfile::TempDir;

fn double() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("libnvidia-ml.so.1");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/double/nvml.c");
    let compiler = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(compiler.expect("a C compiler named cc").success());
    (dir, library)
}

#[test]
fn a_gpu_is_watched() {
    let (_dir, library) = double();
    let seen = Watch::through(library.as_os_str(), "cuda:0").unwrap().finish();
    assert_eq!(seen.missing, None);
    assert_eq!(seen.name.as_deref(), Some("Double A"));
    assert_eq!(seen.driver.as_deref(), Some("0.0-double"));
    assert_eq!((seen.energy_joules, seen.energy_method), (Some(1.0), Some(EnergyMethod::Counter)));
    assert_eq!((seen.memory_bytes, seen.other_processes), (Some(1 << 34), Some(0)));
    let reading = &seen.readings[0];
    assert_eq!((reading.power_watts, reading.temperature), (Some(350.0), Some(61)));
    assert_eq!((reading.sm_clock, reading.memory_clock), (Some(1980), Some(2619)));
    assert_eq!(reading.memory_used, Some(1 << 30));
    assert!(reading.throttled.is_empty());
}

#[test]
fn throttling_other_processes_and_a_missing_counter_are_noticed() {
    let (_dir, library) = double();
    let seen = Watch::through(library.as_os_str(), "cuda:1").unwrap().finish();
    assert_eq!(seen.throttle_reasons(), ["power cap"]);
    assert_eq!(seen.other_processes, Some(1));
    assert_eq!(seen.energy_method, Some(EnergyMethod::PowerReadings));
    let joules = seen.energy_joules.unwrap();
    assert!((joules - 350.0 * seen.seconds).abs() <= 0.01 * joules, "{seen:?}");
}

#[test]
fn what_cannot_be_watched_says_so_and_a_cpu_is_not_watched() {
    let (_dir, library) = double();
    let absent = Watch::through(library.as_os_str(), "cuda:7").unwrap().finish();
    assert!(absent.missing.unwrap().contains("no device 7"));
    let nowhere = Watch::through(OsStr::new("/nowhere/libnvidia-ml.so.1"), "cuda:0").unwrap().finish();
    assert!(nowhere.missing.unwrap().starts_with("NVML: "));
    assert!(Watch::through(library.as_os_str(), "cpu").is_none());
}
