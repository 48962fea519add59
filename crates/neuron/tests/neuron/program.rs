//! The program `portbench-neff`, with the double of libnrt in the runtime's place.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::double::Double;
use crate::files::{PROGRAM, neff};

fn run(library: &Path, args: &[&str], lnc: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portbench-neff"));
    command.args(args).env("PORTBENCH_LIBNRT", library).env_remove("NEURON_LOGICAL_NC_CONFIG");
    command.envs(lnc.map(|n| ("NEURON_LOGICAL_NC_CONFIG", n)));
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_neff_is_shown_loaded_and_executed() {
    let double = Double::new();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("model.neff");
    fs::write(&file, neff(PROGRAM)).unwrap();
    let path = file.display().to_string();

    let done = run(double.path(), &["--lanes", "3", "--count", "5", &path], Some("2"));
    assert!(done.status.success(), "{}", text(&done.stderr));
    insta::assert_snapshot!(text(&done.stdout).replace(&double.path().display().to_string(), "LIBNRT"));

    let head = run(Path::new("/nonexistent"), &["--head", &path], None);
    assert!(head.status.success());
    assert!(text(&head.stdout).ends_with("compiler 2.27.5334.0+double, 2 physical core(s)\n"));

    let refused = |library: &Path, args: &[&str], lnc, code| {
        let done = run(library, args, lnc);
        assert_eq!(done.status.code(), Some(code), "{}", text(&done.stdout));
        text(&done.stderr)
    };
    let missing = refused(Path::new("/nonexistent/libnrt.so.1"), &[&path], None, 1);
    assert!(missing.contains("libnrt.so.1 was not found (looked at /nonexistent/libnrt.so.1)"), "{missing}");
    assert!(refused(double.path(), &[&path], Some("1"), 1).contains("set NEURON_LOGICAL_NC_CONFIG=2"));
    assert!(refused(double.path(), &["--core", "7", &path], None, 1).contains("NRT_LOAD_NOT_ENOUGH_NC"));
    for wrong in [&[][..], &["--lanes", "0", &path], &["--lanes", &path], &["--fast", &path], &[&path, &path]]
    {
        assert!(refused(double.path(), wrong, None, 2).contains("usage: portbench-neff"));
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml").display().to_string();
    assert!(refused(double.path(), &[&source], None, 1).contains("cannot be used as a NEFF"));
}
