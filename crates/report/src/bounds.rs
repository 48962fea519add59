//! Whether server cells keep their latency bounds.

use portbench_measure::bound_verdicts;
use portbench_records::{Run, StoreError};

use crate::row::Row;

/// Puts the verdicts on latency bounds into the rows of server cells that have bounds and were measured: MLPerf's early-stopping rule over the queries of all
/// trials. The records of those cells are read whole, one at a time; others are not touched.
///
/// # Errors
/// [`StoreError`] where such a record cannot be read.
pub fn judge_bounds(run: &Run, rows: &mut [Row]) -> Result<(), StoreError> {
    for row in rows.iter_mut().filter(|row| row.bounded) {
        let Some(record) = run.record(&row.id)? else { continue };
        let trials: Vec<_> = record.trials.iter().map(|trial| &trial.measurement).collect();
        row.bounds = match bound_verdicts(&record.spec, &trials) {
            Ok(verdicts) => verdicts.iter().map(ToString::to_string).collect(),
            Err(error) => vec![format!("bounds cannot be judged: {error}")],
        };
    }
    Ok(())
}
