//! Distribution functions the other modules share.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use statrs::function::gamma::ln_gamma;

/// Upper quantile of the standard normal that leaves `confidence` in the middle: 1.96 for 0.95.
///
/// `confidence` lies strictly between 0 and 1 (checked by every caller).
pub(crate) fn z_two_sided(confidence: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 + confidence / 2.0)
}

/// The `p` quantile of the standard normal, `0 < p < 1`.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// `P(Z > z)` for a standard normal.
pub(crate) fn normal_sf(z: f64) -> f64 {
    Normal::standard().sf(z)
}

/// Upper quantile of Student's t with `df` degrees of freedom that leaves `confidence` in the middle.
///
/// `df` is at least 1 and `confidence` lies strictly between 0 and 1 (checked by every caller). With 1, 2 and 4 degrees of
/// freedom (two, three and five trials) the quantile has a closed form (Shaw 2006); a general library searches for it.
pub(crate) fn t_two_sided(confidence: f64, df: usize) -> f64 {
    // Four times the product of both tails' probabilities.
    let spread = (1.0 - confidence) * (1.0 + confidence);
    match df {
        1 => return (std::f64::consts::FRAC_PI_2 * confidence).tan(),
        2 => return confidence * (2.0 / spread).sqrt(),
        4 => {
            let root = spread.sqrt();
            return 2.0 * ((root.acos() / 3.0).cos() / root - 1.0).sqrt();
        }
        _ => {}
    }
    match StudentsT::new(0.0, 1.0, df as f64) {
        Ok(t) => t.inverse_cdf(0.5 + confidence / 2.0),
        Err(_) => f64::INFINITY,
    }
}

/// `ln C(n, k)`.
pub(crate) fn ln_choose(n: u64, k: u64) -> f64 {
    ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0)
}

/// `C(n, k)` where it is at most `limit`.
pub(crate) fn choose_up_to(n: usize, k: usize, limit: u64) -> Option<u64> {
    let mut value: u128 = 1;
    for i in 0..k.min(n - k) as u128 {
        value = value * (n as u128 - i) / (i + 1);
        if value > u128::from(limit) {
            return None;
        }
    }
    u64::try_from(value).ok()
}

fn ln_binomial_pmf(k: u64, n: u64, p: f64) -> f64 {
    ln_choose(n, k) + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p()
}

/// `P(B <= k)` for `B ~ Bin(n, p)`, `0 < p < 1`.
///
/// Terms are added outward from the edge of the smaller tail, each from its neighbour by the ratio of the mass
/// function, until they stop counting. A continued fraction of the incomplete beta function needs more steps than
/// general libraries allow at `n` about 10^6, which early stopping reaches.
pub(crate) fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    if k as f64 <= n as f64 * p { lower_tail(k, n, p) } else { 1.0 - upper_tail(k + 1, n, p) }
}

/// `P(B >= k)` for `B ~ Bin(n, p)`, `0 < p < 1`.
pub(crate) fn binomial_sf(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n {
        return 0.0;
    }
    if k as f64 > n as f64 * p { upper_tail(k, n, p) } else { 1.0 - lower_tail(k - 1, n, p) }
}

fn lower_tail(k: u64, n: u64, p: f64) -> f64 {
    let (mut term, mut sum, mut j) = (1.0, 1.0, k);
    while j > 0 && term > sum * 1e-18 {
        term *= j as f64 * (1.0 - p) / ((n - j + 1) as f64 * p);
        sum += term;
        j -= 1;
    }
    (ln_binomial_pmf(k, n, p) + f64::ln(sum)).exp().min(1.0)
}

fn upper_tail(k: u64, n: u64, p: f64) -> f64 {
    let (mut term, mut sum, mut j) = (1.0, 1.0, k);
    while j < n && term > sum * 1e-18 {
        term *= (n - j) as f64 * p / ((j + 1) as f64 * (1.0 - p));
        sum += term;
        j += 1;
    }
    (ln_binomial_pmf(k, n, p) + f64::ln(sum)).exp().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_of_the_t_quantile_are_those_of_the_tables() {
        // Golden: the two-sided 95 % and 99 % columns of any table of Student's t.
        for (confidence, df, value) in [
            (0.95, 1, 12.706),
            (0.95, 2, 4.303),
            (0.95, 4, 2.776),
            (0.99, 1, 63.657),
            (0.99, 2, 9.925),
            (0.99, 4, 4.604),
        ] {
            assert!((t_two_sided(confidence, df) - value).abs() < 5e-4, "{confidence} {df}");
        }
    }

    #[test]
    fn closed_forms_undo_the_distribution() {
        for df in [1, 2, 4] {
            let t = StudentsT::new(0.0, 1.0, df as f64).unwrap();
            for confidence in [0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.999_999] {
                let inside = 2.0 * t.cdf(t_two_sided(confidence, df)) - 1.0;
                assert!((inside - confidence).abs() < 1e-9, "{df} {confidence} {inside}");
            }
        }
    }
}
