//! `chart`: one chart of stored runs, as a file.

use portbench_catalog::{Accelerator, Catalog};
use portbench_chart::Theme;
use portbench_records::{Run, Store};
use portbench_report::charts::{self, Selection, Study};

use crate::args::{ChartArgs, Ground};
use crate::commands::list::published_entries;
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
    let store = Store::new(&args.results.results);
    let runs: Vec<Run> =
        args.runs.iter().map(|r| store.resolve(r)).collect::<Result<_, _>>().map_err(usage)?;
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
            "the runs have nothing that a chart of {} could show: it shows {}",
            args.kind,
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
    for note in &chart.notes {
        progress::say(note);
    }
    Ok(0)
}
