//! `report` at the command line, on published runs: what it refuses, and what it leaves alone.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

const CPU_RUN: &str = "20261123-184849067-26a9";
const SHAKESPEARE: &str = "20261123-183927873-2fa0";

/// Exit code and standard error.
fn report(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/published");
    let output = Command::new(env!("CARGO_BIN_EXE_portbench"))
        .arg("report")
        .args(args)
        .current_dir(folder)
        .env_remove("PORTBENCH_CATALOG")
        .env("PORTBENCH_RESULTS", published)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_makes_no_site_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for (args, words) in [
        (vec![CPU_RUN, SHAKESPEARE], "say where it goes with --out DIR"),
        (vec!["19990101", "--out", "site"], "no run `19990101`"),
        (vec![CPU_RUN, "--out", "site", "--instance", "c8i.xlrge"], "c8i.xlarge"),
        (vec![CPU_RUN, "--out", "site", "--instance", "c8i.xlarge:spt"], "no basis of prices"),
        (
            vec![CPU_RUN, "--out", "site", "--instance", "other=c8i.xlarge"],
            "`other` is none of the runs here",
        ),
        (vec![CPU_RUN, "--instance", "c8i.xlarge"], "--out"),
        (vec![CPU_RUN, "--out", "site", "--on", "trn9"], "trn"),
    ] {
        let (code, told) = report(folder.path(), &args);
        assert!(code != Some(0) && told.contains(words), "{args:?}: {told}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_site_has_costs_where_there_are_prices_and_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let index = || fs::read_to_string(folder.path().join("site/index.html")).unwrap();
    let of_shakespeare = format!("{SHAKESPEARE}=c8i.xlarge");
    let (code, told) = report(folder.path(), &[SHAKESPEARE, "--out", "site", "--instance", &of_shakespeare]);
    assert_eq!(code, Some(0), "{told}");
    assert!(index().contains("per 1B training tokens") && !index().contains("no price given"));
    let (code, told) = report(folder.path(), &[SHAKESPEARE, "--out", "site"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(index().contains("no price given") && !index().contains("per 1B training tokens"));
    fs::write(folder.path().join("site/notes.txt"), "mine").unwrap();
    let before = index();
    let (code, told) = report(folder.path(), &[CPU_RUN, "--out", "site"]);
    assert!(code == Some(2) && told.contains("notes.txt") && told.contains("nothing was written"), "{told}");
    assert_eq!(index(), before);
}
