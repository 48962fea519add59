//! Costs, projections and portability at the command line of what published runs say of their hardware.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Made on one H200.
const GPU: &str = "20261126-075854360-bd5f";
/// Made on another one, through CUDA graphs alone.
const GRAPHS: &str = "20261126-080334711-5b26";
const CPU: &str = "20261123-184849067-26a9";

/// Exit code, stdout and stderr.
fn run(args: &[&str]) -> (i32, String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO_BIN_EXE_portbench"))
        .args(args)
        .current_dir(root)
        .env_remove("PORTBENCH_CATALOG")
        .env("PORTBENCH_RESULTS", "results/published")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn rows(args: &[&str]) -> Vec<Value> {
    let (code, out, err) = run(&[args, &["--format", "json"]].concat());
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

fn number(row: &Value, path: &str) -> f64 {
    row.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} of {row}"))
}

const P5EN: [&str; 4] = ["--instance", "p5en.48xlarge", "--region", "us-east-1"];
const AGAINST_P5EN: [&str; 6] =
    ["--against", "p5en.48xlarge", "--against-region", "us-east-1", "--against-run", GPU];

#[test]
fn a_run_against_itself_costs_the_same_in_its_fastest_back_ends() {
    let found = rows(&[&["cost", GPU][..], &P5EN, &AGAINST_P5EN].concat());
    let priced: Vec<&Value> = found.iter().filter(|row| row["against"].is_object()).collect();
    assert!(priced.len() > 10, "{}", priced.len());
    for row in &priced {
        assert_eq!(row["against-is"], "equal", "{row}");
        assert_eq!(row["now"]["backend"], row["against"]["backend"]);
        assert_eq!(row["now"]["of-platform"], "1 of 8");
        assert!(row["discount-needed"].is_null() && row["payback-units"].is_null());
        assert!(number(row, "/break-even-usd-per-hour/low") <= number(row, "/break-even-usd-per-hour/value"));
    }
    // No other cell of the same work is faster than the one that counts.
    let all = rows(&[&["cost", GPU][..], &P5EN].concat());
    let large = |row: &&Value| row["workload"] == "bert-large-inference" && row["numerics"] == "bf16";
    let best = all.iter().filter(large).map(|row| number(row, "/throughput/value")).fold(0.0, f64::max);
    let row = priced.into_iter().find(large).unwrap();
    assert_eq!(number(row, "/now/throughput/value"), best);
    // What nothing of the run fits is no result.
    let other = ["--instance", "p5.48xlarge", "--region", "us-east-1"];
    let (code, out, err) = run(&[&["cost", GPU][..], &other, &AGAINST_P5EN].concat());
    assert!(code == 3 && out.contains("ran on NVIDIA H200; p5.48xlarge has nvidia-h100-sxm"), "{code} {out}");
    assert!(err.contains("nothing here could be priced"), "{err}");
    assert_eq!(run(&["cost", CPU, "--instance", "p5.48xlarge", "--region", "us-east-1"]).0, 3);
}

#[test]
fn csv_has_a_column_for_each_number_and_where_prices_come_from() {
    let (_, out, err) = run(&[&["cost", GPU, "--format", "csv"][..], &P5EN].concat());
    let head = out.lines().next().unwrap();
    for column in [
        "throughput,throughput-low,throughput-high",
        "usd,usd-low,usd-high",
        "basis",
        "price-date",
        "price-source",
    ] {
        assert!(head.contains(column), "{column}: {head}");
    }
    assert!(out.contains(",on-demand,"), "{out}");
    assert!(
        err.contains("measured on NVIDIA H200, a name that agrees with the nvidia-h200-sxm of p5en.48xlarge"),
        "{err}"
    );
    assert!(err.contains("each carry the whole bill"), "{err}");
}

#[test]
fn what_a_server_scenario_served_is_not_its_capacity() {
    let args = ["cost", CPU, "--instance", "c8i.xlarge", "--load", "1,1000"];
    let found = rows(&args);
    let server: Vec<&Value> =
        found.iter().filter(|row| row["scenario"].as_str().unwrap().starts_with("server")).collect();
    let per = |i: usize| server[i]["per"].as_str().unwrap();
    assert!(per(0).contains("at the scenario's"), "{}", per(0));
    let beyond = server.iter().find(|row| row["per"].as_str().unwrap().contains("at 1000 ")).unwrap();
    assert!(beyond["detail"].as_str().unwrap().starts_with("not known: the scenario offered"), "{beyond}");
    let beaten = rows(&["cost", CPU, "--instance", "c8i.xlarge", "--beat", "0.000001"]);
    for row in beaten.iter().filter(|row| row["scenario"].as_str().unwrap().starts_with("server")) {
        assert!(row["usd"].is_null() && row["detail"].as_str().unwrap().starts_with("not known"), "{row}");
    }
    assert!(beaten.iter().any(|row| row["detail"] == "never" && row["usd"].is_object()));
}

#[test]
fn peaks_of_other_hardware_are_refused() {
    let (code, _, err) = run(&["show", GPU, "--on", "b200"]);
    assert!(code == 3 && err.contains("ran on NVIDIA H200, which is no nvidia-b200"), "{code} {err}");
    let project = |from: &str| {
        run(&["project", "llama-3.1-8b-chat", "--on", "h200,trn2.48xlarge,t4", "--calibrate", from])
    };
    let (code, _, err) = project(&format!("b200={GPU}"));
    assert!(code == 2 && err.contains("on NVIDIA H200, which is no nvidia-b200"), "{code} {err}");
    let (code, out, err) = project(&format!("h200={GPU}"));
    assert!(code == 0 && err.contains("no figure here was measured"), "{code} {err}");
    assert!(
        out.contains("trn2.48xlarge, 16 x aws-trainium2") && out.contains("nvidia-t4 has no dense bf16 peak"),
        "{out}"
    );
    let (_, _, err) = project("trn2=published");
    assert!(err.contains("(1 result: Llama-3.3-70B"), "{err}");
}

const STUDY: [&str; 6] =
    ["--workload", "llama-3.1-8b-chat", "--numerics", "bf16", "--reference", "the best of these runs"];

#[test]
fn what_is_ported_is_the_best_back_end_of_each_platform() {
    let (eager, graphs) = (format!("eager={GPU}"), format!("graphs={GRAPHS}"));
    let known = ["--accelerator", "eager=h200", "--accelerator", "graphs=h200"];
    let group = ["--application", "ours=tch+torch-cudagraph"];
    let found = rows(&[&["portability", &eager, &graphs][..], &STUDY, &known, &group].concat());
    let row = |name: &str, kind: &str| {
        found.iter().find(|row| row["application"] == name && row["efficiency"] == kind).unwrap()
    };
    // Neither back end ran on both; the workload did.
    assert_eq!(number(row("tch", "architectural"), "/pp"), 0.0);
    let best = row("best of each platform", "architectural");
    let shares = [number(best, "/efficiencies/eager"), number(best, "/efficiencies/graphs")];
    assert!((number(best, "/pp") - 2.0 / (1.0 / shares[0] + 1.0 / shares[1])).abs() < 1e-12, "{best}");
    assert_eq!(best["backends"]["graphs"], "torch-cudagraph");
    assert_eq!(number(row("ours", "application"), "/pp"), 1.0);
    assert!(
        found
            .iter()
            .all(|row| row["application"] != "best of each platform" || row["efficiency"] == "architectural")
    );
}

#[test]
fn a_platform_is_what_its_run_ran_on_and_there_once() {
    let refused = |platforms: &[&str]| {
        let (code, _, err) = run(&[&["portability"][..], platforms, &STUDY].concat());
        assert_eq!(code, 2, "{err}");
        err
    };
    let (h200, trn2, again) = (format!("h200={GPU}"), format!("trn2={GRAPHS}"), format!("again={GPU}"));
    let err = refused(&[&h200, &trn2]);
    assert!(
        err.contains("platform trn2") && err.contains("ran on NVIDIA H200, which is no aws-trainium2"),
        "{err}"
    );
    let err = refused(&[&h200, &again]);
    assert!(err.contains("platforms h200 and again are both cuda:0 of run"), "{err}");
}

#[test]
fn a_place_that_cannot_hold_a_site_is_the_users_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("file"), "theirs").unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    std::fs::write(path("folder/notes"), "theirs").unwrap();
    for (out, message) in [
        ("file", "a file is in the way where a directory is needed"),
        ("file/below", "a file is in the way where a directory is needed"),
        ("folder", "holds files that are no site of portbench"),
    ] {
        let (code, _, err) = run(&["report", GRAPHS, "--out", &path(out)]);
        assert!(code == 2 && err.contains(message), "{out}: {code} {err}");
    }
    assert_eq!(std::fs::read_to_string(path("folder/notes")).unwrap(), "theirs");
}

#[test]
fn names_are_found_by_alias_and_case_and_guessed() {
    for pattern in ["h200", "H200", "NVIDIA-H200*"] {
        let (code, out, _) = run(&["list", "accelerators", pattern]);
        assert!(code == 0 && out.lines().count() == 2 && out.contains("nvidia-h200-sxm"), "{pattern}: {out}");
    }
    let (code, _, err) = run(&["list", "published", "llama-3.3"]);
    assert!(code == 3 && err.contains("did you mean `Llama-3.3-70B"), "{err}");
}

#[test]
fn names_command_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.toml");
    let text = "[sources]\nus = { what = \"x\", date = \"2026\" }\n[[instance]]\nname = \"b\\u001b[31mox\"\nprovider = \"us\"\naccelerator = \"h200\"\naccelerators = 8\n";
    std::fs::write(&own, text).unwrap();
    for format in ["table", "markdown", "csv"] {
        let (code, out, _) =
            run(&["list", "instances", "b*ox", "--catalog", own.to_str().unwrap(), "--format", format]);
        assert!(code == 0 && out.contains("b\\u{1b}[31mox") && !out.contains('\u{1b}'), "{out}");
    }
}
