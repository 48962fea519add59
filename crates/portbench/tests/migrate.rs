//! `migrate` and `list rules` at the command line.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const TRAIN: &str = "\
import torch
from flash_attn import flash_attn_func

device = 'cuda' if torch.cuda.is_available() else 'cpu'

class Block(torch.nn.Module):
    def forward(self, x, mask):
        if mask.any():
            x = x[mask]
        return flash_attn_func(x, x, x)

def step(model, x):
    with torch.autocast('cuda'):
        loss = model(x.cuda())  # x.cuda() in a comment is none
    torch.cuda.synchronize()  # portbench: allow PY-SYN-001 timing, removed with the profiler
    return loss.item()
";

const PORTED: &str = "\
import torch

device = torch.accelerator.current_accelerator() or 'cpu'

class Block(torch.nn.Module):
    def forward(self, x, mask):
        x = torch.where(mask, x, 0)
        return torch.nn.functional.scaled_dot_product_attention(x, x, x)

def step(model, x):
    with torch.autocast(device.type):
        loss = model(x.to(device))
    return loss.item()
";

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("before/train.py", TRAIN),
        ("before/requirements.txt", "torch==2.9.0+cu128\nflash-attn>=2.8\n"),
        ("before/csrc/k.cu", "__global__ void f() {}\n"),
        ("before/third_party/x.py", "x.cuda()\n"),
        ("after/train.py", PORTED),
        ("after/requirements.txt", "torch-neuronx==2.14.3.0\n"),
    ] {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    home
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_portbench")).args(args).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn ok(folder: &Path, args: &[&str]) -> (String, String) {
    let (code, out, err) = run(folder, args);
    assert_eq!(code, Some(0), "{args:?}\n{out}\n{err}");
    (out, err)
}

#[test]
fn a_scan_is_a_scorecard_with_rules_files_and_findings() {
    let home = home();
    let (card, told) = ok(home.path(), &["migrate", "scan", "before"]);
    insta::assert_snapshot!("scorecard", format!("{card}----\n{told}"));
    for view in ["rules", "files", "findings"] {
        let (rows, _) = ok(home.path(), &["migrate", "scan", "before", "--view", view, "--suppressed"]);
        insta::assert_snapshot!(view, rows);
    }
    let (csv, _) = ok(home.path(), &["migrate", "scan", "before", "--view", "findings", "--format", "csv"]);
    assert!(csv.starts_with("rule,path,"), "{csv}");
    let (markdown, _) = ok(home.path(), &["migrate", "scan", "before", "--format", "markdown"]);
    assert!(markdown.starts_with("| category |"), "{markdown}");
}

#[test]
fn programs_get_everything_at_once() {
    let home = home();
    let json: Value =
        serde_json::from_str(&ok(home.path(), &["migrate", "scan", "before", "--format", "json"]).0).unwrap();
    assert_eq!(json["stack"], "torchneuron");
    assert_eq!(json["read"]["left-out"]["vendored"][0], "before/third_party");
    let findings = json["findings"].as_array().unwrap();
    let kernel = findings.iter().find(|f| f["rule"] == "CU-002").unwrap();
    assert_eq!((kernel["path"].as_str(), kernel["line"].as_u64()), (Some("before/csrc/k.cu"), Some(1)));
    let source = kernel["sources"][0].as_str().unwrap();
    assert!(json["sources"][source]["date"].is_string());
    let sarif: Value =
        serde_json::from_str(&ok(home.path(), &["migrate", "scan", "before", "--format", "sarif"]).0)
            .unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), findings.len());
}

#[test]
fn a_gate_and_a_selection() {
    let home = home();
    let scan = |more: &[&str]| run(home.path(), &[&["migrate", "scan", "before"][..], more].concat());
    let (code, _, told) = scan(&["--fail-on", "high"]);
    assert!(code == Some(4) && told.contains("severity high"), "{told}");
    assert_eq!(scan(&["--fail-on", "blocker"]).0, Some(0));
    assert_eq!(scan(&["--fail-on", "low", "--only", "precision"]).0, Some(0));
    let (code, rows, _) = scan(&["--only", "PY-DYN-*", "--view", "findings", "--execution", "eager"]);
    assert_eq!(code, Some(0));
    assert!(rows.contains("low") && !rows.contains("high") && !rows.contains("PY-DEV"), "{rows}");
    for (words, needle) in [
        (&["--only", "nothing"][..], "`nothing`"),
        (&["--except", "NO-1"], "NO-1"),
        (&["--stack", "tpu"], "torchneuron, xla"),
        (&["--rules", "no.toml"], "no.toml"),
        (&["--exclude", "a{"], "a{"),
    ] {
        let (code, _, told) = scan(words);
        assert!(code == Some(2) && told.contains(needle), "{words:?}: {code:?} {told}");
    }
    let (code, _, told) = run(home.path(), &["migrate", "scan", "nowhere"]);
    assert!(code == Some(2) && told.contains("nowhere"), "{told}");
    fs::create_dir(home.path().join("empty")).unwrap();
    assert_eq!(run(home.path(), &["migrate", "scan", "empty"]).0, Some(3));
}

#[test]
fn rules_of_ones_own_are_listed_and_found() {
    let home = home();
    let own = "[sources]\nhouse = { what = \"our rules\", date = \"2026-11-01\" }\n\n[[rule]]\nid = \"OWN-1\"\nscope = [\"python\"]\npattern = 'import torch\\b'\ncategory = \"library\"\nseverity = \"blocker\"\naction = \"ask us\"\nsources = [\"house\"]\n";
    fs::write(home.path().join("own.toml"), own).unwrap();
    let (rows, _) = ok(home.path(), &["list", "rules", "own-*", "--rules", "own.toml", "--format", "csv"]);
    assert!(rows.contains("OWN-1,python,library,blocker,high,ask us"), "{rows}");
    let (code, ..) =
        run(home.path(), &["migrate", "scan", "before", "--rules", "own.toml", "--fail-on", "blocker"]);
    assert_eq!(code, Some(4));
    let (all, _) = ok(home.path(), &["list", "rules", "--stack", "xla", "--format", "json"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    assert!(all.as_array().unwrap().len() > 130 && all[0]["what to do"].as_str().unwrap().contains("xla"));
}

#[test]
fn a_port_is_measured_between_two_trees() {
    let home = home();
    let (rows, told) = ok(home.path(), &["migrate", "diff", "before", "after"]);
    insta::assert_snapshot!("diff", format!("{rows}----\n{told}"));
    for view in ["files", "rules"] {
        let (rows, _) = ok(home.path(), &["migrate", "diff", "before", "after", "--view", view]);
        insta::assert_snapshot!(format!("diff_{view}"), rows);
    }
    let (json, _) = ok(home.path(), &["migrate", "diff", "before", "after", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let sum = json["convergence"].as_f64().unwrap() + json["divergence"].as_f64().unwrap();
    assert!((sum - 1.0).abs() < 1e-12);
    for (words, needle) in [
        (&["before"][..], "--git"),
        (&["--git", "main"], "main..port"),
        (&["--git", "a..b", "before", "after"], "one repository"),
        (&["--git", "a..b", "before"], "ls-tree"),
    ] {
        let (code, _, told) = run(home.path(), &[&["migrate", "diff"][..], words].concat());
        assert!(code == Some(2) && told.contains(needle), "{words:?}: {code:?} {told}");
    }
}
