//! Prices and costs at the command line. The runs are published ones, so that the sums in the snapshots can be checked by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

const CPU_RUN: &str = "20261123-184849067-26a9";
const SHAKESPEARE: &str = "20261123-183927873-2fa0";

/// What the command prints: stdout and, behind a line, stderr.
fn printed(args: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO_BIN_EXE_portbench"))
        .args(args)
        .current_dir(root)
        .env_remove("PORTBENCH_CATALOG")
        .env("PORTBENCH_RESULTS", "results/published")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    format!("{}---- {code}\n{}", text(&output.stdout), text(&output.stderr))
}

/// The lines of a table with their column heads, of those that hold one of the words.
fn lines(text: &str, words: &[&str]) -> String {
    let wanted = |(i, line): &(usize, &str)| *i == 0 || words.iter().any(|w| line.contains(w));
    let kept: Vec<&str> = text.lines().enumerate().filter(wanted).map(|(_, line)| line).collect();
    kept.join("\n")
}

#[test]
fn the_catalogue_is_listed() {
    insta::assert_snapshot!("accelerators", printed(&["list", "accelerators", "aws-*"]));
    insta::assert_snapshot!("instances", printed(&["list", "instances", "trn*", "--format", "csv"]));
    insta::assert_snapshot!("prices", printed(&["list", "prices", "trn2.*", "--format", "markdown"]));
    insta::assert_snapshot!("systems", printed(&["list", "systems"]));
    let sources = printed(&["list", "sources", "kiln", "--format", "json"]);
    assert!(sources.contains("\"date\": \"2026-10-03..2026-10-08\""), "{sources}");
    let none = printed(&["list", "prices", "zebra*"]);
    assert_eq!(none, "---- 3\nerror: no name is like `zebra*` (* stands for anything)\n");
}

#[test]
fn a_run_is_priced() {
    let all = printed(&["cost", CPU_RUN, "--instance", "c8i.xlarge"]);
    let shown = ["gpt2-124m-chat", "bert-base", "resnet-50-single", "gemm-1024", "USD/h", "measured on"];
    insta::assert_snapshot!("run", lines(&all, &shown));
    let training = printed(&[
        "cost",
        SHAKESPEARE,
        "--instance",
        "c8i.xlarge",
        "--utilisation",
        "0.5",
        "--units",
        "1536000,1e9",
        "--load",
        "1000,9999",
    ]);
    insta::assert_snapshot!("training", training);
}

#[test]
fn a_run_is_not_priced_on_hardware_it_did_not_use() {
    let all = printed(&["cost", SHAKESPEARE, "--instance", "p5.48xlarge", "--region", "us-east-1"]);
    assert!(all.contains("ran on cpu; p5.48xlarge has nvidia-h100-sxm"), "{all}");
}

/// A published run as if one GPU had made it.
fn as_if_on_a_gpu(results: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/published").join(SHAKESPEARE);
    let copy = |from: &Path, to: &Path| {
        let text = std::fs::read_to_string(from).unwrap();
        std::fs::write(to, text.replace("\"device\":\"cpu\"", "\"device\":\"cuda:0\"")).unwrap();
    };
    let run = results.join("gpu");
    std::fs::create_dir_all(run.join("cells")).unwrap();
    copy(&root.join("run.json"), &run.join("run.json"));
    for cell in std::fs::read_dir(root.join("cells")).unwrap() {
        let cell = cell.unwrap();
        copy(&cell.path(), &run.join("cells").join(cell.file_name()));
    }
}

#[test]
fn one_accelerator_is_one_of_the_instance_until_it_is_scaled() {
    let folder = tempfile::tempdir().unwrap();
    as_if_on_a_gpu(folder.path());
    let results = folder.path().to_str().unwrap();
    let cost = |extra: &[&str]| {
        let fixed =
            ["cost", "gpu", "--instance", "p5.48xlarge", "--region", "us-east-1", "--results", results];
        let text = printed(&[&fixed[..], &["--format", "json"], extra].concat());
        let rows: serde_json::Value = serde_json::from_str(text.split_once("---- 0").unwrap().0).unwrap();
        (rows[0]["usd"]["value"].as_f64().unwrap(), rows[0]["of-platform"].as_str().unwrap().to_owned())
    };
    let (one, scaled) = (cost(&[]), cost(&["--scale"]));
    assert_eq!((one.1.as_str(), scaled.1.as_str()), ("1 of 8", "scaled x8"));
    assert!((one.0 / scaled.0 - 8.0).abs() < 1e-9);
}

#[test]
fn json_has_numbers_and_where_they_come_from() {
    let text = printed(&["cost", SHAKESPEARE, "--instance", "c8i.xlarge", "--format", "json"]);
    let (json, _) = text.split_once("---- 0").unwrap();
    let rows: serde_json::Value = serde_json::from_str(json).unwrap();
    let row = &rows[0];
    let number = |path: &str| row.pointer(path).and_then(serde_json::Value::as_f64).unwrap();
    let expected = number("/usd-per-hour/value") / 3600.0 / number("/throughput/value") * 1e9;
    assert!((number("/usd/value") / expected - 1.0).abs() < 1e-12);
    assert!(number("/usd/low") <= number("/usd/value") && number("/usd/value") <= number("/usd/high"));
    assert_eq!(row["provenance"], "measured");
    assert_eq!(row["per"], "1B training tokens");
    assert!(row["price-origin"].as_str().unwrap().contains("2026-"));
}

#[test]
fn rates_that_were_published_give_the_costs_that_were_published() {
    // foxl-ai/kiln: 632.4 tokens a second on trn2.48xlarge are 15.71 USD a million by Capacity Block.
    let block = ["--basis", "capacity-block", "--region", "us-east-2"];
    let mut args = vec!["cost", "--instance", "trn2.48xlarge", "--throughput", "632.4"];
    args.extend(block);
    insta::assert_snapshot!("rate", printed(&args));
}

#[test]
fn owning_is_broken_down() {
    insta::assert_snapshot!(
        "owned",
        printed(&["cost", "--owned", "gb200-nvl72", "--colocation", "130", "--utilisation", "0.7"])
    );
    insta::assert_snapshot!("owned_unpriced", printed(&["cost", "--owned", "trn2-ultraserver"]));
    let known = [
        "cost",
        "--owned",
        "trn2-ultraserver",
        "--capital",
        "2000000",
        "--utilisation",
        "0.6",
        "--sensitivity",
        "0.2",
    ];
    insta::assert_snapshot!("sensitivity", printed(&known));
}

#[test]
fn a_change_of_platform_breaks_even() {
    let now = [
        "cost",
        "--instance",
        "p5en.48xlarge",
        "--basis",
        "capacity-block",
        "--region",
        "us-east-1",
        "--throughput",
        "2359",
    ];
    let then = [
        "--against",
        "trn2.48xlarge",
        "--against-basis",
        "capacity-block",
        "--against-region",
        "us-east-2",
        "--migration",
        "100000",
    ];
    let with = |rate: &'static str| printed(&[&now[..], &then[..], &["--against-throughput", rate]].concat());
    insta::assert_snapshot!("against_slower", with("632.4"));
    insta::assert_snapshot!("against_cheaper", with("1800"));
    let run = [
        "cost",
        SHAKESPEARE,
        "--instance",
        "c8i.xlarge",
        "--against",
        "c8a.xlarge",
        "--against-run",
        SHAKESPEARE,
    ];
    insta::assert_snapshot!("against_run", printed(&run));
    let other = [
        "cost",
        SHAKESPEARE,
        "--instance",
        "c8i.xlarge",
        "--against",
        "c8a.xlarge",
        "--against-run",
        CPU_RUN,
    ];
    let text = printed(&other);
    assert!(
        text.contains("not the same work: programs") || text.contains("no cell of the same workload"),
        "{text}"
    );
}

#[test]
fn hardware_that_is_not_at_hand_is_projected() {
    let on = ["--on", "trn2,trn3,h200,b200,tpu-v6e"];
    insta::assert_snapshot!("project", printed(&[&["project", "llama-3.1-8b-generate"], &on[..]].concat()));
    insta::assert_snapshot!(
        "project_ops",
        printed(&["project", "mlp-training", "--on", "trn2", "--numerics", "f32", "--ops"])
    );
    let large = printed(&[
        "project",
        "llama-3.1-70b-generate",
        "--on",
        "h200",
        "--efficiency",
        "0.5",
        "--format",
        "csv",
    ]);
    insta::assert_snapshot!("project_large", large);
}

/// A chip of about what the machine of the published run can do, so that its share of the roofline can be taken.
const HOST: &str = r#"
[sources]
guess = { what = "a guess, for a test", date = "2026-11" }

[[accelerator]]
name = "test-host"
title = "Host of the run"
vendor = "nobody"
kind = "cpu"
peak-dense-tflops = { fp32 = 0.5, estimate = true }
bandwidth = { gb-s = 20, estimate = true }
sources = ["guess"]
"#;

#[test]
fn an_estimate_takes_the_share_that_a_run_reached() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.toml");
    std::fs::write(&own, HOST).unwrap();
    let project = |extra: &[&str]| {
        let fixed = [
            "project",
            "shakespeare-char-training",
            "--on",
            "test-host",
            "--numerics",
            "f32",
            "--format",
            "json",
        ];
        let own = ["--catalog", own.to_str().unwrap()];
        printed(&[&fixed[..], &own, extra].concat())
    };
    let text = project(&["--calibrate", &format!("test-host={SHAKESPEARE}")]);
    let (json, said) = text.split_once("---- 0").unwrap();
    let rows: serde_json::Value = serde_json::from_str(json).unwrap();
    // On the accelerator it was taken from, the estimate is what was measured.
    let estimate = rows[0]["estimated-rate"]["value"].as_f64().unwrap();
    assert!((estimate - 3729.0).abs() < 1.0, "{text}");
    assert_eq!(rows[0]["provenance"], "projected");
    assert!(said.contains("measured on test-host in run 20261123"), "{said}");
    let text = project(&["--calibrate", &format!("test-host={CPU_RUN}")]);
    assert!(
        text.starts_with("---- 2") && text.contains("has no measured cell of shakespeare-char-training"),
        "{text}"
    );
    let text = project(&["--calibrate", &format!("trn2={SHAKESPEARE}")]);
    assert!(text.starts_with("---- 2") && text.contains("on cpu, which is no aws-trainium2"), "{text}");
}

#[test]
fn projections_are_held_against_published_results() {
    insta::assert_snapshot!("project_published", printed(&["project", "--published"]));
    let listed = printed(&["list", "published", "bert-large-*", "--format", "csv"]);
    insta::assert_snapshot!("published", listed);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.toml"), "publisher = 3").unwrap();
    let text = printed(&["list", "published", "--published-results", folder.path().to_str().unwrap()]);
    assert!(text.starts_with("---- 2") && text.contains("x.toml:1:13: invalid type: integer"), "{text}");
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for (args, message) in [
        (
            &["cost", "--instance", "p5en.48xlrge"][..],
            "no instance is named `p5en.48xlrge`: did you mean `p5en.48xlarge`",
        ),
        (
            &["cost", "--instance", "trn2.48xlarge"],
            "trn2.48xlarge has no on-demand price: it has prices for spot, capacity-block",
        ),
        (
            &["cost", "--instance", "c8i.xlarge", "--utilisation", "0", "--throughput", "1"],
            "utilisation is 0; it must be above 0 and at most 1",
        ),
        (
            &["cost", "--instance", "c8i.xlarge", "--throughput=-1"],
            "the throughput is -1; it must be a number above 0",
        ),
        (
            &["cost", "--instance", "c8i.xlarge", "--basis", "free"],
            "`free` is no basis of prices; there are on-demand, spot",
        ),
        (&["cost", "--instance", "c8i.xlarge", "--date", "2026-13-01"], "is no day; write it as 2026-10-31"),
        (&["cost", "--instance", "c8i.xlarge", "--redone", "0.1"], "are about spot prices, not on-demand"),
        (&["cost", "--instance", "c8i.xlarge", "--against", "c8a.xlarge"], "a break-even needs both rates"),
        (&["cost", "--instance", "c8i.xlarge", "--capital", "3"], "--capital"),
        (
            &["cost", "--instance", "c8i.xlarge", "--against-owned", "h200-server", "--against-region", "x"],
            "--against-region",
        ),
        (&["cost"], "--instance"),
        (&["cost", "nosuch", "--instance", "c8i.xlarge"], "no run `nosuch`"),
        (&["cost", "--instance", "c8i.xlarge", "--years", "3"], "--years is about owned hardware"),
        (&["cost", "--owned", "h200-server", "--basis", "spot"], "cannot be used with '--basis <BASIS>'"),
        (
            &["cost", "--owned", "h200-server", "--date", "2026-01-01"],
            "--date is about the price of an instance",
        ),
        (
            &["cost", "latest", "--owned", "h200-server", "--sensitivity", "0.2"],
            "--sensitivity is about the hour of owned hardware",
        ),
        (
            &["cost", CPU_RUN, "--instance", "c8i.xlarge", "--beat", "0"],
            "--beat is 0; it must be a number above 0",
        ),
        (
            &["cost", "--instance", "c8i.xlarge", "--throughput", "1", "--against-owned", "trn2-ultraserver"],
            "give it with --against-capital USD",
        ),
        (&["compare", CPU_RUN, CPU_RUN, "--relevant", "2"], "it must be a share from 0 to 1"),
        (
            &["project", "gpt2-124m-training", "--on", "c8i.xlarge"],
            "is an instance with a part of a host CPU",
        ),
        (
            &["project", "gpt2-124m-training", "--on", "trn2,h2000"],
            "no accelerator is named `h2000`: did you mean `h200`",
        ),
        (
            &["project", "gpt2-124m-training", "--on", "trn2", "--efficiency", "1.5"],
            "the efficiency is 1.5; it must be above 0 and at most 1",
        ),
        (&["project", "gpt2-124m-trianing", "--on", "trn2"], "gpt2-124m-training"),
        (&["list", "prices", "--catalog", "/nowhere/own.toml"], "cannot read /nowhere/own.toml"),
    ] {
        let text = printed(args);
        assert!(text.contains("---- 2\n") && text.contains(message), "{args:?}: {text}");
    }
}
