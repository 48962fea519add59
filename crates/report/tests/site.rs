//! The site: what stands on its pages, that they hold together, and that nobody else's files are touched.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::site::{Runs, on_gpu, parsed, read, rows, two_platforms};
use common::{failed, record, sample_records};
use portbench_catalog::Catalog;
use portbench_measure::{LatencyBounds, Mode, Numerics, Scenario, Unit};
use portbench_records::{Outcome, Record};
use portbench_report::charts::Study;
use portbench_report::{MANIFEST, write_site};

fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Every address on a page, with the attribute that holds it.
fn addresses(xml: &str) -> Vec<(String, String)> {
    let document = roxmltree::Document::parse(xml).unwrap();
    let attributes = document.descendants().flat_map(|node| node.attributes().collect::<Vec<_>>());
    attributes
        .filter(|a| ["href", "src", "srcset"].contains(&a.name()))
        .map(|a| (a.name().to_owned(), a.value().to_owned()))
        .collect()
}

fn ids(xml: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(xml).unwrap();
    document.descendants().filter_map(|node| node.attribute("id").map(ToOwned::to_owned)).collect()
}

/// Every page is well-formed, names its parts once, and leads nowhere that is not there.
fn assert_holds_together(folder: &Path) {
    let files = files_below(folder);
    let pages: BTreeMap<&String, String> = files
        .iter()
        .filter(|(name, _)| name.ends_with(".html"))
        .map(|(name, content)| (name, parsed(std::str::from_utf8(content).unwrap())))
        .collect();
    for (name, xml) in &pages {
        let names = ids(xml);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{name}: an id stands twice");
        let here = Path::new(name).parent().unwrap();
        for (attribute, address) in addresses(xml) {
            if address == "data:," {
                continue;
            }
            assert!(!address.contains(':') && !address.starts_with("//"), "{name}: {attribute}={address}");
            let (path, anchor) = address.split_once('#').unwrap_or((&address, ""));
            let target = if path.is_empty() { (*name).clone() } else { normal(&here.join(path)) };
            assert!(files.contains_key(&target), "{name}: no {target}");
            if !anchor.is_empty() {
                assert!(ids(&pages[&target]).iter().any(|id| id == anchor), "{name}: no {address}");
            }
        }
    }
}

/// A relative path without `..`.
fn normal(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.to_str().unwrap().split('/') {
        if part == ".." {
            parts.pop().unwrap();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

#[test]
fn a_site_has_its_pages_and_holds_together() {
    let runs = two_platforms();
    let written = runs.write().unwrap();
    let names: BTreeSet<String> = files_below(&runs.out()).into_keys().collect();
    for name in [
        "index.html",
        "not-measured.html",
        "method.html",
        "published.html",
        "workloads/gpt2-124m.html",
        MANIFEST,
    ] {
        assert!(names.contains(name), "{name} in {names:?}");
    }
    assert_eq!(names.iter().filter(|n| n.starts_with("platforms/")).count(), 2);
    assert_eq!(written.files.len() + 1, names.len(), "the manifest names every file but itself");
    assert_holds_together(&runs.out());
}

#[test]
fn the_overview_answers_what_a_move_means() {
    let runs = two_platforms();
    runs.write().unwrap();
    let page = runs.page("index.html");
    let platforms = rows(&page, "platforms-table");
    assert_eq!(platforms[0][1], "where you are");
    assert_eq!(platforms[1][1], "2.00× 2.00 to 2.00 1 comparison");
    assert_eq!(platforms[1][3], "1 of 2 cells");
    let cells = rows(&page, "cells-table");
    assert_eq!(cells.len(), 5);
    let failed = cells.iter().find(|row| row[2].starts_with("no: unsupported")).unwrap();
    assert!(failed[0].starts_with("resnet18") && failed[3].is_empty(), "{failed:?}");
    let fastest: Vec<&Vec<String>> = cells.iter().filter(|row| row[3].starts_with("fastest ")).collect();
    assert!(fastest.len() == 1 && fastest[0][1].contains("H100"), "{cells:?}");
    assert!(page.contains("no price given") && page.contains("1 unsupported"));
}

#[test]
fn what_did_not_run_is_listed_with_its_reason() {
    let runs = two_platforms();
    runs.write().unwrap();
    let page = runs.page("not-measured.html");
    assert!(rows(&page, "no-figures-table")[0][3].contains("no kernel for `conv2d`"));
    let planned = rows(&page, "not-planned-table");
    assert!(
        planned.len() == 1 && planned[0][0].starts_with("mlp") && planned[0][1].contains("H100"),
        "{planned:?}"
    );
    let reasons = rows(&page, "not-estimable-table");
    assert!(reasons.iter().any(|row| row[2].contains("latency-p99: needs 299 samples")));
}

#[test]
fn planned_cells_without_a_readable_record_are_listed() {
    let runs = Runs::of(&[sample_records()]);
    let cells = runs.runs[0].dir().join("cells");
    let ids: Vec<String> = sample_records().iter().map(|r| r.cell.id()).collect();
    fs::remove_file(cells.join(format!("{}.json", ids[0]))).unwrap();
    fs::write(cells.join(format!("{}.json", ids[1])), "{\"version\": 1,").unwrap();
    let written = runs.write().unwrap();
    assert!(written.notes.iter().any(|note| note.contains("cut short")), "{:?}", written.notes);
    let missing = rows(&runs.page("not-measured.html"), "missing-table");
    assert_eq!(missing.len(), 3, "two planned cells and one file: {missing:?}");
    assert_holds_together(&runs.out());
}

/// A cell that passed its check and whose times were refused is neither wrong nor unable to run.
#[test]
fn figures_that_were_refused_do_not_make_a_cell_wrong() {
    let mut refused = record("gemm", Mode::Inference, "tch", Unit::Executions, 100.0);
    refused.outcome = Outcome::Incorrect;
    refused.detail = Some("the barrier does not wait".into());
    refused.figures.clear();
    let runs = Runs::of(&[vec![record("mlp", Mode::Training, "candle", Unit::Samples, 100.0), refused]]);
    runs.write().unwrap();
    let page = runs.page("index.html");
    assert!(page.contains("all 2 checked cells") && page.contains("1 cell right and without figures"));
    let cells = rows(&page, "cells-table");
    assert!(cells.iter().any(|row| row[2].starts_with("yes: figures refused")), "{cells:?}");
}

#[test]
fn unlike_problems_of_one_name_are_kept_apart() {
    let mut longer = record("gpt2-124m", Mode::Generate, "candle", Unit::Tokens, 80.0);
    longer.problem.fingerprint = "ef".repeat(32);
    longer.problem.shape.insert("batch".into(), 8);
    let runs = Runs::of(&[
        vec![record("gpt2-124m", Mode::Generate, "candle", Unit::Tokens, 20.0)],
        vec![on_gpu("NVIDIA H100", longer)],
    ]);
    let written = runs.write().unwrap();
    assert!(
        written.notes.iter().any(|n| n.contains("gpt2-124m") && n.contains("batch 1 and 8")),
        "{:?}",
        written.notes
    );
    let page = runs.page("workloads/gpt2-124m.html");
    assert!(page.contains("Kept apart") && page.contains("batch 1 and 8"));
    assert!(!page.contains(">fastest<"), "two different works are no comparison");
    assert!(runs.page("index.html").contains("nothing to compare"));
    let apart = rows(&runs.page("not-measured.html"), "apart-table");
    assert!(apart.len() == 1 && apart[0][2].contains("batch 1 and 8"), "{apart:?}");
}

#[test]
fn a_cell_that_was_measured_again_counts_once() {
    let once = vec![record("mlp", Mode::Training, "candle", Unit::Samples, 100.0)];
    let again = vec![record("mlp", Mode::Training, "candle", Unit::Samples, 110.0)];
    let runs = Runs::of(&[once, again]);
    runs.write().unwrap();
    let cells = rows(&runs.page("index.html"), "cells-table");
    assert!(cells.len() == 1 && cells[0][3].starts_with("110"), "{cells:?}");
    assert_eq!(rows(&runs.page("not-measured.html"), "replaced-table").len(), 1);
}

#[test]
fn published_results_stand_apart() {
    let mut known = record("bert", Mode::Inference, "candle", Unit::Samples, 20.0);
    known.problem.model = "bert base".into();
    let runs = Runs::of(&[vec![known]]);
    runs.write().unwrap();
    let page = runs.page("workloads/bert.html");
    let section = page.split("<section class=\"published\">").nth(1).unwrap();
    assert!(section.contains("trn1.2xlarge") && section.contains("Archived pages"));
    assert!(!page.split("<section class=\"published\">").next().unwrap().contains("trn1.2xlarge"));
    assert!(!runs.page("index.html").contains("trn1.2xlarge"));
}

#[test]
fn projections_stand_apart() {
    let runs = Runs::of(&[vec![record("mlp", Mode::Inference, "candle", Unit::Samples, 20.0)]]);
    let catalog = Catalog::built_in().unwrap();
    let on = vec![catalog.accelerator("trn2").unwrap().clone()];
    let study = Study::read(&runs.runs).unwrap().with_projections(on);
    write_site(&study, &runs.out()).unwrap();
    let page = runs.page("workloads/mlp.html");
    let table = rows(&page, "inference-single-stream-f32-projected");
    assert!(table.len() == 1 && table[0][0].contains("Trainium2"), "{table:?}");
    let (before, section) = page.split_once("<section class=\"projected\">").unwrap();
    assert!(section.contains("nothing was measured there"));
    // Charts may show both, drawn differently; no table does.
    let in_a_cell = |cell: &str| cell.split("</td>").next().is_some_and(|text| text.contains("Trainium2"));
    assert!(!before.split("<td").skip(1).any(in_a_cell));
    assert_holds_together(&runs.out());
}

#[test]
fn names_are_text_and_nothing_else() {
    let evil = "\"><script>alert('1')</script>&amp;../../x";
    let mut bad = record(evil, Mode::Training, evil, Unit::Tokens, 3.0);
    bad.detail = Some(evil.into());
    bad.problem.model = evil.into();
    bad.environment.cpu = evil.into();
    bad.environment.facts.insert(evil.into(), evil.into());
    bad.backend.as_mut().unwrap().settings.insert(evil.into(), evil.into());
    bad.parity.as_mut().unwrap().outputs[0].name = evil.into();
    let runs = Runs::of(&[vec![on_gpu(evil, bad)]]);
    runs.write().unwrap();
    for (name, content) in files_below(&runs.out()).iter().filter(|(name, _)| name.ends_with(".html")) {
        let text = std::str::from_utf8(content).unwrap();
        assert_eq!(text.matches("<script").count(), 1, "{name}: only ours");
        assert!(name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '/')), "{name}");
    }
    assert_holds_together(&runs.out());
    assert!(runs.page("index.html").contains("&lt;script&gt;"));
}

#[test]
fn assets_ask_for_nothing_from_outside() {
    let runs = two_platforms();
    runs.write().unwrap();
    for (name, content) in files_below(&runs.out()) {
        if !name.ends_with(".png") {
            let text = String::from_utf8(content).unwrap().replace("http://www.w3.org/2000/svg", "");
            // Addresses of sources are words, and lead nowhere.
            if name != "published.html" {
                assert!(!text.contains("http://") && !text.contains("https://"), "{name}");
            }
            assert!(!text.contains("url("), "{name}");
        }
    }
}

#[test]
fn runs_without_cells_have_a_site_all_the_same() {
    for records in [vec![], vec![failed("a", "tch", Outcome::Unavailable, "no libtorch")]] {
        let runs = Runs::of(&[records]);
        runs.write().unwrap();
        assert_holds_together(&runs.out());
        assert!(runs.page("index.html").contains("nothing to compare"));
    }
}

#[test]
fn two_hundred_cells_hold_together_and_the_same_records_give_the_same_bytes() {
    let records = |gpu: bool, factor: f64| -> Vec<Record> {
        (0..100)
            .map(|i| {
                let modes = [Mode::Inference, Mode::Generate, Mode::Training];
                let mut made = record(
                    &format!("w-{:02}", i / 4),
                    modes[i % 3],
                    "candle",
                    Unit::Tokens,
                    10.0 + factor * i as f64,
                );
                made.cell.numerics = Numerics::ALL[i % 5];
                made.cell.scenario =
                    Scenario::Server { rate: (1 + i / 15 % 4) as f64, bounds: LatencyBounds::default() };
                if gpu { on_gpu("NVIDIA H100", made) } else { made }
            })
            .collect()
    };
    let runs = Runs::of(&[records(false, 1.0), records(true, 3.0)]);
    runs.write().unwrap();
    assert_holds_together(&runs.out());
    assert_eq!(rows(&runs.page("index.html"), "cells-table").len(), 200);
    let other = runs.folder.path().join("other");
    runs.write_to(&other).unwrap();
    assert!(files_below(&runs.out()) == files_below(&other), "two sites of the same records differ");
}

#[test]
fn a_folder_with_somebody_elses_files_is_left_alone() {
    let runs = two_platforms();
    for name in ["index.html", "notes.txt", "assets/site.css", MANIFEST] {
        let out = runs.folder.path().join(format!("taken-{}", name.replace('/', "-")));
        fs::create_dir_all(out.join(name).parent().unwrap()).unwrap();
        fs::write(out.join(name), "mine").unwrap();
        let before = files_below(&out);
        let error = runs.write_to(&out).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("nothing was written"), "{error}");
        assert_eq!(files_below(&out), before);
    }
    let file = runs.folder.path().join("a-file");
    fs::write(&file, "mine").unwrap();
    assert!(runs.write_to(&file).is_err());
    assert_eq!(read(&file), "mine");
}

#[test]
fn a_file_put_into_a_site_keeps_the_site_from_being_replaced() {
    let runs = two_platforms();
    runs.write().unwrap();
    let before = files_below(&runs.out());
    fs::write(runs.out().join("CNAME"), "example.org").unwrap();
    let error = runs.write().unwrap_err().to_string();
    assert!(error.contains("CNAME"), "{error}");
    fs::remove_file(runs.out().join("CNAME")).unwrap();
    assert_eq!(files_below(&runs.out()), before);
}

#[test]
fn a_second_site_replaces_the_first_whole() {
    let first = two_platforms();
    first.write().unwrap();
    let second = Runs::of(&[vec![record("other", Mode::Inference, "candle", Unit::Samples, 5.0)]]);
    second.write_to(&first.out()).unwrap();
    let fresh = second.out();
    second.write_to(&fresh).unwrap();
    assert_eq!(files_below(&first.out()), files_below(&fresh));
    assert!(!first.out().join("workloads/gpt2-124m.html").exists());
}

/// A manifest that names files outside of its folder does not reach them, whoever wrote it.
#[test]
fn a_manifest_reaches_only_into_its_folder() {
    let runs = two_platforms();
    runs.write().unwrap();
    let victim = runs.folder.path().join("victim.txt");
    fs::write(&victim, "mine").unwrap();
    let path = runs.out().join(MANIFEST);
    let mut manifest: serde_json::Value = serde_json::from_str(&read(&path)).unwrap();
    let files = manifest["files"].as_array_mut().unwrap();
    files.push("../victim.txt".into());
    files.push(victim.to_str().unwrap().into());
    fs::write(&path, manifest.to_string()).unwrap();
    runs.write().unwrap();
    assert_eq!(read(&victim), "mine");
}

/// Where the records cannot be read the old site stands as it was.
#[test]
fn a_report_that_fails_leaves_the_old_site() {
    let runs = two_platforms();
    runs.write().unwrap();
    let before = files_below(&runs.out());
    fs::write(runs.runs[1].dir().join("run.json"), "{").unwrap();
    assert!(runs.write().is_err());
    assert_eq!(files_below(&runs.out()), before);
    let fresh = runs.folder.path().join("fresh");
    assert!(runs.write_to(&fresh).is_err());
    assert!(!fresh.exists(), "a folder that was made for nothing goes again");
}

/// What a process that was killed in the middle leaves: the new site is in its place all the same.
#[test]
fn an_unfinished_site_is_cleared_away() {
    let runs = two_platforms();
    runs.write().unwrap();
    let before = files_below(&runs.out());
    fs::create_dir_all(runs.out().join(".portbench-unfinished-abc/assets")).unwrap();
    fs::write(runs.out().join(".portbench-unfinished-abc/assets/site.css"), "half").unwrap();
    fs::remove_file(runs.out().join("index.html")).unwrap();
    runs.write().unwrap();
    assert_eq!(files_below(&runs.out()), before);
}
