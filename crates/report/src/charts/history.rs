//! Cells over many runs: each series with its levels, change points and declared breaks.

use portbench_chart::kind::{Trend, TrendPoint, TrendSeries, TrendShift, TrendSign};
use portbench_chart::number::counted;
use portbench_chart::{Chart, Format, kind};
use portbench_measure::{Metric, Scenario};
use portbench_stats::Standing;

use super::study::{Selection, Shown, Study};
use super::{ChartKind, dates, left_out, name, of};
use crate::history::{Break, Series, Shift, percent, why, words};

/// Most series of one chart.
const PANELS: usize = 8;
/// Most words on the time axis.
const TICKS: u64 = 9;

pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    let history = study.history()?;
    let cells = study.cells(selection);
    let shown = |series: &Series| {
        let here = cells.iter().copied().filter(|cell| {
            let platform = study.platforms().iter().nth(cell.platform);
            cell.head.cell == series.cell && platform.is_some_and(|p| p.hardware == series.hardware)
        });
        // In the versions of its latest run.
        here.max_by_key(|cell| study.infos()[cell.run].started)
    };
    let found = history.series.iter().filter_map(|series| Some((series, shown(series)?)));
    let (mut ended, mut followed) = (Vec::new(), Vec::new());
    for (series, cell) in found.filter(|(series, _)| series.points.len() > 1) {
        if series.ended { ended.push(series) } else { followed.push((series, cell)) }
    }
    // What needs a look stands first.
    followed.sort_by_key(|(series, _)| match series.standing {
        Some(Standing::Regression) => 0,
        Some(Standing::Suspicious) => 1,
        Some(Standing::Improvement) => 2,
        _ => 3,
    });
    let all = followed.len();
    followed.truncate(PANELS);
    let times = || followed.iter().flat_map(|(series, _)| &series.points).map(|point| point.started);
    let first = times().min()?;
    let (time, ticks) = dates::axis(first, times().max()?, TICKS);
    let drawn: Vec<&Shown> = followed.iter().map(|(_, cell)| *cell).collect();
    let mut notes: Vec<String> = study.stacks(&drawn).into_iter().collect();
    notes.extend(ended.iter().map(|series| {
        let runs = counted(series.points.len(), "run");
        format!(
            "Not drawn: {runs} of {} with another program or other settings, up to {}.",
            series.cell.id(),
            series.latest().run
        )
    }));
    notes.extend(left_out(all, PANELS));
    let tests = history.tests();
    let trend = Trend {
        time,
        ticks: ticks.into_iter().map(|(at, words)| ((at - first) as f64, words)).collect(),
        series: followed
            .iter()
            .map(|(series, cell)| drawn_series(study, series, cell, (first, tests)))
            .collect(),
    };
    trend.chart(
        ChartKind::History.name(),
        kind::Head {
            name: name(ChartKind::History, selection),
            title: format!("Run by run{}", of(selection)),
            subtitle: "A dot a run with its 95 % interval; bars: median of each segment; full lines: change points (E-divisive, p at most 0.01); dashed: declared breaks; rings: out of line with the baseline. Scales do not begin at 0."
                .to_owned(),
            notes,
        },
    )
}

fn drawn_series(
    study: &Study<'_>,
    series: &Series,
    cell: &Shown,
    (first, tests): (u64, usize),
) -> TrendSeries {
    let standing =
        series.standing.map_or_else(|| "not of tonight".to_owned(), |standing| standing.to_string());
    let point = |point: &crate::history::Point| TrendPoint {
        run: point.run.clone(),
        at: (point.started - first) as f64,
        value: point.estimate[0],
        interval: (point.estimate[1], point.estimate[2]),
    };
    let shift = |shift: &Shift| {
        let better = (shift.change() > 0.0) == series.metric.higher_is_better();
        TrendShift {
            at: shift.at,
            words: shift_words(shift),
            sign: match (shift.kind, better) {
                (Break::Declared, _) => TrendSign::Declared,
                (Break::ChangePoint(_), true) => TrendSign::Better,
                (Break::ChangePoint(_), false) => TrendSign::Worse,
            },
        }
    };
    TrendSeries {
        label: format!("{} {}", series.cell.workload, cell.setting()),
        verdict: why(series, tests).iter().fold(standing, |standing, why| format!("{standing}: {why}")),
        counts: counts(series),
        series: study.series(cell),
        platform: format!("{} · {}", series.cell.backend, series.hardware),
        format: match series.metric {
            Metric::Throughput | Metric::PrefillThroughput | Metric::FlopRate => Format::Short,
            Metric::Loss | Metric::ValidationLoss | Metric::EnergyPerUnit => Format::Plain,
            Metric::PeakMemory | Metric::DeviceMemory => Format::Short,
            _ => Format::Seconds,
        },
        points: series.points.iter().map(point).collect(),
        shifts: series.shifts.iter().map(shift).collect(),
        levels: series.levels().into_iter().map(|(_, level)| level).collect(),
        out_of_line: series
            .held
            .as_ref()
            .filter(|held| held.relevant())
            .map_or(0, |held| held.candidate.len()),
    }
}

/// What happened at a shift: how far the level moved, and what changed there.
fn shift_words(shift: &Shift) -> String {
    let changed = words(&shift.changed);
    let change = percent(shift.change());
    if changed.is_empty() { change } else { format!("{change}: {changed}") }
}

/// What is counted, and which way is better.
fn counts(series: &Series) -> String {
    let better = if series.metric.higher_is_better() { "more" } else { "less" };
    let metric = match series.metric {
        Metric::Throughput => format!("{} per second", series.unit),
        Metric::PrefillThroughput => format!("prompt {} per second", series.unit),
        metric => metric.name().to_owned(),
    };
    let scenario = match series.cell.scenario {
        Scenario::SingleStream => String::new(),
        scenario => format!(", {scenario}"),
    };
    format!("{metric}{scenario}; {better} is better; {}", counted(series.points.len(), "run"))
}
