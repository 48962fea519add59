//! `chart` at the command line, on published runs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CPU_RUN: &str = "20261123-184849067-26a9";
const SHAKESPEARE: &str = "20261123-183927873-2fa0";

fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/published")
}

fn portbench(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portbench"))
        .args(args)
        .current_dir(folder)
        .env_remove("PORTBENCH_CATALOG")
        .env("PORTBENCH_RESULTS", published())
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The words of a command line as a POSIX shell splits it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

/// Each recipe of a report draws, byte for byte, the file that the report has.
#[test]
fn recipes_draw_the_charts_of_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut drawn = 0;
    for run in [SHAKESPEARE, CPU_RUN] {
        // A copy, so that the report does not land beside the published run.
        let (published, copy) = (published().join(run), folder.path().join(run));
        fs::create_dir_all(copy.join("cells")).unwrap();
        fs::copy(published.join("run.json"), copy.join("run.json")).unwrap();
        for record in fs::read_dir(published.join("cells")).unwrap() {
            let record = record.unwrap();
            fs::copy(record.path(), copy.join("cells").join(record.file_name())).unwrap();
        }
        let report = copy.join("report");
        let made = portbench(&["report", copy.to_str().unwrap()], folder.path());
        assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
        let text = fs::read_to_string(report.join("report.md")).unwrap();
        let recipes: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("drawn by `")).map(|(_, r)| r).collect();
        // One of each kind is enough.
        let mut kinds: Vec<String> = Vec::new();
        for recipe in recipes {
            let words = words(recipe.trim_end_matches('`'));
            if kinds.contains(&words[2]) {
                continue;
            }
            kinds.push(words[2].clone());
            let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
            let again = portbench(&args, folder.path());
            assert_eq!(again.status.code(), Some(0), "{recipe}: {}", stderr(&again));
            let name = words.last().unwrap();
            let (ours, theirs) =
                (fs::read(folder.path().join(name)).unwrap(), fs::read(report.join(name)).unwrap());
            assert!(ours == theirs, "{recipe} draws another {name}");
            drawn += 1;
        }
    }
    assert!(drawn > 8, "{drawn}");
}

#[test]
fn a_chart_is_svg_png_or_csv_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let draw = |args: &[&str]| portbench(&[&["chart", "loss", SHAKESPEARE], args].concat(), folder.path());
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(draw(&["--out", "new/loss.svg", "--theme", "dark"]).status.code(), Some(0));
    assert!(
        read("new/loss.svg").starts_with(b"<svg ")
            && read("new/loss.svg").windows(7).any(|w| w == b"#161616")
    );
    assert_eq!(draw(&["--out", "loss.png", "--pixel-ratio", "1"]).status.code(), Some(0));
    // The head of a PNG: signature, then IHDR with its width.
    assert_eq!(
        (&read("loss.png")[..4], &read("loss.png")[16..20]),
        (&b"\x89PNG"[..], &960u32.to_be_bytes()[..])
    );
    assert_eq!(draw(&["--out", "narrow.svg", "--narrow"]).status.code(), Some(0));
    assert!(String::from_utf8(read("narrow.svg")).unwrap().contains("width=\"420\""));
    let numbers = draw(&["--out", "only.csv"]);
    assert_eq!(read("only.csv"), read("loss.csv"), "a picture has its numbers beside it");
    assert_eq!(read("only.csv"), read("new/loss.csv"));
    assert!(stderr(&numbers).contains(&format!("again: portbench chart loss {SHAKESPEARE} --out only.csv")));
    fs::write(folder.path().join("mine.csv"), "my,own\r\n1,2\r\n").unwrap();
    let beside = draw(&["--out", "mine.svg"]);
    assert!(stderr(&beside).contains("mine.csv holds something else"), "{}", stderr(&beside));
    assert_eq!(read("mine.csv"), b"my,own\r\n1,2\r\n");
    assert!(read("loss.csv").starts_with(b"platform,loss of,step,loss\r\n"));
    assert!(stderr(&numbers).contains("Stack: candle"), "{}", stderr(&numbers));
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let said = |args: &[&str]| {
        let output = portbench(&[&["chart"], args].concat(), folder.path());
        format!("{} {}", output.status.code().unwrap(), stderr(&output))
    };
    for (args, code, words) in [
        (&["pie", CPU_RUN, "--out", "a.svg"][..], 2, "`pie` is no kind of chart; there are throughput, "),
        (&["loss", SHAKESPEARE, "--out", "a.gif"], 2, "name the file .svg, .png, or .csv"),
        (&["loss", "zebra", "--out", "a.svg"], 2, "zebra"),
        (
            &["loss", SHAKESPEARE, "--workload", "zebra", "--out", "a.svg"],
            2,
            "there are shakespeare-char-training",
        ),
        (
            &["loss", SHAKESPEARE, "--platform", "zebra", "--out", "a.svg"],
            2,
            "there are candle-intel-xeon-2-cpus",
        ),
        (&["pareto", SHAKESPEARE, "--out", "a.svg"], 3, "chart of pareto could show: no cell generates"),
        (&["cost", SHAKESPEARE, "--out", "a.svg"], 3, "no price was given; name whose with --instance NAME"),
        (
            &["cost", SHAKESPEARE, "--instance", "p5.48xlarge", "--out", "a.svg"],
            3,
            "p5.48xlarge has nvidia-h100",
        ),
        (&["loss", SHAKESPEARE, SHAKESPEARE, "--out", "a.svg"], 2, "which is given twice"),
        (&["cost", SHAKESPEARE, "--years", "3", "--out", "a.svg"], 2, "name it with --owned SYSTEM"),
        (
            &["sensitivity", SHAKESPEARE, "--owned", "trn2-ultraserver", "--out", "a.svg"],
            2,
            "give it with --capital USD",
        ),
    ] {
        let said = said(args);
        assert!(said.starts_with(&format!("{code} ")) && said.contains(words), "{args:?}: {said}");
    }
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is written");
}

/// What owned hardware costs can be asked for with all of its assumptions, which the line to draw it again repeats.
#[test]
fn sensitivity_of_owned_hardware() {
    let folder = tempfile::tempdir().unwrap();
    let owned =
        ["--owned", "trn2-ultraserver", "--capital", "1000000", "--years", "5", "--sensitivity", "0.1"];
    let args = [&["chart", "sensitivity", SHAKESPEARE], &owned[..], &["--out", "tornado.svg"]].concat();
    let output = portbench(&args, folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stderr(&output);
    let recipe = told.lines().find_map(|line| line.split_once("again: portbench ")).unwrap().1;
    assert!(recipe.contains(&owned.join(" ")), "{recipe}");
    let read = || fs::read(folder.path().join("tornado.svg")).unwrap();
    let first = read();
    let again = portbench(&words(recipe).iter().map(String::as_str).collect::<Vec<_>>(), folder.path());
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert!(first == read(), "the line draws another picture");
    let csv = fs::read_to_string(folder.path().join("tornado.csv")).unwrap();
    assert!(csv.starts_with("sum,provenance,assumption,as assumed,10 % lower,10 % higher\r\n"), "{csv}");
    let capital: Vec<f64> = csv
        .lines()
        .find(|line| line.contains(",capital,"))
        .unwrap()
        .split(',')
        .filter_map(|field| field.parse().ok())
        .collect();
    assert!(capital[1] < capital[0] && capital[0] < capital[2], "{capital:?}");
}

#[test]
fn kinds_are_listed() {
    let output = portbench(&["list", "charts", "--format", "csv"], Path::new("."));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}
