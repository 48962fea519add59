//! One chart: what of a run of 34 cells goes into it, and drawing it as SVG and as PNG.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use portbench_chart::Theme;
use portbench_records::Store;
use portbench_report::charts::{ChartKind, Selection, Study, draw};

/// The published run of the suite `cpu`.
const RUN: &str = "20261123-184849067-26a9";

fn charts(c: &mut Criterion) {
    let store = Store::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/published"));
    let runs = [store.resolve(RUN).unwrap()];
    let study = Study::read(&runs).unwrap();
    let one = || draw(&study, ChartKind::Throughput, &Selection::default()).unwrap().unwrap();
    let chart = one();
    c.bench_function("read a run of 34 cells for charts", |b| b.iter(|| Study::read(&runs).unwrap()));
    c.bench_function("choose what one chart shows", |b| b.iter(one));
    c.bench_function("draw one chart as SVG", |b| b.iter(|| chart.svg(Theme::Light).unwrap()));
    c.bench_function("draw one chart as PNG, 1920 pixels wide", |b| {
        b.iter(|| chart.png(Theme::Light, 2).unwrap())
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = charts
}
criterion_main!(benches);
