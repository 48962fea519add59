//! Cells that were measured once and are not tonight.

use std::collections::{BTreeMap, BTreeSet};

use portbench_records::Outcome;
use serde::Serialize;

use super::NIGHT;
use super::read::{Line, Nights, Sight};

/// How a cell is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Absence {
    /// It was measured, and now ended otherwise.
    Lost,
    /// It was refused before, as unsupported or unavailable, and now fails.
    Worsened,
    /// It is in the plan and has no record: the run did not come to its end.
    NotRun,
    /// It was measured last night, and the plan of tonight does not have it.
    NotPlanned,
    /// It was skipped, as asked: a run's time was up.
    Skipped,
}

impl Absence {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Worsened => "worsened",
            Self::NotRun => "not run",
            Self::NotPlanned => "no longer planned",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a gate is there to catch it: everything but what was asked for.
    #[must_use]
    pub const fn gated(self) -> bool {
        !matches!(self, Self::Skipped)
    }
}

/// A cell that is missing tonight.
#[derive(Clone, Debug, PartialEq)]
pub struct Absent {
    /// Name of the cell.
    pub cell: String,
    /// The hardware that it was measured on.
    pub hardware: String,
    /// The suite.
    pub suite: String,
    /// How it is missing.
    pub absence: Absence,
    /// How it ended tonight, where it has a record.
    pub outcome: Option<Outcome>,
    /// Why, in one line.
    pub detail: Option<String>,
    /// Tonight's run.
    pub run: String,
    /// When that began, seconds since 1970-01-01.
    pub started: u64,
    /// The last run in which it was measured, or refused where it never was.
    pub last_good: String,
    /// Runs of its suite and machine since.
    pub runs_since: usize,
}

/// How bad an outcome is: measured; refused, which is an answer; failed.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Measured => 0,
        Outcome::Unsupported | Outcome::Unavailable | Outcome::Skipped => 1,
        Outcome::Incorrect | Outcome::OutOfMemory | Outcome::TimedOut | Outcome::Crashed => 2,
    }
}

/// Every cell that is missing, by its name.
pub(super) fn find(nights: &Nights) -> Vec<Absent> {
    let newest = nights.newest();
    let mut sights: BTreeMap<(&Line, &str), BTreeMap<usize, &Sight>> = BTreeMap::new();
    for sight in &nights.sights {
        sights.entry((&nights.runs[sight.run].line, &sight.id)).or_default().insert(sight.run, sight);
    }
    let mut found = Vec::new();
    for ((line, cell), seen) in &sights {
        let of_line = |place: usize| nights.runs[place].line == **line;
        let planned =
            (0..nights.runs.len()).rev().find(|&p| of_line(p) && nights.runs[p].plan.contains_key(*cell));
        let (Some(&newest), Some(planned)) = (newest.get(line), planned) else { continue };
        let here = seen.get(&planned).copied();
        let Some(absence) = absence(nights, newest, planned, here, seen) else { continue };
        let best = |sight: &&&Sight| rank(sight.outcome) < if absence == Absence::Worsened { 2 } else { 1 };
        let Some(good) = seen.values().rev().find(best) else { continue };
        let run = if absence == Absence::NotPlanned { newest } else { planned };
        let since = (good.run + 1..nights.runs.len()).filter(|&place| of_line(place)).count();
        found.push(Absent {
            cell: (*cell).to_owned(),
            hardware: good.hardware.clone(),
            suite: line.suite.clone(),
            absence,
            outcome: here.map(|sight| sight.outcome).filter(|_| absence != Absence::NotPlanned),
            detail: here.and_then(|sight| sight.detail.as_ref()?.lines().next().map(ToOwned::to_owned)),
            run: nights.runs[run].id.clone(),
            started: nights.runs[run].started,
            last_good: nights.runs[good.run].id.clone(),
            runs_since: since,
        });
    }
    found.sort_by(|a, b| (&a.cell, &a.suite).cmp(&(&b.cell, &b.suite)));
    found
}

/// How a cell is missing whose last planned run is known, with its record there.
fn absence(
    nights: &Nights,
    newest: usize,
    planned: usize,
    here: Option<&Sight>,
    seen: &BTreeMap<usize, &Sight>,
) -> Option<Absence> {
    let earlier: BTreeSet<u8> = seen.range(..planned).map(|(_, sight)| rank(sight.outcome)).collect();
    let best = *earlier.first().unwrap_or(&u8::MAX);
    if !nights.tonight(planned) {
        // The night before is what it is held against: a cell that was taken out is told of once.
        let line = &nights.runs[newest].line;
        let before = (0..newest).rev().find(|&p| nights.runs[p].line == *line && !nights.tonight(p))?;
        let last_night = nights.runs[planned].started + NIGHT > nights.runs[before].started;
        let measured = here.is_some_and(|sight| sight.outcome == Outcome::Measured);
        return (last_night && measured).then_some(Absence::NotPlanned);
    }
    match here.map(|sight| sight.outcome) {
        Some(Outcome::Measured) => None,
        Some(Outcome::Skipped) => (best == 0).then_some(Absence::Skipped),
        Some(_) if best == 0 => Some(Absence::Lost),
        Some(outcome) => (rank(outcome) > best).then_some(Absence::Worsened),
        None => (best == 0).then_some(Absence::NotRun),
    }
}
