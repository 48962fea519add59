//! Many tests at once: p-values adjusted so that a family of comparisons keeps its promise.

use crate::error::StatsError;
use serde::{Deserialize, Serialize};

/// How p-values are adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correction {
    /// False discovery rate, for independent or positively dependent tests (Benjamini and Hochberg 1995).
    BenjaminiHochberg,
    /// False discovery rate under any dependence (Benjamini and Yekutieli 2001).
    BenjaminiYekutieli,
    /// Chance of one false rejection at all, stepping down (Holm 1979).
    Holm,
    /// Chance of one false rejection at all: each p-value times their number.
    Bonferroni,
}

/// Adjusted p-values in the order given: reject where one is at most the level.
///
/// # Errors
///
/// [`StatsError::Parameter`] for a p-value outside 0 to 1. No p-values give none.
pub fn adjust(p_values: &[f64], correction: Correction) -> Result<Vec<f64>, StatsError> {
    if let Some(&value) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatsError::Parameter { name: "p-value", value, wanted: "0 to 1" });
    }
    let m = p_values.len();
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; m];
    match correction {
        Correction::Bonferroni => {
            for (out, p) in adjusted.iter_mut().zip(p_values) {
                *out = (p * m as f64).min(1.0);
            }
        }
        Correction::Holm => {
            let mut largest: f64 = 0.0;
            for (rank, &index) in order.iter().enumerate() {
                largest = largest.max(p_values[index] * (m - rank) as f64).min(1.0);
                adjusted[index] = largest;
            }
        }
        Correction::BenjaminiHochberg | Correction::BenjaminiYekutieli => {
            let dependence = match correction {
                Correction::BenjaminiYekutieli => (1..=m).map(|i| 1.0 / i as f64).sum(),
                _ => 1.0,
            };
            let mut smallest: f64 = 1.0;
            for (rank, &index) in order.iter().enumerate().rev() {
                smallest = smallest.min(p_values[index] * dependence * m as f64 / (rank + 1) as f64);
                adjusted[index] = smallest;
            }
        }
    }
    Ok(adjusted)
}
