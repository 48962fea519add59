//! Is the barrier a barrier?

use portbench_backend::{EntryId, Executable};
use portbench_graph::Graph;

use crate::clock::{Clock, seconds};
use crate::error::MeasureError;
use crate::measurement::BarrierCheck;

/// Time that `n` executions should take, nanoseconds.
const AIM: u64 = 10_000_000;
/// Most executions of `n`.
const MOST: u64 = 256;
/// An execution longer than this is not repeated for the check, nanoseconds.
const LONGEST: u64 = 5_000_000_000;
/// Below this time of `n` executions their doubling is noise, nanoseconds.
const SHORTEST: u64 = 100_000;

/// The check, and what it executed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Checked {
    pub(crate) check: Option<BarrierCheck>,
    /// Executions it took.
    pub(crate) executions: u64,
}

/// Times `n` executions against `2 n`, and looks for work still pending after the barrier. The entry's inputs are bound and it has run before. No check of an
/// entry without outputs, nor of executions of more than five seconds.
pub(crate) fn check(
    executable: &mut dyn Executable,
    graph: &Graph,
    entry: EntryId,
    clock: &dyn Clock,
) -> Result<Checked, MeasureError> {
    let smallest = graph.outputs.iter().min_by_key(|(_, v)| graph.node(*v).ty.bytes());
    let Some((output, _)) = smallest else { return Ok(Checked { check: None, executions: 0 }) };
    let mut executions = 0;
    // The fetch makes this time true even where the barrier lies.
    let start = clock.now();
    executable.execute(entry)?;
    executable.synchronize()?;
    executable.fetch(entry, output)?;
    let one = clock.now() - start;
    executions += 1;
    if one > LONGEST {
        return Ok(Checked { check: None, executions });
    }
    let n = (AIM / one.max(1)).clamp(1, MOST);
    let rounds = if one > AIM * 10 { 1 } else { 3 };
    let (mut single, mut double) = (u64::MAX, u64::MAX);
    let mut pending = u64::MAX;
    for _ in 0..rounds {
        for (count, best) in [(n, &mut single), (2 * n, &mut double)] {
            let start = clock.now();
            for _ in 0..count {
                executable.execute(entry)?;
            }
            executable.synchronize()?;
            let closed = clock.now();
            executable.fetch(entry, output)?;
            let first = clock.now();
            executable.fetch(entry, output)?;
            let second = clock.now();
            executions += count;
            *best = (*best).min(closed - start);
            // The least of all rounds: an interruption lengthens a fetch now and then, pending work lengthens every one.
            pending = pending.min((first - closed).saturating_sub(second - first));
        }
    }
    let doubling = if single == 0 { 2.0 } else { double as f64 / single as f64 };
    let doubles = single < SHORTEST || (1.5..=3.0).contains(&doubling);
    let nothing_pending = pending <= single / 4 + SHORTEST;
    Ok(Checked {
        check: Some(BarrierCheck {
            doubling,
            read_back_seconds: seconds(pending),
            honest: doubles && nothing_pending,
        }),
        executions,
    })
}
