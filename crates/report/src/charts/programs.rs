//! Programs that were run under one name: no chart shows them as if they were the same work.

use std::collections::BTreeMap;

use portbench_records::{Problem, unlike};

use super::study::Shown;

/// Two programs of one workload under the same conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unlike {
    /// Workload, mode, scenario and numerics.
    conditions: String,
    /// What tells either program from the others.
    programs: [String; 2],
    /// What differs between them.
    differences: Vec<String>,
}

/// Marks the cells whose workload, mode, scenario and numerics others share that are about different work; says which those are.
pub(super) fn tell_apart(cells: &mut [Shown]) -> Vec<Unlike> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, cell) in cells.iter().enumerate() {
        groups.entry(conditions(cell)).or_default().push(place);
    }
    let mut found = Vec::new();
    for (conditions, places) in groups {
        let mut programs: Vec<(Problem, Vec<usize>)> = Vec::new();
        for place in places {
            let problem = &cells[place].head.problem;
            match programs.iter_mut().find(|(known, _)| unlike(known, problem).is_empty()) {
                Some((_, same)) => same.push(place),
                None => programs.push((problem.clone(), vec![place])),
            }
        }
        let Some((first, others)) = programs.split_first().filter(|(_, others)| !others.is_empty()) else {
            continue;
        };
        for (other, _) in others {
            found.push(Unlike {
                conditions: conditions.clone(),
                programs: [name(&first.0), name(other)],
                differences: unlike(&first.0, other),
            });
        }
        for (problem, places) in &programs {
            for &place in places {
                cells[place].program = Some(name(problem));
            }
        }
    }
    found
}

fn conditions(cell: &Shown) -> String {
    let cell = &cell.head.cell;
    format!("{} ({}, {}, {})", cell.workload, cell.mode, cell.scenario, cell.numerics)
}

fn name(problem: &Problem) -> String {
    format!("program {}", problem.fingerprint.get(..8).unwrap_or(&problem.fingerprint))
}

/// What a chart of these cells says of work that only shares its name.
pub(super) fn notes(all: &[Unlike], shown: &[&Shown]) -> Vec<String> {
    let drawn = |unlike: &&Unlike| shown.iter().any(|cell| conditions(cell) == unlike.conditions);
    let note = |unlike: &Unlike| {
        let Unlike { conditions, programs: [first, other], differences } = unlike;
        format!(
            "Not to be compared: {conditions} is two works of one name, {first} and {other}: {}.",
            differences.join("; ")
        )
    };
    all.iter().filter(drawn).map(note).collect()
}
