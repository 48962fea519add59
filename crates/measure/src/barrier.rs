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
/// Up to this time of one execution the readings are repeated and the least is taken, nanoseconds.
const REPEATED: u64 = 100_000_000;
/// An execution longer than this is not repeated for the check, nanoseconds.
const LONGEST: u64 = 500_000_000;
/// Below this time of `n` executions their doubling is noise, nanoseconds.
const SHORTEST: u64 = 100_000;

/// Least doubling that passes. Work that is not waited for, or not done again, takes once the time; a busy machine may stretch either reading.
const DOUBLING: f64 = 1.4;
/// Rounds of readings: at least, and at most where they do not look honest yet.
const ROUNDS: std::ops::RangeInclusive<usize> = 3..=15;

/// The check, and what it executed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Checked {
    pub(crate) check: Option<BarrierCheck>,
    /// Executions it took.
    pub(crate) executions: u64,
}

/// Times of some executions, nanoseconds.
struct Reading {
    /// Executions and barrier.
    closed: u64,
    /// What the first fetch took beyond a second one.
    pending: u64,
    /// What the second fetch took: the copy alone.
    copy: u64,
    /// All of it: true even where the barrier lies, as a fetch waits.
    whole: u64,
}

fn read(
    executable: &mut dyn Executable,
    entry: EntryId,
    output: &str,
    clock: &dyn Clock,
    count: u64,
) -> Result<Reading, MeasureError> {
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
    let copy = second - first;
    let pending = (first - closed).saturating_sub(copy);
    Ok(Reading { closed: closed - start, pending, copy, whole: first - start })
}

/// Times `n` executions against `2 n`, and looks for work still pending after the barrier. The entry's inputs are bound and it has run before. No check of an
/// entry without outputs, nor of executions of more than half a second.
pub(crate) fn check(
    executable: &mut dyn Executable,
    graph: &Graph,
    entry: EntryId,
    clock: &dyn Clock,
) -> Result<Checked, MeasureError> {
    let smallest = graph.outputs.iter().min_by_key(|(_, v)| graph.node(*v).ty.bytes());
    let Some((output, _)) = smallest else { return Ok(Checked { check: None, executions: 0 }) };
    let one = read(executable, entry, output, clock, 1)?;
    let mut executions = 1;
    if one.whole > LONGEST {
        return Ok(Checked { check: None, executions });
    }
    let (mut single, mut double, mut pending) = (one.closed, u64::MAX, one.pending);
    if one.whole > REPEATED {
        let two = read(executable, entry, output, clock, 2)?;
        // Once more, as the first reading is of a cold device.
        let again = read(executable, entry, output, clock, 1)?;
        executions += 3;
        (single, double) = (single.min(again.closed), two.closed);
        pending = pending.min(two.pending).min(again.pending);
    } else {
        // By what the executions take: beside the copy of a large result their time would drown in its jitter.
        let n = (AIM / one.whole.saturating_sub(one.copy).max(1)).clamp(1, MOST);
        (single, pending) = (u64::MAX, u64::MAX);
        // The least of all rounds: an interruption lengthens a reading now and then, pending work lengthens every one.
        for round in 1..=*ROUNDS.end() {
            let once = read(executable, entry, output, clock, n)?;
            let twice = read(executable, entry, output, clock, 2 * n)?;
            executions += 3 * n;
            (single, double) = (single.min(once.closed), double.min(twice.closed));
            pending = pending.min(once.pending).min(twice.pending);
            if round >= *ROUNDS.start() && judge(single, double, pending).honest {
                break;
            }
        }
    }
    Ok(Checked { check: Some(judge(single, double, pending)), executions })
}

/// The verdict on the time of `n` executions, of `2 n`, and of what was still pending behind the barrier.
fn judge(single: u64, double: u64, pending: u64) -> BarrierCheck {
    let doubling = if single == 0 { 2.0 } else { double as f64 / single as f64 };
    let doubles = single < SHORTEST || doubling >= DOUBLING;
    let nothing_pending = pending <= single / 4 + SHORTEST;
    BarrierCheck { doubling, read_back_seconds: seconds(pending), honest: doubles && nothing_pending }
}
