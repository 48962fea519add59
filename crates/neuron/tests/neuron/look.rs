//! Hosts made of doubles: a directory for `/sys`, one for `/dev`, one of programs, and the double of libnrt.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use portbench_neuron::Target;
use portbench_neuron::compiler::Compiler;
use portbench_neuron::host::{Host, Places, State};
use tempfile::TempDir;

use crate::double::Double;
use crate::told::{fixture, tree};

struct Made {
    directory: TempDir,
    places: Places,
}

impl Made {
    /// A machine with nothing on it.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| {
            let path = directory.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let (sysfs, dev, programs) = (at("sys"), at("dev"), at("bin"));
        let libnrt = Some(directory.path().join("no-libnrt"));
        let patience = Duration::from_secs(60);
        Self {
            places: Places { sysfs, dev, programs: vec![programs], libnrt, lnc: None, patience },
            directory,
        }
    }

    fn program(&self, name: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/double").join(name);
        symlink(script, self.places.programs[0].join(name)).unwrap();
    }

    fn listing(&self, listing: &str, asked: &str) {
        self.program("neuron-ls");
        fs::write(self.places.programs[0].join("listing.json"), listing).unwrap();
        fs::write(self.places.programs[0].join("asked"), asked).unwrap();
    }

    /// What the monitor says: one document a line.
    fn reports(&self, report: &str) {
        fs::write(self.places.programs[0].join("report.json"), report.replace('\n', " ") + "\n").unwrap();
    }

    fn look(&self) -> Host {
        Host::look(&self.places)
    }

    /// What it says, a line each, with the places of this test cut away.
    fn said(&self) -> String {
        let mut text = String::new();
        for check in self.look().checks() {
            writeln!(text, "{}: {}: {}", check.what, check.state, check.detail).unwrap();
        }
        text.replace(&self.directory.path().display().to_string(), "HOST")
    }
}

/// A trn2.3xlarge as its tools would show it.
fn trn2(double: &Double) -> Made {
    let mut made = Made::new();
    tree(
        &made.places.sysfs,
        &[
            ("module/neuron/version", "2.30.2.0"),
            ("devices/virtual/neuron_device/neuron0/core_count", "8"),
            ("devices/virtual/neuron_device/neuron0/info/architecture/device_name", "Trainium2"),
            ("devices/virtual/neuron_device/neuron0/info/architecture/instance_type", "Trn2"),
        ],
    );
    fs::write(made.places.dev.join("neuron0"), "").unwrap();
    fs::write(made.places.dev.join("neuron_monitor"), "").unwrap();
    made.places.libnrt = Some(double.path().to_owned());
    made.listing(&fixture("neuron-ls-trn2.3xlarge.json"), "--json-output");
    made.program("neuronx-cc");
    made.program("neuron-monitor");
    made.reports(&fixture("neuron-monitor-trn2-documented.json"));
    made
}

#[test]
fn a_machine_without_neuron_gets_one_line() {
    let made = Made::new();
    assert!(!made.look().is_neuron());
    insta::assert_snapshot!(made.said());
    assert!(made.look().facts().is_empty());
}

#[test]
fn a_whole_host_is_described_and_its_facts_name_nobody() {
    let double = Double::new();
    let made = trn2(&double);
    let host = made.look();
    assert!(host.has_device());
    assert_eq!((host.instance_type(), host.target()), (Some("trn2.3xlarge"), Some(Target::Trn2)));
    assert_eq!(host.logical_cores(), Some(4));
    assert!(host.checks().iter().all(|c| c.state == State::Ok));
    let said = made.said().replace(&double.path().display().to_string(), "LIBNRT");
    insta::assert_snapshot!(said);
    let facts: Vec<String> = host.facts().iter().map(|(name, value)| format!("{name} = {value}")).collect();
    insta::assert_snapshot!(facts.join("\n"));
    assert_eq!(double.calls("nrt_init"), 0, "looking takes no core");
}

#[test]
fn the_newer_option_of_neuron_ls_is_tried() {
    let double = Double::new();
    let made = trn2(&double);
    let bin = &made.places.programs[0];
    fs::write(bin.join("asked"), "--output-format json").unwrap();
    fs::write(bin.join("listing.json"), fixture("neuron-ls-object.json")).unwrap();
    assert_eq!(made.look().instance_type(), Some("trn2.3xlarge"));
    fs::write(bin.join("asked"), "nothing").unwrap();
    let said = made.said();
    assert!(said.contains("neuron-ls: wrong") && said.contains("unknown option: --json-output"), "{said}");
    // The runtime counts its cores, and the driver tells the family as well.
    assert_eq!(made.look().logical_cores(), Some(2));
    assert_eq!(made.look().target(), Some(Target::Trn2));
}

#[test]
fn what_is_wrong_says_how_to_put_it_right() {
    let double = Double::new();
    let mut made = trn2(&double);
    made.places.lnc = Some("1".into());
    let held = fixture("neuron-ls-trn2.3xlarge.json").replace(
        "\"neuron_processes\": []",
        "\"neuron_processes\": [{\"pid\": 41}, {\"pid\": 7, \"command\": \"python secret.py\"}]",
    );
    fs::write(made.places.programs[0].join("listing.json"), held).unwrap();
    tree(
        &made.places.sysfs,
        &[("devices/virtual/neuron_device/neuron0/stats/hardware/mem_ecc_uncorrected/total", "2")],
    );
    double.answer("nrt_get_version", 1, 0);
    fs::remove_file(made.places.programs[0].join("neuron-monitor")).unwrap();
    fs::remove_file(made.places.programs[0].join("neuronx-cc")).unwrap();
    insta::assert_snapshot!(made.said());
}

#[test]
fn logical_cores_that_nobody_would_compile_for_are_noticed() {
    let double = Double::new();
    let made = trn2(&double);
    let single = fixture("neuron-ls-trn2.3xlarge.json")
        .replace("\"logical_neuroncore_config\": 2", "\"logical_neuroncore_config\": 1");
    fs::write(made.places.programs[0].join("listing.json"), single).unwrap();
    let conflict = made.look().lnc_conflict().unwrap();
    assert!(
        conflict.contains("logical cores of 1") && conflict.contains("export NEURON_LOGICAL_NC_CONFIG=1"),
        "{conflict}"
    );
}

#[test]
fn the_monitor_tells_the_instance_where_the_others_do_not() {
    let made = Made::new();
    made.program("neuron-monitor");
    made.listing(&fixture("neuron-ls-inf2.xlarge.json"), "--json-output");
    made.reports(&fixture("neuron-monitor-inf2.xlarge.json"));
    let host = made.look();
    assert_eq!((host.instance_type(), host.target()), (Some("inf2.xlarge"), Some(Target::Inf2)));
    assert_eq!(Host::look_briefly(&made.places).instance_type(), None);
    made.reports("{no JSON");
    assert!(
        made.said().contains("neuron-monitor: wrong: neuron-monitor wrote something that cannot be read"),
        "{}",
        made.said()
    );
}

#[test]
fn a_report_is_found_behind_warnings_and_over_several_lines() {
    let made = Made::new();
    made.program("neuron-monitor");
    let report = format!("level=warning msg=x\n\n{}", fixture("neuron-monitor-inf2.xlarge.json"));
    fs::write(made.places.programs[0].join("report.json"), report).unwrap();
    assert_eq!(made.look().instance_type(), Some("inf2.xlarge"));
    // The kind of instance joins no cores, though nobody says so.
    assert_eq!(made.look().lnc(), Some(1));
}

/// A tool that is this shell script.
fn tool(made: &Made, name: &str, script: &str) {
    let path = made.places.programs[0].join(name);
    // A file that is open for writing cannot be executed, and another test may be starting a process just now.
    fs::write(path.with_extension("text"), format!("#!/bin/sh\n{script}\n")).unwrap();
    Command::new("cp").args([&path.with_extension("text"), &path]).status().unwrap();
    Command::new("chmod").arg("+x").arg(&path).status().unwrap();
}

#[test]
fn a_tool_that_ends_badly_is_quoted() {
    let made = Made::new();
    tool(&made, "neuron-ls", "echo 'neuron-ls: No neuron device found' >&2; exit 1");
    tool(&made, "neuron-monitor", "echo 'cannot open /dev/neuron0' >&2; exit 3");
    let said = made.said();
    assert!(
        said.contains(
            "neuron-ls: wrong: neuron-ls failed: neuron-ls: No neuron device found (exit status: 1)"
        ),
        "{said}"
    );
    assert!(
        said.contains("neuron-monitor failed: it ended (exit status: 3): cannot open /dev/neuron0"),
        "{said}"
    );
}

#[test]
fn a_tool_that_hangs_is_ended_with_what_it_started_and_the_driver_is_named() {
    let mut made = Made::new();
    made.places.patience = Duration::from_millis(300);
    tool(&made, "neuron-ls", "sleep 600 & sleep 600; wait");
    tool(&made, "neuron-monitor", "exec sleep 600");
    let start = Instant::now();
    let said = made.said();
    assert!(start.elapsed() < Duration::from_secs(300));
    assert!(said.contains("neuron-ls did not answer in 0.3 s: the driver may hang"), "{said}");
    assert!(said.contains("neuron-monitor did not answer in 0.3 s"), "{said}");
    tool(&made, "neuronx-cc", "exec sleep 600");
    let compiler = made.places.programs[0].join("neuronx-cc");
    let error = Compiler::within(compiler, made.places.patience).unwrap_err().to_string();
    assert!(error.contains("neuronx-cc did not answer in 0.3 s: run it by hand with --version"), "{error}");
}

#[test]
fn a_host_for_compiling_only_is_told_so() {
    let made = Made::new();
    made.program("neuronx-cc");
    let host = made.look();
    assert!(host.is_neuron() && !host.has_device());
    insta::assert_snapshot!(made.said());
}

#[test]
fn a_driver_without_a_device_is_another_instance_or_a_container() {
    let made = Made::new();
    tree(&made.places.sysfs, &[("module/neuron/version", "2.31.7.0")]);
    assert!(made.said().contains("this is no Trn or Inf2 instance, or a container without its devices"));
}
