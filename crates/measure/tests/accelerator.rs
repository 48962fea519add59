//! Watching a GPU, through a double of NVML that a C compiler makes here, and a Neuron device, through a double of neuron-monitor.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use portbench_measure::{AcceleratorTelemetry, DeviceErrors, EnergyMethod, Watch};
use portbench_neuron::host::Places;
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

/// A machine with the double of neuron-monitor, and a driver whose chip 1 has this sample of power.
fn neuron(power: &str) -> (TempDir, Places) {
    let dir = tempfile::tempdir().unwrap();
    let chip = dir.path().join("sys/devices/virtual/neuron_device/neuron1");
    fs::create_dir_all(chip.join("stats/power")).unwrap();
    fs::create_dir_all(dir.path().join("sys/module/neuron")).unwrap();
    fs::write(dir.path().join("sys/module/neuron/version"), "0.0-double\n").unwrap();
    fs::write(chip.join("stats/power/utilization"), power).unwrap();
    fs::write(chip.join("mem_ecc_uncorrected"), "4\n").unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/double/neuron-monitor");
    // A copy would be open for writing, and could not be started, while another test starts a process.
    std::os::unix::fs::symlink(script, dir.path().join("neuron-monitor")).unwrap();
    let (sysfs, programs) = (dir.path().join("sys"), vec![dir.path().to_owned()]);
    (dir, Places { sysfs, programs, ..Places::default() })
}

/// Watches a core until the double has said what it says.
fn watched(places: Places) -> AcceleratorTelemetry {
    let said = places.programs[0].join("said");
    let watch = Watch::neuron(places, "neuron:3").unwrap();
    while !said.exists() {
        std::thread::yield_now();
    }
    watch.finish()
}

#[test]
fn a_neuron_core_is_watched_and_has_no_joules() {
    let (_dir, places) = neuron("POWER_STATUS_VALID,4102444800,0.86,25.00,18.86");
    let seen = watched(places);
    assert_eq!(seen.missing, None);
    let read: Vec<_> = seen.readings.iter().map(|r| (r.utilization, r.memory_used)).collect();
    assert_eq!(read, [(Some(40.5), Some(1000)), (Some(90.0), Some(2000))]);
    assert_eq!(seen.errors, Some(DeviceErrors { executions: Some(2), memory: Some(0) }));
    assert_eq!((seen.memory_bytes, seen.other_processes), (Some(32 << 30), Some(1)));
    assert_eq!(seen.driver.as_deref(), Some("0.0-double"));
    let power = seen.power.unwrap();
    assert_eq!((power.min_percent, power.max_percent, power.mean_percent), (0.86, 25.0, 18.86));
    assert_eq!((seen.energy_joules, seen.readings[0].power_watts), (None, None));
}

#[test]
fn what_a_neuron_device_does_not_tell_is_missing_with_the_reason() {
    let (dir, places) = neuron("POWER_STATUS_VALID,1700000000,0.86,25.00,18.86");
    fs::write(dir.path().join("broken"), "").unwrap();
    let seen = watched(places.clone());
    let why = seen.missing.unwrap();
    assert!(why.contains("neuron-monitor failed") && why.contains("permission denied"), "{why}");
    fs::remove_file(dir.path().join("neuron-monitor")).unwrap();
    let seen = Watch::neuron(places, "neuron:3").unwrap().finish();
    assert!(seen.missing.unwrap().contains("scripts/setup-neuron"));
    assert_eq!((seen.power, seen.readings.len()), (None, 0));
    assert!(seen.power_missing.unwrap().contains("ended before sampling began"));
}
