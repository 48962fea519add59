//! The files of a report: what stands in them, and that nothing breaks them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{failed, figure, record, sample_records, sample_run};
use portbench_measure::{Histogram, LatencyBounds, Metric, Mode, Samples, Scenario, Unit};
use portbench_records::{Outcome, Record};
use portbench_report::{ReportFiles, Row, judge_bounds, lowering_cells, markdown};
use portbench_stats::LatencyHistogram;
use proptest::prelude::*;

/// A report in a fresh folder.
fn report(records: &[Record]) -> (tempfile::TempDir, ReportFiles) {
    let folder = tempfile::tempdir().unwrap();
    let run = sample_run(&folder.path().join("results"), "sample", records);
    let files = portbench_report::write(&run, &folder.path().join("report")).unwrap();
    (folder, files)
}

fn rows(records: &[Record]) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let run = sample_run(folder.path(), "sample", records);
    run.heads().unwrap().map(|head| Row::from(head.unwrap())).collect()
}

/// Elements by name; panics where the text is no XML.
fn elements(svg: &str) -> BTreeMap<String, usize> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let mut counts = BTreeMap::new();
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        *counts.entry(node.tag_name().name().to_owned()).or_insert(0) += 1;
        for attribute in node.attributes() {
            assert!(
                !attribute.value().contains("NaN") && !attribute.value().contains("inf"),
                "{attribute:?}"
            );
        }
    }
    counts
}

fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let nodes = document.descendants().filter(|n| n.tag_name().name() == "text");
    nodes.map(|n| n.text().unwrap_or_default().trim().to_owned()).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_table_shows_every_cell() {
    insta::assert_snapshot!(markdown(&rows(&sample_records())), @r"
    | workload | scenario | backend | numerics | outcome | throughput | latency p50 | latency p99 | peak memory | R | parity |
    | --- | --- | --- | --- | --- | ---: | --- | --- | ---: | ---: | --- |
    | gpt2-124m | single-stream | candle@cpu | f32 | measured | 21.7 [21.2, 22.2] tokens/s | ttft 1.97 s [1.87, 2.06], tpot 92.2 ms [87.6, 96.8] | ttft 2.95 s, tpot 147 ms | 1.40 GiB | 0.490 | passed (reduced) |
    | gpt2-tiny-train | single-stream | candle@cpu | f32 | measured | 15320 [14937, 15703] tokens/s | 8.36 ms [7.73, 8.98] | 10.9 ms | 1.40 GiB | 0.490 | passed (reduced) |
    | llama-8b | single-stream | candle@cpu | f32 | out-of-memory |  |  |  |  |  |  |
    | resnet18 | single-stream | candle@cpu | f32 | measured | 31.4 [30.6, 32.2] images/s | 4.08 s [3.97, 4.18] | not estimable | 1.40 GiB | 0.490 | passed (reduced) |
    | resnet18 | single-stream | reference@cpu | f32 | incorrect |  |  |  |  |  |  |
    ");
}

#[test]
fn a_report_has_a_page_a_table_and_charts() {
    let (_folder, files) = report(&sample_records());
    let page = read(&files.page);
    let names: Vec<&str> = files.charts.iter().map(|p| p.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "throughput.svg",
            "outcomes.svg",
            "parity.svg",
            "latency.svg",
            "ttft-tpot.svg",
            "pareto-made-up.svg",
            "loss-gpt2-tiny-train-f32.svg"
        ]
    );
    let table = read(&files.markdown);
    for name in names {
        assert!(table.contains(&format!("]({name})")), "{name}");
        let beside = |ending: &str| files.page.with_file_name(name).with_extension(ending);
        assert!(read(&beside("csv")).lines().count() > 1);
        assert_eq!(&fs::read(beside("png")).unwrap()[1..4], b"PNG");
    }
    for words in ["3 of 5 cells measured", "needs 32 GiB", "fails parity", "no fused form", "R at most 3"] {
        assert!(page.contains(words), "{words}");
    }
    assert_eq!(page.matches("http://").count(), page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    assert!(!page.contains("https://") && !page.contains("<script"));
}

#[test]
fn charts_have_a_name_labels_and_intervals() {
    let (_folder, files) = report(&sample_records());
    let throughput = read(&files.charts[0]);
    let counts = elements(&throughput);
    assert_eq!((counts["title"], counts["desc"]), (1 + counts["g"], 1));
    let texts = texts(&throughput);
    for words in [
        "tokens per second, logarithmic scale",
        "images per second",
        "gpt2-124m",
        "candle · Some, 2 CPUs, f32",
        "21.7",
        "candle · Some, 2 CPUs",
    ] {
        assert!(texts.iter().any(|t| t == words), "{words} in {texts:?}");
    }
    assert!(!texts.iter().any(|t| t.starts_with("reference")), "no legend for what is not drawn");
    let lines = |records: &[Record]| elements(&read(&report(records).1.charts[0]))["polyline"];
    let one = record("mlp", Mode::Inference, "candle", Unit::Samples, 100.0);
    let two = [one.clone(), record("mlp2", Mode::Inference, "candle", Unit::Samples, 100.0)];
    assert_eq!(lines(&two), lines(&[one]) + 3, "an interval and its two caps");
}

#[test]
fn runs_without_figures_have_a_page_all_the_same() {
    for records in [
        vec![],
        vec![
            failed("a", "tch", Outcome::Unavailable, "no libtorch"),
            failed("b", "tch", Outcome::Crashed, "died"),
        ],
    ] {
        let (_folder, files) = report(&records);
        assert_eq!(files.charts.len(), usize::from(!records.is_empty()), "outcomes alone");
        assert!(read(&files.page).contains("0 of"));
        assert_eq!(read(&files.markdown).contains("no libtorch"), !records.is_empty());
    }
}

#[test]
fn planned_cells_without_a_record_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let records = sample_records();
    let run = sample_run(&folder.path().join("results"), "sample", &records);
    let id = records[2].cell.id();
    fs::remove_file(run.dir().join("cells").join(format!("{id}.json"))).unwrap();
    let files = portbench_report::write(&run, &folder.path().join("report")).unwrap();
    let page = read(&files.page);
    assert!(page.contains("1 planned cells have no record") && page.contains(&format!("<li>{id}</li>")));
}

#[test]
fn names_are_text_and_nothing_else() {
    let evil = "<script>alert('1')</script>|&\"";
    let mut bad = record(evil, Mode::Training, evil, Unit::Tokens, 3.0);
    bad.detail = Some(evil.into());
    let (_folder, files) = report(&[bad]);
    let page = read(&files.page);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    let table = read(&files.markdown);
    assert!(!table.contains("<script") && table.contains("\\|&"));
    for chart in &files.charts {
        assert!(elements(&read(chart))["text"] > 0);
    }
}

#[test]
fn long_names_reach_neither_file_names_nor_charts_whole() {
    let long = "a-name-that-goes-on-and-on-".repeat(6);
    let (_folder, files) = report(&[record(&long, Mode::Training, "candle", Unit::Tokens, 3.0)]);
    assert!(files.charts.len() > 3);
    for chart in &files.charts {
        assert!(chart.file_name().unwrap().len() < 240);
        assert!(texts(&read(chart)).iter().all(|t| !t.contains(&long)));
    }
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let run = sample_run(&folder.path().join("results"), "sample", &sample_records());
    let content = |name: &str| {
        let files = portbench_report::write(&run, &folder.path().join(name)).unwrap();
        let charts = files.charts.iter().map(|p| read(p)).collect::<Vec<_>>();
        (read(&files.page), read(&files.markdown), charts)
    };
    assert_eq!(content("first"), content("second"));
}

#[test]
fn only_the_first_cells_are_drawn_and_the_page_says_so() {
    let records: Vec<Record> = (0..70)
        .map(|i| record(&format!("mlp-{i:02}"), Mode::Inference, "candle", Unit::Samples, 100.0))
        .collect();
    let (_folder, files) = report(&records);
    let drawn = texts(&read(&files.charts[0])).iter().filter(|t| t.starts_with("mlp-")).count();
    assert_eq!(drawn, 60);
    assert!(read(&files.page).contains("first 60 cells"));
    assert_eq!(read(&files.markdown).matches("| mlp-").count(), 70);
}

/// Of 3000 queries, 1500 within 10 ms and 1500 within 20 ms: a bound of 30 ms holds, one of 15 ms does not.
#[test]
fn tables_and_page_tell_whether_bounds_hold() {
    let server = |name: &str, bound: f64| {
        let mut record = record(name, Mode::Inference, "candle", Unit::Samples, 100.0);
        let bounds = LatencyBounds { latency: Some(bound), ..LatencyBounds::default() };
        let scenario = Scenario::Server { rate: 100.0, bounds };
        (record.cell.scenario, record.spec.scenario) = (scenario, scenario);
        let mut latency = LatencyHistogram::new().unwrap();
        for i in 0..1000u64 {
            latency.record(if i % 2 == 0 { 9_000_000 } else { 19_000_000 }).unwrap();
        }
        let latency = Histogram::of(&latency).unwrap();
        for trial in &mut record.trials {
            trial.measurement.samples = Samples::Server {
                units: 1,
                rate: 100.0,
                queries: 1000,
                seconds: 10.0,
                latency: latency.clone(),
                ttft: None,
                tpot: None,
                longest_queue: 3,
                lag: latency.clone(),
            };
        }
        record
    };
    let records = [server("loose", 0.03), server("tight", 0.015)];
    let folder = tempfile::tempdir().unwrap();
    let run = sample_run(folder.path(), "sample", &records);
    let mut rows: Vec<Row> = run.heads().unwrap().map(|head| Row::from(head.unwrap())).collect();
    judge_bounds(&run, &mut rows).unwrap();
    assert!(
        rows[0].bounds[0].starts_with("latency keeps 0.03 s at p99: 3000 queries within it and 0 over"),
        "{:?}",
        rows[0].bounds
    );
    assert!(
        rows[1].bounds[0].starts_with("latency does not keep 0.015 s at p99: 1500 queries within"),
        "{:?}",
        rows[1].bounds
    );
    let (_folder, files) = report(&records);
    for text in [read(&files.page), read(&files.markdown)] {
        assert!(text.contains("keeps 0.03 s") && text.contains("does not keep 0.015 s"));
    }
}

#[test]
fn lowering_tells_how_and_how_much() {
    let lowering = sample_records().remove(0).lowering.unwrap();
    let lines: Vec<String> = lowering_cells(&lowering).iter().map(|row| row.join(" | ")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    forward | linear | native | gemm | 12 | 90.0 % | 50.0 %
    forward | gelu | decomposed | no fused form | 12 | 10.0 % | 50.0 %
    ");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the figures, charts are XML without NaN or infinities, and everything lies on the canvas.
    #[test]
    fn any_figures_give_sound_charts(values in prop::collection::vec((1e-12f64..1e15, 0.0f64..3.0), 1..8)) {
        let records: Vec<Record> = values
            .iter()
            .enumerate()
            .map(|(i, (value, spread))| {
                let mut record = record(&format!("w{i}"), Mode::Inference, "candle", Unit::Samples, 1.0);
                record.figures = vec![figure(Metric::Throughput, *value, *spread), figure(Metric::LatencyP50, 1.0 / value, *spread)];
                record
            })
            .collect();
        let (_folder, files) = report(&records);
        for chart in &files.charts {
            let svg = read(chart);
            elements(&svg);
            let document = roxmltree::Document::parse(&svg).unwrap();
            for node in document.descendants() {
                if let Some(x) = node.attribute("x").and_then(|x| x.parse::<i32>().ok()) {
                    prop_assert!((0..=960).contains(&x), "{node:?}");
                }
            }
        }
    }
}
