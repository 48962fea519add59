//! Costs on the pages of a site: whose they are, who is the cheapest, and what is said where there are none.

mod common;

use common::record;
use common::site::{Runs, rows, two_platforms};
use portbench_catalog::Catalog;
use portbench_measure::{Metric, Mode, Unit};
use portbench_records::Record;
use portbench_report::charts::{PriceChoice, Rented, Study};
use portbench_report::write_site;

#[test]
fn prices_reach_the_cells_that_they_are_for() {
    let runs = two_platforms();
    let rented = |name: &str| Rented::parse(name).unwrap();
    let choice = PriceChoice {
        instances: vec![rented("c8i.xlarge"), rented("p5.4xlarge")],
        of_runs: vec![(1, rented("trn1.2xlarge"))],
        ..PriceChoice::default()
    };
    let study = Study::read(&runs.runs).unwrap().with_catalog(Catalog::built_in().unwrap());
    write_site(&study.with_prices(choice).unwrap(), &runs.out()).unwrap();
    let cells = rows(&runs.page("index.html"), "cells-table");
    let cost = |workload: &str, device: &str| {
        let row = cells.iter().find(|row| row[0].starts_with(workload) && row[1].ends_with(device)).unwrap();
        row[5].clone()
    };
    assert!(cost("resnet18", "cpu").contains("per 1,000 images"), "{cells:?}");
    assert!(
        cost("gpt2-124m", "cuda:0").contains("ran on NVIDIA H100"),
        "another run's price does not count: {cells:?}"
    );
}

/// Who is the cheapest is judged as who is the fastest: by trials, with the price.
#[test]
fn the_cheapest_is_told_by_the_verdict_of_trials() {
    let fast = |trials: &[f64]| {
        let mut fast = record("mlp", Mode::Training, "tch", Unit::Samples, trials[0]);
        let mut throughput = common::figure(Metric::Throughput, trials[0], 0.0001);
        throughput.trials = trials.to_vec();
        fast.figures[0] = throughput;
        fast
    };
    let site = |other: Record| {
        let runs = Runs::of(&[vec![record("mlp", Mode::Training, "candle", Unit::Samples, 100.0), other]]);
        let choice =
            PriceChoice { instances: vec![Rented::parse("c8i.xlarge").unwrap()], ..PriceChoice::default() };
        let study = Study::read(&runs.runs).unwrap().with_catalog(Catalog::built_in().unwrap());
        write_site(&study.with_prices(choice).unwrap(), &runs.out()).unwrap();
        let cells = rows(&runs.page("index.html"), "cells-table");
        cells.iter().map(|row| [row[3].clone(), row[5].clone()]).collect::<Vec<_>>()
    };
    let starts = |cell: &[String; 2], words: &str| cell.iter().all(|text| text.starts_with(words));
    // One trial, whose interval within itself lies clear of the other's.
    let tied = site(fast(&[120.0]));
    assert!(tied.iter().all(|cell| starts(cell, "tied ")), "{tied:?}");
    assert!(tied[1].iter().all(|text| text.contains("1 trial")), "{tied:?}");
    let told = site(fast(&[120.0, 120.1, 119.9]));
    assert!(told[1][0].starts_with("fastest ") && told[1][1].starts_with("cheapest "), "{told:?}");
    assert!(!told[0].iter().any(|text| text.starts_with("tied ")), "{told:?}");
}

#[test]
fn what_no_price_fits_is_said_and_not_called_no_price() {
    let runs = Runs::of(&[vec![record("mlp", Mode::Training, "candle", Unit::Samples, 100.0)]]);
    let choice =
        PriceChoice { instances: vec![Rented::parse("p5.48xlarge").unwrap()], ..PriceChoice::default() };
    let study = Study::read(&runs.runs).unwrap().with_catalog(Catalog::built_in().unwrap());
    let written = write_site(&study.with_prices(choice).unwrap(), &runs.out()).unwrap();
    assert!(
        written.notes.iter().any(|n| n.contains("p5.48xlarge counts for nothing")),
        "{:?}",
        written.notes
    );
    let page = runs.page("index.html");
    assert!(page.contains("no price fits") && !page.contains("no price given"));
    assert!(rows(&page, "platforms-table")[0][6].contains("p5.48xlarge has nvidia-h100"));
}
