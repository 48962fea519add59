//! The works that the arguments name.

use std::collections::BTreeSet;

use portbench_backend::with_causes;
use portbench_catalog::published::Entry;
use portbench_catalog::{Amount, Catalog};
use portbench_pricing::{Origin, Platform, Publication, Ran, Work, WorkUnit};
use portbench_records::{Environment, Record, Run, Store, StoreError};

use super::platform;
use crate::args::CostArgs;
use crate::commands::list::published_entries;
use crate::failure::{Failure, usage};
use crate::progress;

/// The works, and what has to be said of them.
pub(super) fn all(
    args: &CostArgs,
    catalog: &Catalog,
    platform: &Platform,
) -> Result<(Vec<Work>, Vec<String>), Failure> {
    if let Some(rate) = args.throughput {
        return Ok((vec![given(args, rate)?], Vec::new()));
    }
    if args.published {
        return published(args, catalog, platform);
    }
    let run = Store::new(&args.results.results).resolve(args.run.as_deref().unwrap_or("latest"))?;
    let environment = run.info()?.environment;
    let works: Vec<Work> = of_run(&run, args.startup)?.collect();
    if works.is_empty() {
        return Err(Failure::nothing("the run has no finished cell"));
    }
    let mut notes = measured_on(&works, platform, &environment);
    if notes.is_empty()
        && let Some(hint) = platform::fitting(catalog, &works)
    {
        notes.push(format!("nothing of this run ran on what {} has. {hint}", platform.name));
    }
    Ok((works, notes))
}

/// On what those of the works ran that fit the platform, and how sure that is.
fn measured_on(works: &[Work], platform: &Platform, environment: &Environment) -> Vec<String> {
    let Platform { name, accelerator, .. } = platform;
    let host = format!("{}, {} CPUs", environment.cpu, environment.cpus);
    let fitting =
        works.iter().filter(|work| work.fits(accelerator) && work.rates().is_ok()).filter_map(Work::ran);
    let note = |ran: Ran| match (&ran.product, &ran.instance, ran.device.as_str()) {
        (Some(_), ..) => format!(
            "measured on {ran}, a name that agrees with the {} of {name}; host: {host}",
            accelerator.name
        ),
        (None, Some(instance), _) if instance == name => format!("measured on {name}; host: {host}"),
        (None, Some(instance), _) => {
            format!("measured on {instance}, which has the {} of {name}; host: {host}", accelerator.name)
        }
        (None, None, "cpu") => {
            format!("measured on: {host}; whether that is what {name} has, the record cannot tell")
        }
        (None, None, device) => format!(
            "measured on {device}, which did not say what it is; host: {host}; whether that is what {name} has, the record cannot tell"
        ),
    };
    fitting.map(note).collect::<BTreeSet<String>>().into_iter().collect()
}

/// What others published for the platform.
fn published(
    args: &CostArgs,
    catalog: &Catalog,
    platform: &Platform,
) -> Result<(Vec<Work>, Vec<String>), Failure> {
    let entries = published_entries(&args.published_results)?;
    // A system of one's own is one of as many of the same accelerators, whoever built it.
    let of_system = |entry: &Entry| {
        args.owned.owned.is_some()
            && entry.hardware(catalog).is_some_and(|(accelerator, count)| {
                accelerator.name == platform.accelerator.name && count == platform.accelerators
            })
    };
    let of_it = entries.iter().filter(|entry| entry.result.instance == platform.name || of_system(entry));
    let mut works: Vec<Work> = of_it.filter_map(Work::published).collect();
    for work in &mut works {
        work.startup_seconds = args.startup;
        // Else two results of one model and shape are one.
        if let Some(Publication { configuration: Some(words), .. }) = &work.publication {
            let shape = &mut work.labels.scenario;
            if shape.is_empty() {
                shape.clone_from(words);
            } else if !shape.contains(words.as_str()) {
                *shape += &format!("; {words}");
            }
        }
    }
    if works.is_empty() {
        let mut known: Vec<&str> = entries.iter().map(|e| e.result.instance.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        return Err(Failure::nothing(format!(
            "no throughput is published of {}; there are results of {}",
            platform.name,
            known.join(", ")
        )));
    }
    let source = |Publication { publisher, date, source, .. }: &Publication| {
        format!("published by {publisher}, {date}: {source}")
    };
    let sources: BTreeSet<String> = works.iter().filter_map(|w| w.publication.as_ref()).map(source).collect();
    Ok((works, sources.into_iter().collect()))
}

/// A throughput that was given, of tokens.
pub(super) fn given(args: &CostArgs, rate: f64) -> Result<Work, Failure> {
    let mut work = Work::at_rate(WorkUnit::Tokens, Amount::exact(rate), Origin::Given).map_err(usage)?;
    work.startup_seconds = args.startup;
    Ok(work)
}

/// The works of a run; a record that cannot be read is named on stderr.
pub(super) fn of_run(run: &Run, startup: Option<f64>) -> Result<impl Iterator<Item = Work>, Failure> {
    let info = run.info()?;
    let work = move |record: Result<Record, StoreError>| match record {
        Ok(record) => {
            let mut work = Work::from(&record).within(&info);
            work.startup_seconds = startup.or(work.startup_seconds);
            Some(work)
        }
        Err(error) => {
            progress::say(&format!("warning: {}", with_causes(&error)));
            None
        }
    };
    Ok(run.records()?.filter_map(work))
}
