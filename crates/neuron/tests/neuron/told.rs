//! What the tools and the driver say of a host. `fixtures/README.md` has the origin of each file; no file is from a machine of this project.

use std::fs;
use std::path::Path;

use portbench_neuron::machine::Listing;
use portbench_neuron::monitor::{Executions, Report};
use portbench_neuron::sysfs::{Driver, Power};
use proptest::prelude::*;
use serde_json::Value;

pub(crate) fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

fn listing(name: &str) -> Listing {
    Listing::parse(&fixture(name)).unwrap()
}

#[test]
fn neuron_ls_of_a_trn2_in_aws_own_example() {
    let machine = listing("neuron-ls-trn2n.48xlarge.json");
    let device = &machine.devices[0];
    assert_eq!((device.cores, device.lnc, device.numa_node), (Some(4), Some(2), Some(1)));
    assert_eq!(device.connected_to, [12, 3, 4, 1]);
    assert_eq!(device.memory_bytes, Some(96 << 30));
    assert_eq!(device.cpu_affinity.as_deref(), Some("48-95,144-191"));
    assert_eq!(machine.holders(), [113_985]);
    assert_eq!(machine.instance_type, None);
}

#[test]
fn neuron_ls_of_an_inf2_has_null_links_no_numa_node_and_no_lnc() {
    let machine = listing("neuron-ls-inf2.xlarge.json");
    let device = &machine.devices[0];
    assert_eq!((device.numa_node, device.lnc), (None, None));
    assert!(device.connected_to.is_empty());
    assert_eq!((machine.cores(), machine.lnc(), machine.memory_bytes()), (Some(2), None, Some(32 << 30)));
    assert_eq!(device.processes[0].runtime.as_deref(), Some("2.30.51"));
}

#[test]
fn the_array_and_the_object_form_say_the_same() {
    let array = listing("neuron-ls-trn2.3xlarge.json");
    assert_eq!(array.instance_type.as_deref(), Some("trn2.3xlarge"));
    assert_eq!((array.cores(), array.lnc()), (Some(4), Some(2)));
    assert!(array.holders().is_empty());
    assert_eq!(listing("neuron-ls-object.json"), array);
}

#[test]
fn neuron_ls_with_holes_and_without_devices() {
    let bare = Listing::parse(r#"[{"neuron_device": 1}, {"neuron_device": 0, "nc_count": null}]"#).unwrap();
    assert_eq!(bare.devices.iter().map(|d| d.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((bare.cores(), bare.memory_bytes(), bare.lnc()), (None, None, None));
    let alone = r#"[{"neuron_device": 0, "instance_type": "inf2.xlarge"}]"#;
    assert_eq!(Listing::parse(alone).unwrap().lnc(), Some(1));
    let above = r#"{"instance": {"instance_type": "trn2.3xlarge", "logical_neuroncore_config": 2}, "neuron_devices": [{"neuron_device": 0}]}"#;
    assert_eq!(Listing::parse(above).unwrap().lnc(), Some(2));
    assert!(Listing::parse(r#"{"neuron_devices": []}"#).unwrap().devices.is_empty());
    assert!(Listing::parse("instance-type: trn1").unwrap_err().to_string().contains("--output-format json"));
    assert!(Listing::parse("[]").unwrap().devices.is_empty());
    let refused = |text: &str| Listing::parse(text).unwrap_err().to_string();
    assert!(refused("").contains("EOF while parsing a value at line 1 column 0"));
    assert!(refused("{}").contains("no list of devices"));
    assert!(refused(r#"[{"bdf": "cc:00.0"}]"#).contains("no list of devices"));
    assert!(refused(r#"[{"neuron_device": 0}, {}]"#).contains("a device without its number"));
    let mixed = r#"[{"neuron_device": 0, "logical_neuroncore_config": 1}, {"neuron_device": 1, "logical_neuroncore_config": 2}]"#;
    assert_eq!(Listing::parse(mixed).unwrap().lnc(), None);
}

#[test]
fn neuron_monitor_under_load() {
    let report = Report::parse(&fixture("neuron-monitor-inf2.xlarge.json")).unwrap();
    assert_eq!(report.instance_type.as_deref(), Some("inf2.xlarge"));
    let hardware = report.hardware.as_ref().unwrap();
    assert_eq!(hardware.device.as_deref(), Some("inferentia2"));
    assert_eq!((hardware.devices, hardware.cores_per_device, hardware.lnc), (Some(1), Some(2), Some(1)));
    assert_eq!(report.completed(), Some(816));
    let process = &report.processes[0];
    assert_eq!((process.host_memory, process.device_memory), (Some(1_166_249_984), Some(141_649_980)));
    let core = &process.cores[&0];
    assert_eq!(core.flops, Some(875_590_474_948.0));
    assert_eq!(core.utilization_percent, Some(89.400_872_510_596_74));
    let latency = process.device_latency.as_ref().unwrap();
    assert_eq!(latency.0[&50], 0.001_121_759_414_672_851_6);
    assert_eq!(latency.0.keys().copied().collect::<Vec<_>>(), [0, 1, 25, 50, 75, 99, 100]);
    assert_eq!(report.uncorrected_errors, Some(0));
    assert!(report.complaints.is_empty());
}

#[test]
fn neuron_monitor_as_documented_for_trn2_spells_flops_and_has_physical_cores() {
    let report = Report::parse(&fixture("neuron-monitor-trn2-documented.json")).unwrap();
    let core = &report.processes[0].cores[&0];
    assert_eq!(core.flops, Some(1_234_567_891_011.0));
    assert_eq!(core.utilization_percent, Some(42.01));
    let physical: Vec<(&str, f64)> = core.physical_percent.iter().map(|(n, p)| (n.as_str(), *p)).collect();
    assert_eq!(physical, [("nc_v3.0", 21.01), ("nc_v3.1", 63.01)]);
    assert_eq!(report.hardware.unwrap().core_version.as_deref(), Some("v3d"));
    assert_eq!(report.processes[0].executions, None);
}

#[test]
fn an_idle_report_has_no_latency_and_no_id_of_anybody() {
    let report = Report::parse(&fixture("neuron-monitor-idle.json")).unwrap();
    assert_eq!(report.processes.len(), 2);
    assert_eq!(report.processes[0].device_latency, None);
    assert_eq!(report.processes[0].device_memory, None);
    assert_eq!(report.processes[0].executions, Some(Executions { completed: 816, ..Executions::default() }));
    assert_eq!(report.processes[1].executions, None);
    assert_eq!(report.host_memory_used, None);
    assert_eq!(report.complaints, ["open /proc/2199/stat: no such file or directory", "no report"]);
    let everything = format!("{report:?}{:?}", listing("neuron-ls-trn2.3xlarge.json"));
    for secret in ["i-0", "ami-", "subnet-", "secret", "us-east", "REDACTED", "python"] {
        assert!(!everything.contains(secret), "{secret} was kept");
    }
}

/// Files of a tree, written below a root.
pub(crate) fn tree(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }
}

const DEVICES: &str = "devices/virtual/neuron_device";

#[test]
fn sysfs_in_the_documented_places() {
    let root = tempfile::tempdir().unwrap();
    tree(
        root.path(),
        &[
            ("module/neuron/version", "2.30.2.0"),
            ("devices/virtual/neuron_device/neuron0/core_count", "2"),
            ("devices/virtual/neuron_device/neuron0/info/serial_number", "secret-serial"),
            ("devices/virtual/neuron_device/neuron0/info/architecture/arch_type", "NCv2"),
            ("devices/virtual/neuron_device/neuron0/info/architecture/device_name", "Inferentia2"),
            ("devices/virtual/neuron_device/neuron0/info/architecture/instance_type", "Inf2"),
            ("devices/virtual/neuron_device/neuron0/neuron_core0/info/architecture/arch_type", "NCv2-core"),
            ("devices/virtual/neuron_device/neuron0/power/runtime_status", "unsupported"),
            ("devices/virtual/neuron_device/neuron0/stats/hardware/mem_ecc_uncorrected/total", "3"),
            ("devices/virtual/neuron_device/neuron0/stats/hardware/sram_ecc_uncorrected/total", "1"),
            (
                "devices/virtual/neuron_device/neuron0/stats/power/utilization",
                "POWER_STATUS_VALID,1787754540,0.86,25.00,18.86",
            ),
            ("devices/virtual/neuron_device/neuron10/core_count", "2"),
            ("devices/virtual/neuron_device/neuron2/core_count", "2"),
            ("devices/virtual/neuron_device/uevent", ""),
        ],
    );
    let driver = Driver::read(root.path());
    assert_eq!(driver.version.as_deref(), Some("2.30.2.0"));
    assert_eq!(driver.devices.iter().map(|d| d.index).collect::<Vec<_>>(), [0, 2, 10]);
    let device = &driver.devices[0];
    assert_eq!(device.architecture.as_deref(), Some("NCv2"));
    assert_eq!(device.device.as_deref(), Some("Inferentia2"));
    assert_eq!(device.instance_type.as_deref(), Some("Inf2"));
    assert_eq!((device.cores, device.uncorrected_errors), (Some(2), Some(4)));
    let power = device.power.unwrap();
    assert_eq!((power.min_percent, power.max_percent, power.mean_percent), (0.86, 25.0, 18.86));
    assert_eq!(power.unix_seconds, 1_787_754_540);
    assert!(!format!("{driver:?}").contains("secret"));
}

#[test]
fn sysfs_with_moved_nodes() {
    let root = tempfile::tempdir().unwrap();
    tree(
        root.path(),
        &[
            ("class/neuron_device/neuron0/hardware/arch_type", "NCv3"),
            ("class/neuron_device/neuron0/hardware/device_type", "Trainium2"),
            (
                "class/neuron_device/neuron0/telemetry/power/utilization",
                "POWER_STATUS_VALID,1,0.00,100.00,50.00",
            ),
            ("class/neuron_device/neuron0/hardware/errors/mem_ecc_uncorrected", "0"),
            ("class/neuron_device/neuron0/cores/neuron_core0/x", ""),
            ("class/neuron_device/neuron0/cores/neuron_core1/x", ""),
        ],
    );
    let driver = Driver::read(root.path());
    let device = &driver.devices[0];
    assert_eq!(device.architecture.as_deref(), Some("NCv3"));
    assert_eq!(device.device.as_deref(), Some("Trainium2"));
    assert_eq!((device.cores, device.uncorrected_errors), (Some(2), Some(0)));
    assert_eq!(device.power.unwrap().mean_percent, 50.0);
    assert_eq!(driver.version, None);
}

#[test]
fn a_machine_without_the_driver_shows_nothing() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(Driver::read(root.path()), Driver::default());
    tree(root.path(), &[("devices/virtual/neuron_device/neuron0/stats/power/utilization", "garbage")]);
    let device = &Driver::read(root.path()).devices[0];
    assert_eq!((device.power, device.cores, device.uncorrected_errors), (None, None, None));
    assert!(root.path().join(DEVICES).is_dir());
}

#[cfg(unix)]
#[test]
fn links_out_of_a_device_are_not_followed() {
    let root = tempfile::tempdir().unwrap();
    tree(root.path(), &[("devices/virtual/neuron_device/neuron0/core_count", "8")]);
    let device = root.path().join(DEVICES).join("neuron0");
    std::os::unix::fs::symlink(root.path(), device.join("subsystem")).unwrap();
    assert_eq!(Driver::read(root.path()).devices[0].cores, Some(8));
}

#[test]
fn power_without_a_valid_sample_is_none() {
    assert!(Power::parse("POWER_STATUS_VALID,1787754540,0.32,3.04,1.57\n").is_some());
    for line in [
        "POWER_STATUS_NO_DATA,1787754540,0.00,0.00,0.00",
        "POWER_STATUS_INVALID,1787754540,0.32,3.04,1.57",
        "POWER_STATUS_VALID,1787754540,0.32,3.04",
        "POWER_STATUS_VALID,1787754540,0.32,300.0,1.57",
        "POWER_STATUS_VALID,then,0.32,3.04,1.57",
        "POWER_STATUS_VALID,1,NaN,3.04,1.57",
        "",
    ] {
        assert_eq!(Power::parse(line), None, "{line}");
    }
}

/// Any JSON, with the tools' own names among its keys.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9.-]{0,8}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[a-z]{1,4}",
        Just("neuron_device".to_owned()),
        Just("neuron_runtime_data".to_owned()),
        Just("report".to_owned()),
        Just("neuroncore_counters".to_owned()),
        Just("neuroncores_in_use".to_owned()),
        Just("0".to_owned()),
        Just("execution_stats".to_owned()),
        Just("latency_stats".to_owned()),
        Just("device_latency".to_owned()),
        Just("p50".to_owned()),
        Just("error".to_owned()),
        Just("nc_count".to_owned()),
        Just("numa_node".to_owned()),
        Just("neuron_processes".to_owned()),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::hash_map(key.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The document with one value somewhere in it replaced.
fn replaced(mut document: Value, path: &[usize], by: Value) -> Value {
    let mut at = &mut document;
    for step in path {
        let children = match at {
            Value::Array(a) => a.len(),
            Value::Object(o) => o.len(),
            _ => 0,
        };
        if children == 0 {
            break;
        }
        at = match at {
            Value::Array(a) => &mut a[step % children],
            Value::Object(o) => o.values_mut().nth(step % children).unwrap(),
            _ => unreachable!("it has children"),
        };
    }
    *at = by;
    document
}

proptest! {
    #[test]
    fn no_json_makes_a_parser_panic(value in json()) {
        let text = value.to_string();
        let listing = Listing::parse(&text);
        let report = Report::parse(&text);
        prop_assert_eq!(report.is_ok(), value.is_object());
        if let Ok(listing) = listing {
            prop_assert!(listing.devices.is_sorted_by_key(|d| d.index));
            let _ = (listing.cores(), listing.lnc(), listing.memory_bytes(), listing.holders());
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in ".{0,64}") {
        let _ = (Listing::parse(&text), Report::parse(&text), Power::parse(&text));
    }

    #[test]
    fn samples_with_one_value_replaced_still_parse(path in proptest::collection::vec(0usize..8, 1..7), by in json()) {
        for name in ["neuron-monitor-inf2.xlarge.json", "neuron-monitor-idle.json"] {
            let document: Value = serde_json::from_str(&fixture(name)).unwrap();
            let report = Report::parse(&replaced(document, &path, by.clone()).to_string()).unwrap();
            let _ = report.completed();
        }
        let document: Value = serde_json::from_str(&fixture("neuron-ls-trn2.3xlarge.json")).unwrap();
        let _ = Listing::parse(&replaced(document, &path, by).to_string());
    }
}
