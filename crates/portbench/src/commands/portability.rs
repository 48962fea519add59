//! `portability`: how well each back end does over a set of platforms, in one number.

mod platform;

use std::collections::BTreeMap;
use std::io;

use portbench_catalog::Catalog;
use portbench_measure::Metric;
use portbench_stats::Direction;
use portbench_stats::portability::{Efficiencies, Figures, Study};
use serde::Serialize;

use crate::args::PortabilityArgs;
use crate::failure::{Failure, usage};
use crate::progress;
use crate::rows::{self, object};
use crate::table::Table;

use platform::Platform;

const COLUMNS: [&str; 8] = [
    "backend",
    "efficiency",
    "platforms",
    "PP",
    "harmonic mean of supported",
    "smallest",
    "efficiencies",
    "running PP",
];

/// What stands for all back ends together.
const BEST: &str = "best of each platform";

/// Efficiencies of one application.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    /// A back end, a group of them, or the best of all.
    application: String,
    /// The back end that counts on each platform.
    #[serde(serialize_with = "object")]
    backends: Vec<(String, String)>,
    /// `application` or `architectural`.
    efficiency: &'static str,
    supported: usize,
    platforms: usize,
    pp: f64,
    harmonic_mean_of_supported: Option<f64>,
    smallest: f64,
    #[serde(serialize_with = "object")]
    efficiencies: Vec<(String, f64)>,
    running_pp: Vec<f64>,
    problem: String,
    metric: &'static str,
    reference: String,
}

/// What is ported: a back end, or several, of each platform the best of them.
struct Application {
    name: String,
    /// By platform.
    backends: BTreeMap<String, String>,
}

/// What all platforms have.
struct Data {
    /// By back end.
    figures: BTreeMap<String, Figures>,
    shares: BTreeMap<String, Figures>,
    /// Platforms of which no share of a roofline is known, and why.
    without: Vec<String>,
}

impl Data {
    fn read(platforms: &[Platform<'_>], args: &PortabilityArgs) -> Result<Self, Failure> {
        let mut first = None;
        let mut places: Vec<(String, &str)> = Vec::new();
        let mut data = Self { figures: BTreeMap::new(), shares: BTreeMap::new(), without: Vec::new() };
        for platform in platforms {
            let found = platform.look(args, &mut first)?;
            if let Some((_, other)) = places.iter().find(|(place, _)| *place == found.place) {
                return Err(Failure::usage(format!(
                    "platforms {other} and {} are both {}: a platform is in the set H once",
                    platform.name, found.place
                )));
            }
            places.push((found.place, &platform.name));
            for (backend, value) in found.figures {
                data.figures.entry(backend).or_default().insert(platform.name.clone(), value);
            }
            if platform.accelerator.is_none() {
                data.without.push(format!(
                    "{} (--accelerator {}=NAME says which it is)",
                    platform.name, platform.name
                ));
            }
            for (backend, share) in found.shares {
                match share {
                    Ok(share) => {
                        data.shares.entry(backend).or_default().insert(platform.name.clone(), share);
                    }
                    Err(why) => data.without.push(format!("{} with {backend} ({why})", platform.name)),
                }
            }
        }
        Ok(data)
    }

    /// Of each platform the back end among these that is best there.
    fn best(&self, backends: &[&String], direction: Direction) -> BTreeMap<String, String> {
        let mut best: BTreeMap<String, (f64, &String)> = BTreeMap::new();
        for backend in backends {
            for (platform, value) in self.figures.get(*backend).into_iter().flatten() {
                let better = |held: f64| match direction {
                    Direction::HigherIsBetter => *value > held,
                    Direction::LowerIsBetter => *value < held,
                };
                if best.get(platform).is_none_or(|(held, _)| better(*held)) {
                    best.insert(platform.clone(), (*value, backend));
                }
            }
        }
        best.into_iter().map(|(platform, (_, backend))| (platform, backend.clone())).collect()
    }

    /// The applications: each back end, each group that was asked for, and all together.
    fn applications(
        &self,
        args: &PortabilityArgs,
        direction: Direction,
    ) -> Result<Vec<Application>, Failure> {
        let mut found = Vec::new();
        for backend in self.figures.keys() {
            let backends = self.best(&[backend], direction);
            found.push(Application { name: backend.clone(), backends });
        }
        for (name, backends) in &args.application {
            let mut of_it = Vec::new();
            for word in backends.split('+') {
                of_it.push(self.figures.keys().find(|known| *known == word).ok_or_else(|| {
                    let known: Vec<&str> = self.figures.keys().map(String::as_str).collect();
                    Failure::usage(format!(
                        "--application {name}={backends}: no figure here is of back end `{word}`; there are {}",
                        known.join(", ")
                    ))
                })?);
            }
            found.push(Application { name: name.clone(), backends: self.best(&of_it, direction) });
        }
        if self.figures.len() > 1 {
            let all: Vec<&String> = self.figures.keys().collect();
            found.push(Application { name: BEST.to_owned(), backends: self.best(&all, direction) });
        }
        Ok(found)
    }
}

pub(crate) fn run(args: &PortabilityArgs) -> Result<u8, Failure> {
    let catalog = Catalog::load(args.catalog.catalog.as_deref()).map_err(usage)?;
    let platforms: Vec<Platform<'_>> =
        args.on.iter().map(|p| Platform::parse(p, args, &catalog)).collect::<Result<_, _>>()?;
    for (name, _) in &args.accelerator {
        if platforms.iter().all(|p| p.name != *name) {
            return Err(Failure::usage(format!("--accelerator {name}=...: no platform is called `{name}`")));
        }
    }
    let data = Data::read(&platforms, args)?;
    if data.figures.is_empty() {
        return Err(Failure::nothing(format!(
            "no back end was measured on `{}` in these runs",
            args.workload
        )));
    }
    let direction =
        if args.metric.higher_is_better() { Direction::HigherIsBetter } else { Direction::LowerIsBetter };
    let problem = format!("{} {} {}", args.workload, args.scenario, args.numerics);
    let names: Vec<&str> = platforms.iter().map(|p| p.name.as_str()).collect();
    let study = Study::new(&problem, &names, direction, &args.reference).map_err(usage)?;
    let all: Vec<&Figures> = data.figures.values().collect();
    let best = study.best_known(&all).map_err(usage)?;
    let mut rows = Vec::new();
    for Application { name, backends } in data.applications(args, direction)? {
        let of = |known: &BTreeMap<String, Figures>| -> Figures {
            let one = |(platform, backend): (&String, &String)| {
                Some((platform.clone(), *known.get(backend)?.get(platform)?))
            };
            backends.iter().filter_map(one).collect()
        };
        let mut add = |efficiency, values: &Efficiencies| {
            rows.push(row(&name, &backends, efficiency, values, &study, args.metric));
        };
        // Of the best of all it is 1 wherever anything ran.
        if name != BEST {
            add("application", &study.application(&of(&data.figures), &best).map_err(usage)?);
        }
        // A share that is missing for want of a figure would count as unsupported.
        if data.without.is_empty() {
            add("architectural", &study.architectural(&of(&data.shares)).map_err(usage)?);
        }
    }
    let mut table = Table::new(&COLUMNS).numeric(&["PP", "harmonic mean of supported", "smallest"]);
    for row in &rows {
        table.row(cells(row));
    }
    rows::write(&rows, &table, args.format.format, &mut io::stdout().lock())?;
    say(args, &data, &platforms, &study);
    Ok(0)
}

/// What the numbers are about.
fn say(args: &PortabilityArgs, data: &Data, platforms: &[Platform<'_>], study: &Study) {
    let better = if args.metric.higher_is_better() { "higher" } else { "lower" };
    progress::say(&format!(
        "application efficiency by {} ({better} is better) on H = {{{}}}, of {}; best known: {}",
        args.metric.name(),
        study.platforms().join(", "),
        study.problem(),
        study.reference()
    ));
    let of_all = if data.figures.len() > 1 {
        "the best back end of each platform"
    } else {
        "the one back end, which is the best known there is,"
    };
    progress::say(&format!(
        "the application efficiency of {of_all} is 1 wherever it ran, and says nothing more: its architectural efficiency counts"
    ));
    if data.without.is_empty() {
        progress::say(&format!(
            "architectural efficiency: share of the roofline of the dense peak and the bandwidth of {}",
            peaks(platforms)
        ));
    } else {
        progress::say(&format!(
            "no architectural efficiency: it is not known of {}",
            data.without.join(", ")
        ));
    }
}

/// The accelerators with the sources of their peaks.
fn peaks(platforms: &[Platform<'_>]) -> String {
    let named = platforms.iter().filter_map(|p| {
        let a = p.accelerator?;
        Some(format!("{} = {} ({})", p.name, a.name, a.sources.join(" ")))
    });
    named.collect::<Vec<_>>().join(", ")
}

fn row(
    application: &str,
    backends: &BTreeMap<String, String>,
    efficiency: &'static str,
    values: &Efficiencies,
    study: &Study,
    metric: Metric,
) -> Row {
    let names = study.platforms();
    let backend = |name: &String| Some((name.clone(), backends.get(name)?.clone()));
    Row {
        application: application.to_owned(),
        backends: names.iter().filter_map(backend).collect(),
        efficiency,
        supported: values.supported(),
        platforms: names.len(),
        pp: values.pp(),
        harmonic_mean_of_supported: values.harmonic_supported(),
        smallest: values.min(),
        efficiencies: names.iter().cloned().zip(values.values().iter().copied()).collect(),
        running_pp: values.running_pp(),
        problem: study.problem().to_owned(),
        metric: metric.name(),
        reference: study.reference().to_owned(),
    }
}

fn cells(row: &Row) -> [String; 8] {
    let each = row.efficiencies.iter().map(|(name, e)| format!("{name} {e:.3}"));
    let running: Vec<String> = row.running_pp.iter().map(|pp| format!("{pp:.3}")).collect();
    // What is no back end is named with those that it consists of.
    let alone = row.backends.iter().all(|(_, backend)| *backend == row.application);
    let of = row.backends.iter().map(|(platform, backend)| format!("{platform} {backend}"));
    let of = of.collect::<Vec<_>>().join(", ");
    [
        if alone { row.application.clone() } else { format!("{}: {of}", row.application) },
        row.efficiency.to_owned(),
        format!("{} of {}", row.supported, row.platforms),
        format!("{:.3}", row.pp),
        row.harmonic_mean_of_supported.map_or_else(String::new, |mean| format!("{mean:.3}")),
        format!("{:.3}", row.smallest),
        each.collect::<Vec<_>>().join(", "),
        running.join(" "),
    ]
}
