//! Two programs held against each other in turns, so that a change of the machine's speed meets both alike.

use std::time::Instant;

use portbench_stats::{Sample, StatsError, quantile_interval};

/// Runs both `pairs` times, every second pair in the other order, and says the median ratio of their times with its 95 %
/// order-statistic interval.
///
/// # Errors
/// No pairs.
pub fn ratio(pairs: usize, mut first: impl FnMut(), mut second: impl FnMut()) -> Result<String, StatsError> {
    fn seconds(work: &mut impl FnMut()) -> f64 {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    }
    let ratios = (0..pairs)
        .map(|pair| {
            if pair % 2 == 0 {
                let a = seconds(&mut first);
                a / seconds(&mut second)
            } else {
                let b = seconds(&mut second);
                seconds(&mut first) / b
            }
        })
        .collect();
    let interval = quantile_interval(&Sample::new(ratios)?, 0.5, 0.95)?;
    Ok(match interval.estimate() {
        Some(e) => format!("{:.3} [{:.3}, {:.3}], median of {pairs} pairs", e.value, e.low, e.high),
        None => interval.to_string(),
    })
}
