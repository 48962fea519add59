//! What charts keep apart, leave out or have nothing to say of, and that they say so.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::fleet::{CPU, H100, H200_COMPILED, On, TRN2, fleet};
use common::{figure, record, sample_run};
use portbench_catalog::Catalog;
use portbench_chart::Chart;
use portbench_measure::{Metric, Mode, Numerics, Unit};
use portbench_records::{Record, Run};
use portbench_report::charts::{self, ChartKind, PriceChoice, Rented, Selection, Study};

fn study<'a>(runs: &'a [Run], instances: &[&str]) -> Study<'a> {
    let choice = PriceChoice {
        instances: instances.iter().map(|name| Rented::parse(name).unwrap()).collect(),
        ..PriceChoice::default()
    };
    let study = Study::read(runs).unwrap().with_catalog(Catalog::built_in().unwrap());
    if choice.is_empty() { study } else { study.with_prices(choice).unwrap() }
}

fn drawn(study: &Study<'_>, kind: ChartKind, selection: &Selection) -> Chart {
    charts::draw(study, kind, selection).unwrap().unwrap()
}

fn one_run(folder: &tempfile::TempDir, records: &[Record]) -> [Run; 1] {
    [sample_run(folder.path(), "s", records)]
}

/// Two programs of one workload name are two works: no chart shows the one as if it were the other.
#[test]
fn programs_of_one_name_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let of_batch = |batch: u64, backend: &str| {
        let mut record = record("bert", Mode::Inference, backend, Unit::Samples, 10.0 * batch as f64);
        record.problem.fingerprint = format!("{batch:02x}").repeat(32);
        record.problem.shape.insert("batch".into(), batch);
        record
    };
    let runs = [
        sample_run(folder.path(), "s", &[of_batch(1, "candle"), of_batch(1, "tch")]),
        sample_run(folder.path(), "s", &[of_batch(8, "candle")]),
    ];
    let study = study(&runs, &["c8i.xlarge"]);
    for kind in [
        ChartKind::Throughput,
        ChartKind::Cost,
        ChartKind::CostLoad,
        ChartKind::Latency,
        ChartKind::LatencyPercentiles,
        ChartKind::Outcomes,
        ChartKind::Parity,
        ChartKind::OpCoverage,
        ChartKind::WarmUp,
    ] {
        let chart = drawn(&study, kind, &Selection::default());
        let csv = chart.data.csv();
        assert!(csv.contains("(program 01010101)") && csv.contains("(program 08080808)"), "{kind}: {csv}");
        let said = chart.notes.iter().find(|n| n.starts_with("Not to be compared: bert "));
        assert!(said.is_some_and(|n| n.contains("batch 1 and 8")), "{kind}: {:?}", chart.notes);
    }
    let selection = Selection { workload: Some("bert".into()), ..Selection::default() };
    assert_eq!(charts::draw(&study, ChartKind::Cascade, &selection).unwrap(), None);
    let why = charts::why_nothing(&study, ChartKind::Cascade, &selection);
    assert!(why.contains("2 programs (010101010101, 080808080808)"), "{why}");
}

/// Nothing of this is said where programs are the same.
#[test]
fn one_program_needs_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let runs = fleet(folder.path(), &[H100, CPU]);
    let chart = drawn(&study(&runs, &[]), ChartKind::Throughput, &Selection::default());
    assert!(!chart.data.csv().contains("program") && !chart.notes.join(" ").contains("Not to be compared"));
}

#[test]
fn models_in_one_frontier_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let of_model = |workload: &str, model: &str| {
        let mut record = record(workload, Mode::Generate, "candle", Unit::Tokens, 20.0);
        record.problem.model = model.into();
        record
    };
    let runs = one_run(&folder, &[of_model("small", "gpt2 124m"), of_model("large", "llama 8b")]);
    let study = study(&runs, &[]);
    let all = drawn(&study, ChartKind::Pareto, &Selection::default()).data.csv();
    assert!(all.contains(", gpt2 124m, f32") && all.contains(", llama 8b, f32"), "{all}");
    let one = Selection { model: Some("llama 8b".into()), ..Selection::default() };
    assert_eq!(drawn(&study, ChartKind::Pareto, &one).data.rows().len(), 1);
}

#[test]
fn what_a_chart_has_no_room_for_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let of = |i: usize| record(&format!("w{i:02}"), Mode::Inference, "candle", Unit::Samples, 10.0);
    let runs = one_run(&folder, &(0..62).map(of).collect::<Vec<_>>());
    let study = study(&runs, &["c8i.xlarge"]);
    for (kind, most) in [
        (ChartKind::Throughput, 60),
        (ChartKind::Parity, 60),
        (ChartKind::LatencyPercentiles, 30),
        (ChartKind::LatencyCdf, 30),
        (ChartKind::WarmUp, 30),
        (ChartKind::CostLoad, 30),
    ] {
        let notes = drawn(&study, kind, &Selection::default()).notes;
        assert!(
            notes.iter().any(|n| n.starts_with(&format!("Drawn: the first {most} of 62"))),
            "{kind}: {notes:?}"
        );
    }
}

#[test]
fn numerics_tell_curves_apart() {
    let folder = tempfile::tempdir().unwrap();
    let of = |numerics| {
        let mut record = record("attention", Mode::Inference, "candle", Unit::Executions, 10.0);
        record.cell.numerics = numerics;
        record
    };
    let runs = one_run(&folder, &[of(Numerics::F32), of(Numerics::Bf16)]);
    let csv = drawn(&study(&runs, &[]), ChartKind::LatencyPercentiles, &Selection::default()).data.csv();
    assert!(csv.contains("CPUs f32\"") && csv.contains("CPUs bf16\""), "{csv}");
}

/// An interval within one trial is no interval over trials.
#[test]
fn a_single_trial_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut once = record("mlp", Mode::Training, "tch", Unit::Samples, 120.0);
    let mut throughput = figure(Metric::Throughput, 120.0, 0.0001);
    throughput.trials = vec![120.0];
    once.figures[0] = throughput;
    let runs = one_run(&folder, &[record("mlp", Mode::Training, "candle", Unit::Samples, 100.0), once]);
    for kind in [ChartKind::Throughput, ChartKind::Cost] {
        let notes = drawn(&study(&runs, &["c8i.xlarge"]), kind, &Selection::default()).notes;
        let said: Vec<&String> = notes.iter().filter(|n| n.starts_with("n = 1 trial")).collect();
        assert!(said.len() == 1 && said[0].ends_with("mlp f32 on tch · Some, 2 CPUs."), "{kind}: {notes:?}");
    }
}

#[test]
fn a_chart_that_cannot_be_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let runs = fleet(folder.path(), &[CPU]);
    let bert = Selection { workload: Some("bert-base-inference".into()), ..Selection::default() };
    let model = Selection { model: Some("zebra".into()), ..Selection::default() };
    let all = Selection::default();
    for (instances, kind, selection, words) in [
        (&[][..], ChartKind::Cost, &all, "no price was given; name whose with --instance NAME"),
        (&["p5.48xlarge"], ChartKind::Cost, &all, "p5.48xlarge has nvidia-h100"),
        (&[], ChartKind::Cascade, &bert, "all of these cells ran on Some, 2 CPUs"),
        (&[], ChartKind::Cascade, &all, "name one with --workload: "),
        (&[], ChartKind::Scaling, &all, "no cell of several replicas"),
        (&[], ChartKind::Pareto, &bert, "no cell generates"),
        (&[], ChartKind::Throughput, &model, "`zebra` is no model of these runs; there are bert base, "),
        (&[], ChartKind::Sensitivity, &all, "--owned SYSTEM"),
    ] {
        let study = study(&runs, instances);
        assert_eq!(charts::draw(&study, kind, selection).unwrap(), None, "{kind}");
        let why = charts::why_nothing(&study, kind, selection);
        assert!(why.contains(words), "{kind}: {why}");
    }
}

/// One version of CUDA is written one way, whichever library names it.
#[test]
fn versions_of_cuda_are_written_alike() {
    let folder = tempfile::tempdir().unwrap();
    let of = |cuda: &'static str| On { library: ("cuda", cuda), ..H100 };
    let runs = fleet(folder.path(), &[of("13000"), of("13.0"), of("12040")]);
    let study = study(&runs, &[]);
    let stacks: Vec<String> = (0..study.platforms().len()).map(|p| study.platforms().stack(p)).collect();
    assert_eq!(stacks, ["cuda 12.4, driver 580.95", "cuda 13.0, driver 580.95"]);
}

#[test]
fn prices_that_fit_no_run_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let runs = fleet(folder.path(), &[CPU, H100]);
    let unfit = study(&runs, &["p5.48xlarge", "trn2.48xlarge:capacity-block@us-east-2"]).unfit_prices();
    assert!(
        unfit.len() == 1 && unfit[0].contains("trn2.48xlarge") && unfit[0].contains("Some, 2 CPUs"),
        "{unfit:?}"
    );
}

/// No back end runs on both CUDA and Neuron; the workload with the best one of each does.
#[test]
fn a_cascade_has_the_workload_beside_its_back_ends() {
    let folder = tempfile::tempdir().unwrap();
    let runs = fleet(folder.path(), &[H200_COMPILED, H100, On { speed: 350.0, ..TRN2 }]);
    let selection = Selection {
        workload: Some("bert-base-inference".into()),
        numerics: Some(Numerics::F32),
        ..Selection::default()
    };
    let chart = drawn(&study(&runs, &[]), ChartKind::Cascade, &selection);
    let best: Vec<&Vec<String>> = chart.data.rows().iter().filter(|row| row[0] == "best of each").collect();
    assert!(best.len() == 3 && best.iter().all(|row| row[3] == "1" && row[5] == "1"), "{best:?}");
    let others: Vec<&Vec<String>> = chart.data.rows().iter().filter(|row| row[0] != best[0][0]).collect();
    assert!(others.iter().all(|row| row[5] == "0"), "{others:?}");
    let note = chart.notes.iter().find(|n| n.starts_with("best of each platform: ")).unwrap();
    assert!(note.contains("by construction") && note.contains("architectural"), "{note}");
}
