//! Every kind of chart as SVG and PNG: well-formed, on the canvas, the same each time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_chart::curve::Better;
use portbench_chart::kind::{self, Head};
use portbench_chart::{
    Bar, Chart, ChartError, Format, Interval, Key, Panel, Provenance, Scale, State, Theme,
};
use proptest::prelude::*;

const WIDE: f64 = 960.0;
const NARROW: f64 = 420.0;
const PROVENANCES: [Provenance; 3] = [Provenance::Measured, Provenance::Published, Provenance::Projected];

fn head(name: &str) -> Head {
    Head {
        name: name.into(),
        title: format!("A chart of {name}"),
        subtitle: "Made up; 95 % intervals, n = 3.".into(),
        notes: vec!["Price of 2026-10-31.".into(), "Not drawn: something, for a reason.".into()],
    }
}

/// One chart of each kind from the same numbers, each told apart by `names`.
fn every_kind(values: &[(f64, f64)], names: &[String]) -> Vec<Chart> {
    let name = |i: usize| names[i % names.len()].clone();
    let provenance = |i: usize| PROVENANCES[i % 3];
    let key = |i: usize| Key::Series { label: name(i), series: i, provenance: provenance(i) };
    let bar = |(i, (value, spread)): (usize, &(f64, f64))| Bar {
        label: name(i),
        detail: format!("detail {i}"),
        series: i,
        provenance: provenance(i),
        values: vec![Interval { value: *value, low: value * (1.0 - spread), high: value * (1.0 + spread) }],
    };
    let panel = |bars: bool| Panel {
        title: "units per second".into(),
        format: Format::Seconds,
        bars,
        lines: values.iter().enumerate().map(bar).collect(),
    };
    let keys: Vec<Key> = (0..values.len()).map(key).collect();
    let rows = kind::rows("throughput", head("rows"), keys, vec![panel(true), panel(false)]);
    let points = |i: usize| {
        values.iter().enumerate().map(move |(k, (value, spread))| kind::LinePoint {
            x: k as f64 + i as f64,
            y: *value,
            interval: Some((value * (1.0 - spread), value * (1.0 + spread))),
        })
    };
    let line = |i: usize| kind::Line {
        label: name(i),
        series: i,
        provenance: provenance(i),
        marks: [kind::Marks::None, kind::Marks::End, kind::Marks::All][i % 3],
        points: points(i).collect(),
    };
    let coordinate = |title: &str, scale, format, from_zero| kind::Coordinate {
        title: title.into(),
        scale,
        format,
        from_zero,
    };
    let lines = kind::Lines {
        x: coordinate("replicas", Scale::Linear, Format::Plain, true),
        y: coordinate("USD", Scale::Logarithmic, Format::Usd, false),
        lines: (0..names.len()).map(line).collect(),
        across: vec![(values[0].0, "a level".into())],
        along: vec![(1.0, "a place".into())],
    };
    let frontier = kind::Frontier {
        x: "tokens per second for each user".into(),
        y: "tokens per second".into(),
        format: Format::Plain,
        better: Better::Higher,
        curves: (0..names.len())
            .map(|i| kind::FrontierCurve {
                label: name(i),
                series: i,
                provenance: provenance(i),
                points: points(i)
                    .map(|p| kind::FrontierPoint {
                        label: "batch".into(),
                        x: p.x,
                        y: p.y,
                        interval: p.interval,
                    })
                    .collect(),
            })
            .collect(),
    };
    let latencies = |i: usize| kind::Latencies {
        label: name(i),
        series: i,
        count: values.len() as u64,
        quantiles: values.iter().enumerate().map(|(k, v)| (k as f64 / values.len() as f64, v.0)).collect(),
        band: values
            .iter()
            .enumerate()
            .map(|(k, v)| [k as f64 / values.len() as f64, v.0, v.0 + v.1])
            .collect(),
    };
    let quantiles = kind::Quantiles {
        what: "time per execution".into(),
        cells: (0..names.len()).map(latencies).collect(),
    };
    let roofline = kind::Roofline {
        roofs: vec![
            kind::Roof { label: name(0), flops: 1e12, bandwidth: 1e9, series: None },
            kind::Roof { label: name(1), flops: 9e11, bandwidth: 2e9, series: Some(1) },
        ],
        points: values
            .iter()
            .enumerate()
            .map(|(i, (value, spread))| kind::RooflinePoint {
                platform: name(i),
                label: format!("work {i}"),
                series: i,
                provenance: provenance(i),
                intensity: spread * 100.0,
                rate: *value,
                interval: None,
            })
            .collect(),
    };
    let parity = |(i, (value, _)): (usize, &(f64, f64))| {
        let ratio = (i % 3 > 0).then_some(*value);
        Some(kind::ParityField { ratio, passed: *value < 3.0, reduced: None }).filter(|_| i % 4 > 0)
    };
    let map = kind::ParityMap {
        columns: (0..values.len()).map(name).collect(),
        rows: names.iter().map(|n| (n.clone(), values.iter().enumerate().map(parity).collect())).collect(),
    };
    let outcome = |i: usize| {
        let state = [State::Good, State::Fair, State::Bad, State::Wrong, State::Unknown][i % 5];
        Some(kind::OutcomeField { outcome: format!("outcome {}", i % 5), state, detail: name(i) })
    };
    let outcomes = kind::Outcomes {
        columns: (0..values.len()).map(name).collect(),
        rows: names.iter().map(|n| (n.clone(), (0..values.len()).map(outcome).collect())).collect(),
    };
    let coverage = |i: usize| kind::OpCoverage {
        label: name(i),
        detail: "f32".into(),
        ops: values
            .iter()
            .enumerate()
            .map(|(k, _)| kind::OpShare {
                op: format!("op-{k}"),
                lowered: [kind::Lowered::Native, kind::Lowered::Decomposed, kind::Lowered::Unsupported]
                    [k % 3],
                detail: "why".into(),
                share: 1.0 / values.len() as f64,
            })
            .collect(),
    };
    let application = |i: usize| kind::CascadeApplication {
        label: name(i),
        best: i == 0,
        steps: (0..values.len())
            .map(|k| kind::CascadeStep { platform: k, series: k, efficiency: 1.0 / (1.0 + k as f64) })
            .collect(),
        running: (0..values.len()).map(|k| 1.0 / (1.0 + k as f64)).collect(),
        pp: 0.5,
    };
    let platforms: Vec<String> = (0..values.len()).map(name).collect();
    let loss = kind::Loss {
        curves: (0..names.len())
            .map(|i| kind::LossCurve {
                label: name(i),
                series: i,
                training: values.iter().zip(0..).map(|(v, step)| (step, v.0)).collect(),
                held_out: values.iter().zip(0..).map(|(v, step)| (step * 10, v.0 + v.1)).collect(),
            })
            .collect(),
        target: Some(1.9),
    };
    let tornado = kind::TornadoPanel {
        title: name(0),
        format: Format::Usd,
        base: values[0].0,
        lines: values
            .iter()
            .enumerate()
            .map(|(i, (value, spread))| kind::TornadoLine {
                label: name(i),
                lower: value * (1.0 - spread),
                higher: value * (1.0 + spread),
            })
            .collect(),
    };
    let trend = |i: usize| kind::TrendSeries {
        label: name(i),
        verdict: "regression: worse in 2 runs".into(),
        counts: "units per second, more is better".into(),
        series: i,
        platform: name(i),
        format: Format::Short,
        points: values
            .iter()
            .enumerate()
            .map(|(k, (value, spread))| kind::TrendPoint {
                run: format!("run {k}"),
                at: 86_400.0 * k as f64,
                value: *value,
                interval: (value * (1.0 - spread), value * (1.0 + spread)),
            })
            .collect(),
        shifts: (1..values.len())
            .map(|at| kind::TrendShift {
                at,
                words: format!("driver 580.95.{at} -> 580.95.{}, portbench 0.1.0 -> 0.2.0", at + 1),
                sign: [kind::TrendSign::Declared, kind::TrendSign::Better, kind::TrendSign::Worse][at % 3],
            })
            .collect(),
        levels: values.iter().map(|(value, _)| *value).collect(),
        out_of_line: 1,
    };
    let trend = kind::Trend {
        time: "date, UTC".into(),
        ticks: (0..values.len()).map(|k| (86_400.0 * k as f64, format!("2026-11-{:02}", k + 1))).collect(),
        series: (0..names.len()).map(trend).collect(),
    };
    let drawn = [
        Some(rows),
        lines.chart("scaling", head("lines"), |_| None),
        frontier.chart("pareto", head("frontier")),
        quantiles.clone().percentiles("latency-percentiles", head("percentiles")),
        quantiles.cumulative("latency-cdf", head("cumulative")),
        roofline.chart(head("roofline")),
        map.chart(head("parity")),
        outcomes.chart(head("outcomes")),
        kind::coverage((0..names.len()).map(coverage).collect(), "share", head("coverage")),
        kind::cascade(&platforms, (0..names.len()).map(application).collect(), head("cascade")),
        loss.chart(head("loss")),
        kind::tornado("sensitivity", head("tornado"), ["lower".into(), "higher".into()], vec![tornado]),
        trend.chart("history", head("trend")),
    ];
    drawn.into_iter().flatten().collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("torch-compile · NVIDIA H{i}00 80GB HBM3")).collect()
}

/// Checks that a picture is XML and that its shapes lie on the canvas.
fn check(svg: &str, width: f64) {
    let document = roxmltree::Document::parse(svg).unwrap();
    let root = document.root_element();
    let height: f64 = root.attribute("height").unwrap().parse().unwrap();
    assert_eq!(root.attribute("width").unwrap().parse::<f64>().unwrap(), width);
    let number = |text: &str| -> f64 { text.parse().unwrap_or_else(|_| panic!("`{text}` is no number")) };
    let inside = |x: f64, y: f64, what: &str| {
        let sound = (-0.5..=width + 0.5).contains(&x) && (-0.5..=height + 0.5).contains(&y);
        assert!(sound, "({x}, {y}) outside {width} x {height}: {what}");
    };
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        assert!(node.tag_name().name() != "script");
        if let Some(points) = node.attribute("points") {
            for point in points.split(' ') {
                let (x, y) = point.split_once(',').unwrap();
                inside(number(x), number(y), points);
            }
        }
        if node.tag_name().name() == "circle" {
            inside(number(node.attribute("cx").unwrap()), number(node.attribute("cy").unwrap()), "circle");
        }
        if node.tag_name().name() == "text" {
            let words = node.text().unwrap_or_default();
            let (x, y) = (number(node.attribute("x").unwrap()), number(node.attribute("y").unwrap()));
            inside(x, y, words);
            // A letter of Inter is half as wide as high, or a little more.
            let size = number(node.attribute("font-size").unwrap());
            let long = words.chars().count() as f64 * size * 0.5;
            let (from, to) = match node.attribute("text-anchor") {
                Some("end") => (x - long, x),
                Some("middle") => (x - long / 2.0, x + long / 2.0),
                _ => (x, x + long),
            };
            if node.attribute("transform").is_none() {
                assert!(from > -30.0 && to < width + 30.0, "`{words}` from {from} to {to}");
            }
        }
    }
}

#[test]
fn every_kind_is_a_sound_picture() {
    let values: Vec<(f64, f64)> = (1..9).map(|i| (f64::from(i) * 0.7, 0.1)).collect();
    let charts = every_kind(&values, &names(3));
    assert_eq!(charts.len(), 13);
    for chart in charts {
        let name = &chart.name;
        assert!(!chart.description.is_empty() && !chart.data.rows().is_empty(), "{name}");
        for theme in [Theme::Light, Theme::Dark, Theme::Page] {
            check(&chart.svg(theme).unwrap(), WIDE);
            check(&chart.narrow_svg(theme).unwrap(), NARROW);
        }
        let svg = chart.svg(Theme::Light).unwrap();
        assert!(svg.contains(&format!("<title id=\"{name}-wide-light-title\">A chart of {name}</title>")));
        for words in ["Price of 2026-10-31.", "Not drawn: something, for a reason.", "n = 3"] {
            assert!(svg.contains(words), "{name}: {words}");
        }
        let height: f64 = attribute(&svg, "height").parse().unwrap();
        let picture = decode(&chart.png(Theme::Dark, 2).unwrap());
        assert_eq!(picture, (1920, height as u32 * 2), "{name}");
    }
}

fn attribute(svg: &str, name: &str) -> String {
    let document = roxmltree::Document::parse(svg).unwrap();
    document.root_element().attribute(name).unwrap().to_owned()
}

/// Width and height of a PNG whose pixels can be read.
fn decode(file: &[u8]) -> (u32, u32) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    let first = pixels[0];
    assert!(pixels.iter().any(|p| *p != first), "something is drawn");
    (frame.width, frame.height)
}

#[test]
fn a_png_has_only_some_scales() {
    let chart = every_kind(&[(1.0, 0.1), (2.0, 0.1)], &names(1)).remove(0);
    for scale in [0, 5] {
        assert!(matches!(chart.png(Theme::Light, scale), Err(ChartError::Scale { .. })));
    }
    assert_eq!(decode(&chart.png(Theme::Light, 1).unwrap()).0, 960);
}

/// Without a palette a picture would be several times larger.
#[test]
fn a_png_has_a_palette() {
    let values: Vec<(f64, f64)> = (1..30).map(|i| (f64::from(i) * 0.7, 0.1)).collect();
    for chart in every_kind(&values, &names(9)) {
        for theme in [Theme::Light, Theme::Dark] {
            let file = chart.png(theme, 2).unwrap();
            let colours =
                png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap().info().color_type;
            assert_eq!(colours, png::ColorType::Indexed, "{} {}", chart.name, theme.name());
        }
    }
}

/// A filled mark is the series' colour, and each ground has its own.
#[test]
fn themes_differ_and_a_page_has_both() {
    let chart = every_kind(&[(1.0, 0.1), (2.0, 0.1)], &names(1)).remove(0);
    let svg = |theme| chart.svg(theme).unwrap();
    assert!(svg(Theme::Light).contains("#0072b2") && !svg(Theme::Light).contains("light-dark"));
    assert!(svg(Theme::Dark).contains("#4d96ff") && !svg(Theme::Dark).contains("#0072b2"));
    assert!(svg(Theme::Page).contains("fill:light-dark(#0072b2,#4d96ff)"));
}

#[test]
fn measured_published_and_projected_look_different() {
    let shapes = |provenance| {
        let bar = Bar {
            label: "w".into(),
            detail: String::new(),
            series: 0,
            provenance,
            values: vec![Interval::exact(2.0)],
        };
        let panel = Panel { title: "u".into(), format: Format::Plain, bars: true, lines: vec![bar] };
        let chart = kind::rows("throughput", head("rows"), Vec::new(), vec![panel]);
        let svg = chart.svg(Theme::Light).unwrap();
        let start = svg.find("<g class=\"mark\">").unwrap();
        let shapes = svg[start..].lines().skip(1).take_while(|line| *line != "</g>");
        shapes.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let [measured, published, projected] = PROVENANCES.map(shapes);
    assert!(measured[0].starts_with("<polygon"), "{measured:?}");
    assert!(published[0].contains("stroke-dasharray=\"7 4\""), "{published:?}");
    assert!(projected.len() > 5 && projected[0].starts_with("<polyline"), "hatched: {projected:?}");
}

#[test]
fn names_are_text_and_nothing_else() {
    let evil = "<script>alert('1')</script>&\"\u{7}";
    for chart in every_kind(&[(1.0, 0.1), (2.0, 0.2)], &[evil.to_owned()]) {
        let svg = chart.svg(Theme::Page).unwrap();
        assert!(!svg.contains("<script"));
        check(&svg, WIDE);
        assert!(
            chart.data.csv().contains("\"<script>alert('1')</script>&\"\"\u{7}\""),
            "{}",
            chart.data.csv()
        );
    }
}

/// RFC 4180: fields with commas, quotes and line ends are quoted, quotes doubled, lines end in CR LF.
#[test]
fn numbers_beside_a_chart_are_csv() {
    let mut data = portbench_chart::Data::new(&["a", "b, c"]);
    data.row(["1\n2", "say \"x\""]);
    data.row(["short"]);
    assert_eq!(data.csv(), "a,\"b, c\"\r\n\"1\n2\",\"say \"\"x\"\"\"\r\nshort,\r\n");
}

#[test]
fn what_is_not_finite_is_named_and_not_drawn() {
    let values = [(1.0, 0.1), (f64::NAN, 0.1), (f64::INFINITY, 0.1), (3.0, 0.1)];
    for chart in every_kind(&values, &names(2)) {
        let svg = chart.svg(Theme::Light).unwrap();
        check(&svg, WIDE);
        assert!(!chart.data.csv().contains("NaN") && !chart.data.csv().contains("inf"));
        if ["rows", "lines", "frontier", "loss", "tornado"].contains(&chart.name.as_str()) {
            let told = chart.notes.iter().filter(|n| n.starts_with("Not drawn")).count();
            assert!(told > 1, "{}: {:?}", chart.name, chart.notes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever the numbers, how many there are and what they are called: nothing outside the canvas, and the same bytes twice.
    #[test]
    fn anything_gives_sound_charts(
        values in prop::collection::vec((prop_oneof![1e-12f64..1e15, Just(0.0), Just(f64::MAX), -1e3f64..0.0], 0.0f64..3.0), 1..31),
        count in 1usize..31,
        name in "\\PC{0,60}",
    ) {
        let names: Vec<String> = (0..count).map(|i| format!("{name}{i}")).collect();
        for chart in every_kind(&values, &names) {
            let svg = chart.svg(Theme::Light).unwrap();
            check(&svg, WIDE);
            check(&chart.narrow_svg(Theme::Light).unwrap(), NARROW);
            prop_assert_eq!(svg, chart.svg(Theme::Light).unwrap());
        }
    }
}
