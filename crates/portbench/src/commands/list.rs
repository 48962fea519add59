//! `list`: what there is.

mod catalog;
mod limits;
mod published;
mod rules;

use std::collections::BTreeSet;
use std::io;

use portbench_catalog::{Catalog, nearest};
use portbench_models::{Model, families, presets};
use portbench_report::charts::ChartKind;
use portbench_workload::Catalogue;

use crate::args::{ListArgs, ListKind};
use crate::backends;
use crate::cells;
use crate::failure::{Failure, usage};
use crate::neuron;
use crate::python;
use crate::table::Table;

pub(crate) use published::published_entries;

pub(crate) fn run(args: &ListArgs) -> Result<u8, Failure> {
    let loaded = || Catalog::load(args.catalog.catalog.as_deref()).map_err(usage);
    let mut table = match args.kind {
        ListKind::Workloads => workloads(&Catalogue::load(&args.workloads)?)?,
        ListKind::Suites => suites(&Catalogue::load(&args.workloads)?)?,
        ListKind::Models => models()?,
        ListKind::Backends => listed_backends(),
        ListKind::Accelerators => catalog::accelerators(&loaded()?),
        ListKind::Instances => catalog::instances(&loaded()?),
        ListKind::Prices => catalog::prices(&loaded()?),
        ListKind::Systems => catalog::systems(&loaded()?),
        ListKind::Sources => catalog::sources(&loaded()?),
        ListKind::Limits => limits::limits(neuron::platform(&args.neuron)),
        ListKind::Rules => rules::rules(args)?,
        ListKind::Charts => charts(),
        ListKind::Published => published::published(&args.published_results)?,
    };
    if let Some(pattern) = &args.name {
        let aliases = matches!(args.kind, ListKind::Accelerators);
        let all = names(&table, aliases);
        table.keep(|row| names_of(row, aliases).any(|name| like(pattern, name)));
        if table.is_empty() {
            let near = nearest(pattern, all.iter().map(String::as_str));
            let guess = if near.is_empty() {
                String::new()
            } else {
                format!(
                    "; did you mean {}?",
                    near.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
                )
            };
            return Err(Failure::nothing(format!(
                "no name is like `{pattern}`{guess} (* stands for anything)"
            )));
        }
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    Ok(0)
}

/// Whether a name matches, capitals or not.
fn like(pattern: &str, name: &str) -> bool {
    cells::matches(&pattern.to_lowercase(), &name.to_lowercase())
}

/// The names that a row goes by: its first cell, and the words of the second where those are aliases.
fn names_of(row: &[String], aliases: bool) -> impl Iterator<Item = &str> {
    let also = row.get(1).filter(|_| aliases).into_iter().flat_map(|cell| cell.split_whitespace());
    row.first().map(String::as_str).into_iter().chain(also)
}

/// Every name of a table, once.
fn names(table: &Table, aliases: bool) -> BTreeSet<String> {
    table.rows().iter().flat_map(|row| names_of(row, aliases)).map(ToOwned::to_owned).collect()
}

fn workloads(catalogue: &Catalogue) -> Result<Table, Failure> {
    let mut table = Table::new(&["workload", "mode", "numerics", "description"]);
    for listed in catalogue.workloads() {
        let workload = catalogue.workload(&listed.name)?;
        let numerics: Vec<&str> = workload.numerics().iter().map(|n| n.name()).collect();
        table.row([
            listed.name,
            workload.mode().to_string(),
            numerics.join(" "),
            workload.file.description.clone().unwrap_or_default(),
        ]);
    }
    Ok(table)
}

fn suites(catalogue: &Catalogue) -> Result<Table, Failure> {
    let mut table = Table::new(&["suite", "entries", "description"]);
    for listed in catalogue.suites() {
        let suite = catalogue.suite(&listed.name)?;
        let entries = suite.file.entries.len().to_string();
        table.row([listed.name, entries, suite.file.description.clone().unwrap_or_default()]);
    }
    Ok(table)
}

fn models() -> Result<Table, Failure> {
    let mut table = Table::new(&["family", "preset", "parameters"]);
    for family in families() {
        for preset in presets(family) {
            let parameters = Model::preset(family, preset)?.parameter_count()?;
            table.row([family.to_owned(), (*preset).to_owned(), parameters.to_string()]);
        }
    }
    Ok(table)
}

fn charts() -> Table {
    let mut table = Table::new(&["chart", "shows"]);
    for kind in ChartKind::ALL {
        table.row([kind.name(), kind.shows()]);
    }
    table
}

fn listed_backends() -> Table {
    let mut table = Table::new(&["backend", "from", "description"]);
    for known in backends::BUILT_IN {
        table.row([known.name, "built in", known.about]);
    }
    for (name, about) in python::ENGINES {
        table.row([name, "Python", about]);
    }
    for (name, path) in backends::external() {
        table.row([name.as_str(), &path.display().to_string(), "a program that speaks the worker protocol"]);
    }
    table
}
