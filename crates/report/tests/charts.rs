//! Which charts runs on several platforms give, and what is in them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::fleet::{CPU, H100, H100_COMPILED, H200_COMPILED, On, TRN2, fleet};
use portbench_catalog::Catalog;
use portbench_chart::Theme;
use portbench_measure::Numerics;
use portbench_records::Run;
use portbench_report::charts::{self, About, ChartKind, Placed, PriceChoice, Rented, Selection, Study};

const PLATFORMS: [On; 5] = [H100, H100_COMPILED, H200_COMPILED, TRN2, CPU];

/// A study with the built-in catalogue, a published result of one of its models, and projections on two accelerators.
fn read(runs: &[Run]) -> Study<'_> {
    let catalog = Catalog::built_in().unwrap();
    let on = ["trn3", "b200"].map(|name| catalog.accelerator(name).unwrap().clone());
    let published = portbench_catalog::published::read("made-up.toml", PUBLISHED).unwrap();
    let prices = PriceChoice {
        instances: INSTANCES.split(',').map(|text| Rented::parse(text).unwrap()).collect(),
        owned: vec!["b200-server".into()],
        scale: true,
        ..PriceChoice::default()
    };
    let study = Study::read(runs).unwrap().with_catalog(catalog).with_published(published);
    study.with_projections(on.to_vec()).with_prices(prices).unwrap()
}

const INSTANCES: &str = "p5.48xlarge@us-east-1,p5e.48xlarge:capacity-block@us-east-2,trn2.48xlarge:capacity-block@us-east-2,c8i.xlarge";

const PUBLISHED: &str = r#"
publisher = "Somebody"
[[result]]
model = "bert-base-uncased"
mode = "inference"
instance = "trn1.2xlarge"
software = "Neuron SDK 2.27.0"
shape = { batch = 16, sequence = 128 }
throughput = 3421.57
unit = "inferences"
source = "a page"
date = "2026-08-21"
work = { family = "bert", preset = "base", numerics = "f32" }
[[result]]
model = "another"
mode = "inference"
instance = "trn1.2xlarge"
throughput = 99.0
unit = "inferences"
source = "a page"
date = "2026-08-21"
work = { family = "bert", preset = "large", numerics = "f32" }
"#;

fn all(platforms: &[On]) -> Vec<Placed> {
    let folder = tempfile::tempdir().unwrap();
    let runs = fleet(folder.path(), platforms);
    charts::charts(&read(&runs)).unwrap()
}

fn csv(placed: &[Placed], name: &str) -> String {
    let found = placed.iter().find(|p| p.chart.name == name);
    let names: Vec<&str> = placed.iter().map(|p| p.chart.name.as_str()).collect();
    found.unwrap_or_else(|| panic!("no {name} in {names:?}")).chart.data.csv().replace("\r\n", "\n")
}

#[test]
fn every_kind_has_a_chart_where_it_belongs() {
    let folder = tempfile::tempdir().unwrap();
    // Of one platform there are two nights.
    let runs = [fleet(folder.path(), &[CPU]), fleet(folder.path(), &PLATFORMS)].concat();
    let placed = charts::charts(&read(&runs)).unwrap();
    let kinds: BTreeSet<&str> = placed.iter().map(|p| p.chart.kind).collect();
    let missing: Vec<&str> =
        ChartKind::ALL.map(ChartKind::name).into_iter().filter(|k| !kinds.contains(k)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let names: BTreeSet<&str> = placed.iter().map(|p| p.chart.name.as_str()).collect();
    assert_eq!(names.len(), placed.len(), "names of files are told apart");
    let of = |about: &About| {
        let charts = placed.iter().filter(|p| p.about == *about);
        charts.map(|p| p.chart.name.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        of(&About::Overview),
        "throughput cost sensitivity outcomes parity latency ttft-tpot op-coverage pareto-gpt2-124m cost-interactivity-gpt2-124m"
    );
    assert_eq!(
        of(&About::Workload("nano-gpt-training".into())),
        "throughput-nano-gpt-training cost-nano-gpt-training latency-nano-gpt-training op-coverage-nano-gpt-training \
         cost-load-nano-gpt-training-f32 latency-percentiles-nano-gpt-training-f32 latency-cdf-nano-gpt-training-f32 warm-up-nano-gpt-training-f32 loss-nano-gpt-training-f32 \
         cascade-nano-gpt-training-f32 history-nano-gpt-training-f32"
    );
    assert_eq!(
        of(&About::Platform("torch-compile-nvidia-h200".into())),
        "roofline-torch-compile-nvidia-h200"
    );
    for Placed { chart, recipe, .. } in &placed {
        assert!(recipe.starts_with(&format!("portbench chart {} ", chart.kind)), "{recipe}");
        assert!(
            recipe.contains(&format!(" --instance {INSTANCES} --owned b200-server --scale --on ")),
            "{recipe}"
        );
        assert!(recipe.ends_with(&format!(" --out {}.svg", chart.name)), "{recipe}");
        let origin = if chart.kind == "sensitivity" { "Price of b200-server, owned" } else { "Stack: " };
        assert!(chart.notes.iter().any(|n| n.starts_with(origin)), "{}: {:?}", chart.name, chart.notes);
        for svg in [chart.svg(Theme::Page).unwrap(), chart.narrow_svg(Theme::Dark).unwrap()] {
            roxmltree::Document::parse(&svg).unwrap();
        }
    }
}

/// A chart that its recipe's selection draws is the same chart.
#[test]
fn a_chart_alone_is_the_one_of_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let runs = fleet(folder.path(), &PLATFORMS);
    let study = read(&runs);
    let placed = charts::charts(&study).unwrap();
    let selection = Selection {
        workload: Some("bert-base-inference".into()),
        numerics: Some(Numerics::F32),
        ..Selection::default()
    };
    let alone = charts::draw(&study, ChartKind::LatencyPercentiles, &selection).unwrap().unwrap();
    let found = placed.iter().find(|p| p.chart.name == alone.name).unwrap();
    assert_eq!(found.chart, alone);
    assert!(found.recipe.contains(" --workload bert-base-inference --numerics f32 "), "{}", found.recipe);
}

/// Series by platform, in every chart that has a legend.
fn series(placed: &[Placed]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for chart in placed.iter().map(|p| &p.chart).filter(|c| ["throughput", "latency"].contains(&c.kind)) {
        let svg = chart.svg(Theme::Light).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let shapes: Vec<_> = document.root_element().children().filter(roxmltree::Node::is_element).collect();
        let entry = |p: &&[roxmltree::Node<'_, '_>]| {
            p[0].tag_name().name() == "circle"
                && p[1].tag_name().name() == "text"
                && p[1].text().unwrap().contains(" · ")
        };
        for pair in shapes.windows(2).filter(entry) {
            let (colour, label) = (pair[0].attribute("fill").unwrap(), pair[1].text().unwrap());
            found.entry(label.to_owned()).or_default().insert(colour.to_owned());
        }
    }
    found
}

#[test]
fn a_platform_has_one_colour_in_every_chart_and_order_of_runs() {
    let placed = all(&PLATFORMS);
    let colours = series(&placed);
    let colours: BTreeMap<_, _> =
        colours.into_iter().filter(|(label, _)| !label.starts_with("Somebody")).collect();
    assert_eq!(colours.len(), 5, "{colours:?}");
    assert!(colours.values().all(|c| c.len() == 1), "{colours:?}");
    let mut reversed = PLATFORMS;
    reversed.reverse();
    let again = series(&all(&reversed));
    assert!(colours.iter().all(|(label, colour)| again[label] == *colour), "{again:?}");
    let distinct: BTreeSet<&BTreeSet<String>> = colours.values().collect();
    assert_eq!(distinct.len(), 5);
}

#[test]
fn platforms_are_told_apart_by_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let newer = On { library: ("torch", "2.10.0"), ..H100_COMPILED };
    let runs = fleet(folder.path(), &[H100, H100_COMPILED, newer, TRN2]);
    let study = read(&runs);
    let platforms = study.platforms();
    let labels: Vec<&str> = (0..platforms.len()).map(|p| platforms.label(p)).collect();
    assert_eq!(
        labels,
        [
            "neuron-trace · AWS trn2.48xlarge",
            "tch · NVIDIA H100 80GB HBM3",
            "torch-compile · NVIDIA H100 80GB HBM3 (torch 2.10.0)",
            "torch-compile · NVIDIA H100 80GB HBM3 (torch 2.9.0)",
        ]
    );
    let slugs: BTreeSet<&str> = (0..platforms.len()).map(|p| platforms.slug(p)).collect();
    assert_eq!(slugs.len(), 4);
    assert_eq!(platforms.of_slug("tch-nvidia-h100-80gb-hbm3"), Some(1));
    assert_eq!(platforms.stack(1), "driver 580.95, libtorch 2.9.0");
}

/// The same run twice: the later one counts, and each chart names what gave way.
#[test]
fn a_later_run_of_a_cell_takes_the_place_of_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let runs = fleet(folder.path(), &[CPU, CPU]);
    let study = read(&runs);
    let chart = charts::draw(&study, ChartKind::Throughput, &Selection::default()).unwrap().unwrap();
    let lines = chart.data.rows().len();
    assert_eq!(lines, 7, "{}", chart.data.csv());
    let named = chart.notes.iter().filter(|n| n.contains("a later run measured it again")).count();
    assert_eq!(named, lines);
}

#[test]
fn no_runs_and_runs_without_figures_have_no_charts_of_them() {
    assert!(charts::charts(&read(&[])).unwrap().is_empty());
    let folder = tempfile::tempdir().unwrap();
    let failed = common::failed("w", "tch", portbench_records::Outcome::Unavailable, "no libtorch");
    let runs = [common::sample_run(folder.path(), "s", &[failed])];
    let placed = charts::charts(&read(&runs)).unwrap();
    let names: Vec<&str> = placed.iter().map(|p| p.chart.name.as_str()).collect();
    assert_eq!(names, ["sensitivity", "outcomes"]);
}

#[test]
fn planned_cells_without_a_record_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let runs = fleet(folder.path(), &[CPU]);
    let id = "bert-base-inference.inference.single-stream.candle.cpu.f32";
    std::fs::remove_file(runs[0].dir().join("cells").join(format!("{id}.json"))).unwrap();
    let chart = charts::draw(&read(&runs), ChartKind::Outcomes, &Selection::default()).unwrap().unwrap();
    assert!(chart.notes.contains(&format!("Not drawn: {id}: planned, and not ended.")), "{:?}", chart.notes);
}

/// Beside one workload stand published results of its model and bounds of hardware, in series, lines and notes of their own.
#[test]
fn published_and_projected_stand_beside_measured() {
    let placed = all(&PLATFORMS);
    let numbers = csv(&placed, "throughput-bert-base-inference");
    let of = |word: &str| numbers.lines().filter(|l| l.contains(word)).collect::<Vec<_>>();
    assert_eq!(of("published").len(), 1, "{numbers}");
    assert!(
        of("published")[0].contains("Somebody · trn1.2xlarge,\"published, batch 16, sequence 128\"")
            && of("published")[0].contains(",3421.57,")
    );
    assert_eq!(of("projected").len(), 2, "{numbers}");
    assert!(
        of("projected")[0].contains("roofline · B200") || of("projected")[0].contains("roofline · Trainium3")
    );
    let chart = &placed.iter().find(|p| p.chart.name == "throughput-bert-base-inference").unwrap().chart;
    let note = |start: &str| chart.notes.iter().filter(|n| n.starts_with(start)).count();
    assert_eq!((note("Published: "), note("Projected: ")), (1, 2), "{:?}", chart.notes);
    assert!(!csv(&placed, "throughput").contains("published"), "only beside a single workload");
}

/// What stands in the tables beside the charts.
#[test]
fn numbers_beside_the_charts() {
    let placed = all(&PLATFORMS);
    let lines =
        |name: &str, most: usize| csv(&placed, name).lines().take(most).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("outcomes", csv(&placed, "outcomes"));
    insta::assert_snapshot!("cost", csv(&placed, "cost-gpt2-124m-generate-4"));
    insta::assert_snapshot!("cost_interactivity", csv(&placed, "cost-interactivity-gpt2-124m"));
    insta::assert_snapshot!("sensitivity", csv(&placed, "sensitivity"));
    insta::assert_snapshot!("cost_load", lines("cost-load-bert-base-inference-f32", 5));
    insta::assert_snapshot!("parity", csv(&placed, "parity"));
    insta::assert_snapshot!("pareto", csv(&placed, "pareto-gpt2-124m"));
    insta::assert_snapshot!("cascade", csv(&placed, "cascade-bert-base-inference-f32"));
    insta::assert_snapshot!("scaling", csv(&placed, "scaling-bert-base-inference-f32"));
    insta::assert_snapshot!("op_coverage", csv(&placed, "op-coverage-nano-gpt-training"));
    insta::assert_snapshot!("roofline", csv(&placed, "roofline-neuron-trace-aws-trn2-48xlarge"));
    insta::assert_snapshot!("ttft_tpot", csv(&placed, "ttft-tpot-gpt2-124m-generate-4"));
    insta::assert_snapshot!("percentiles", lines("latency-percentiles-bert-base-inference-f32", 6));
    insta::assert_snapshot!("warm_up", lines("warm-up-bert-base-inference-f32", 16));
    insta::assert_snapshot!("loss", lines("loss-nano-gpt-training-f32", 4));
    let words: Vec<String> = [
        "outcomes",
        "parity",
        "pareto-gpt2-124m",
        "cost-gpt2-124m-generate-4",
        "cascade-bert-base-inference-f32",
    ]
    .iter()
    .map(|name| placed.iter().find(|p| p.chart.name == *name).unwrap())
    .map(|p| format!("{}\n{}\n{}\n", p.chart.title, p.chart.description, p.chart.notes.join("\n")))
    .collect();
    insta::assert_snapshot!("words", words.join("\n"));
}
