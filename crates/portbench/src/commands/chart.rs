//! `chart`: one chart of stored runs, as a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use portbench_catalog::{Accelerator, Catalog};
use portbench_chart::{Chart, Theme};
use portbench_records::Run;
use portbench_report::charts::{self, ChartKind, Selection, Study};

use super::list::published_entries;
use super::runs::{each_once, every_readable};
use crate::args::{ChartArgs, Ground, PIXEL_RATIO};
use crate::failure::{Failure, usage};
use crate::progress;

pub(crate) fn run(args: &ChartArgs) -> Result<u8, Failure> {
    let ending = args.out.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    let ending = ending.filter(|e| matches!(e.as_str(), "svg" | "png" | "csv")).ok_or_else(|| {
        let path = args.out.display();
        Failure::usage(format!(
            "`{path}` ends in no format: name the file .svg, .png, or .csv for the numbers"
        ))
    })?;
    let runs = match (args.kind, args.runs.is_empty()) {
        (ChartKind::History, true) => every_readable(&args.results.results)?,
        (kind, true) => {
            return Err(Failure::usage(format!("name the runs whose {kind} is drawn, or `latest`")));
        }
        _ => each_once(&args.results.results, &args.runs)?,
    };
    let catalog = Catalog::load(args.catalog.catalog.as_deref()).map_err(usage)?;
    let on = args.on.iter().map(|name| catalog.accelerator(name).cloned().map_err(usage));
    let on: Vec<Accelerator> = on.collect::<Result<_, _>>()?;
    let published = published_entries(&args.published_results)?;
    let study = Study::read(&runs)?.with_catalog(catalog).with_published(published).with_projections(on);
    let study = args.prices.priced(study, &args.runs)?;
    let selection = Selection {
        workload: args.workload.clone(),
        platform: args.platform.clone(),
        model: args.model.clone(),
        numerics: args.numerics,
    };
    if let Some(slug) = selection.platform.as_ref().filter(|s| study.platforms().of_slug(s).is_none()) {
        let known: Vec<&str> = (0..study.platforms().len()).map(|p| study.platforms().slug(p)).collect();
        return Err(Failure::usage(format!(
            "`{slug}` is no platform of these runs; there are {}",
            known.join(", ")
        )));
    }
    if let Some(workload) = selection.workload.as_ref().filter(|w| !study.workloads().contains(w)) {
        return Err(Failure::usage(format!(
            "`{workload}` is no workload of these runs; there are {}",
            study.workloads().join(", ")
        )));
    }
    let chart = charts::draw(&study, args.kind, &selection)?.ok_or_else(|| {
        Failure::nothing(format!(
            "the runs have nothing that a chart of {} could show: {}. It shows {}.",
            args.kind,
            charts::why_nothing(&study, args.kind, &selection),
            args.kind.shows()
        ))
    })?;
    let theme = match args.theme {
        Ground::Light => Theme::Light,
        Ground::Dark => Theme::Dark,
    };
    let content = match ending.as_str() {
        "png" => chart.png(theme, args.pixel_ratio)?,
        "csv" => chart.data.csv().into_bytes(),
        _ if args.narrow => chart.narrow_svg(theme)?.into_bytes(),
        _ => chart.svg(theme)?.into_bytes(),
    };
    portbench_report::save(&args.out, &content)?;
    if ending != "csv" {
        numbers_beside(&chart, &args.out)?;
    }
    if args.kind != ChartKind::Sensitivity {
        study.unfit_prices().iter().for_each(|note| progress::say(note));
    }
    chart.notes.iter().for_each(|note| progress::say(note));
    let out = args.out.display().to_string();
    let named: Vec<String> =
        if args.runs.is_empty() { Vec::new() } else { runs.iter().map(Run::id).collect() };
    let recipe = charts::recipe(&study, &named, args.kind, &selection, &further(args), &out);
    progress::say(&format!("again: {recipe}"));
    Ok(0)
}

/// Writes the numbers of a picture beside it, unless that file is somebody else's.
fn numbers_beside(chart: &Chart, out: &Path) -> Result<(), Failure> {
    let path = out.with_extension("csv");
    let csv = chart.data.csv();
    let head = csv.lines().next().unwrap_or_default().as_bytes();
    let ours = |file: File| -> io::Result<bool> {
        let mut begin = Vec::new();
        file.take(head.len() as u64).read_to_end(&mut begin)?;
        Ok(begin == head)
    };
    match File::open(&path).and_then(ours) {
        Ok(false) => {
            progress::say(&format!(
                "{} holds something else than the numbers of this chart and is left as it is; they go into a file of their own with --out NAME.csv",
                path.display()
            ));
            Ok(())
        }
        _ => Ok(portbench_report::save(&path, csv.as_bytes())?),
    }
}

/// How the picture was asked for, beyond what it shows.
fn further(args: &ChartArgs) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut add = |flag: &str, value: Option<String>| {
        words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
    };
    let path = |path: &Option<PathBuf>| path.as_ref().map(|p| p.display().to_string());
    add("--catalog", path(&args.catalog.catalog));
    add("--published-results", path(&args.published_results));
    add("--theme", (args.theme == Ground::Dark).then(|| "dark".to_owned()));
    add("--pixel-ratio", (args.pixel_ratio != PIXEL_RATIO).then(|| args.pixel_ratio.to_string()));
    words.extend(args.narrow.then(|| "--narrow".to_owned()));
    words
}
