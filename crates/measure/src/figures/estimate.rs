//! Estimates with their intervals, or why there is none.

use portbench_stats::quantile::smallest_n_two_sided;
use portbench_stats::{
    BootstrapOptions, Estimate, IntervalMethod, LatencyHistogram, QuantileEstimate, Sample, Statistic,
    StatsError, Trials, interval, quantile_interval,
};

use crate::figure::FigureValue;

/// Confidence of every interval.
const CONFIDENCE: f64 = 0.95;

/// A value and the figure of each trial.
pub(super) type Estimated = (FigureValue, Vec<f64>);

pub(super) struct Estimator {
    pub(super) seed: u64,
}

fn method_name(method: IntervalMethod) -> &'static str {
    match method {
        IntervalMethod::StudentT => "Student's t over trials",
        IntervalMethod::Bootstrap => "hierarchical bootstrap",
        IntervalMethod::WithinTrial => "bootstrap within one trial",
    }
}

fn estimated(estimate: Estimate, method: &str) -> FigureValue {
    let Estimate { value, low, high, confidence } = estimate;
    if [value, low, high].iter().all(|x| x.is_finite()) {
        FigureValue::Estimated { value, low, high, confidence, method: method.to_owned() }
    } else {
        not_estimable("the interval is unbounded".into())
    }
}

fn not_estimable(reason: String) -> FigureValue {
    FigureValue::NotEstimable { reason }
}

/// What statistics refuse is something that cannot be estimated.
fn or_reason(result: Result<Estimated, StatsError>) -> Estimated {
    result.unwrap_or_else(|error| (not_estimable(error.to_string()), Vec::new()))
}

impl Estimator {
    fn options(&self) -> BootstrapOptions {
        BootstrapOptions { seed: self.seed, confidence: CONFIDENCE, ..BootstrapOptions::default() }
    }

    /// One value a trial.
    pub(super) fn values(&self, values: Vec<f64>) -> Estimated {
        or_reason(self.over_trials(values, &|| Err(StatsError::TooFew { what: "trials", needed: 2, got: 1 })))
    }

    /// An interval over trials from the figure of each; `alone` gives that of a single trial.
    fn over_trials(
        &self,
        values: Vec<f64>,
        alone: &dyn Fn() -> Result<FigureValue, StatsError>,
    ) -> Result<Estimated, StatsError> {
        if let [value] = values[..] {
            let reason = |_| {
                let text = "one trial has no interval; more trials are needed";
                not_estimable(format!("{text} (its value: {value})"))
            };
            return Ok((alone().unwrap_or_else(reason), values));
        }
        let nested: Vec<[f64; 1]> = values.iter().map(|&v| [v]).collect();
        let found = interval(&Trials::from_nested(&nested)?, Statistic::Mean, &self.options())?;
        let mut estimate = found.estimate;
        // Neither a time nor a rate nor a size is negative; t does not know.
        if values.iter().all(|&v| v >= 0.0) {
            estimate.low = estimate.low.max(0.0);
        }
        Ok((estimated(estimate, method_name(found.method)), values))
    }

    /// `work` a second, done in each of the times.
    pub(super) fn rate(&self, times: &[Vec<f64>], work: f64) -> Estimated {
        or_reason(self.try_rate(times, work))
    }

    fn try_rate(&self, times: &[Vec<f64>], work: f64) -> Result<Estimated, StatsError> {
        let trials = Trials::from_nested(times)?;
        let means = trials.figures(Statistic::Mean);
        if means.iter().any(|&mean| mean <= 0.0) {
            return Ok((not_estimable("no time passed by the clock's resolution".into()), Vec::new()));
        }
        let rates: Vec<f64> = means.iter().map(|mean| work / mean).collect();
        if (2..portbench_stats::estimate::BOOTSTRAP_MIN_TRIALS).contains(&rates.len()) {
            return self.over_trials(rates, &|| Err(StatsError::Empty));
        }
        // Resampled means of times are above 0 as the times are.
        let found = interval(&trials, Statistic::Mean, &self.options())?;
        let value = rates.iter().sum::<f64>() / rates.len() as f64;
        let (low, high) = (work / found.estimate.high, work / found.estimate.low);
        let estimate = Estimate { value, low: low.min(value), high: high.max(value), confidence: CONFIDENCE };
        Ok((estimated(estimate, method_name(found.method)), rates))
    }

    /// A quantile of times.
    pub(super) fn quantile(&self, times: &[Vec<f64>], q: f64) -> Estimated {
        or_reason(self.try_quantile(times, q))
    }

    fn try_quantile(&self, times: &[Vec<f64>], q: f64) -> Result<Estimated, StatsError> {
        let trials = Trials::from_nested(times)?;
        let each: Vec<f64> =
            trials.as_slice().iter().map(|trial| trial.quantile(q)).collect::<Result<_, _>>()?;
        if q == 0.5 {
            if each.len() == 1 {
                return Ok((within(&quantile_interval(&trials.as_slice()[0], q, CONFIDENCE)?, WITHIN), each));
            }
            let found = interval(&trials, Statistic::Median, &self.options())?;
            let mut estimate = found.estimate;
            estimate.low = estimate.low.max(0.0);
            return Ok((estimated(estimate, method_name(found.method)), each));
        }
        let fewest = trials.as_slice().iter().map(Sample::count).min().unwrap_or(0) as u64;
        self.tail(each, fewest, q, &|| quantile_interval(&trials.pooled(), q, CONFIDENCE))
    }

    /// A quantile of nanoseconds, as seconds.
    pub(super) fn histogram_quantile(&self, trials: &[LatencyHistogram], q: f64) -> Estimated {
        or_reason(self.try_histogram_quantile(trials, q))
    }

    fn try_histogram_quantile(&self, trials: &[LatencyHistogram], q: f64) -> Result<Estimated, StatsError> {
        let each: Vec<f64> = trials
            .iter()
            .map(|trial| trial.quantile(q).map(crate::clock::seconds))
            .collect::<Result<_, _>>()?;
        let fewest = trials.iter().map(LatencyHistogram::count).min().unwrap_or(0);
        self.tail(each, fewest, q, &|| {
            let mut pooled = LatencyHistogram::new()?;
            for trial in trials {
                pooled.merge(trial)?;
            }
            Ok(match pooled.quantile_interval(q, CONFIDENCE)? {
                QuantileEstimate::Estimable(e) => QuantileEstimate::Estimable(Estimate {
                    value: e.value * 1e-9,
                    low: e.low * 1e-9,
                    high: e.high * 1e-9,
                    confidence: e.confidence,
                }),
                few => few,
            })
        })
    }

    /// A quantile over trials where each has samples enough for it, else of all trials pooled. Where even those are too few, single trials have no such figure.
    fn tail(
        &self,
        each: Vec<f64>,
        fewest: u64,
        q: f64,
        pooled: &dyn Fn() -> Result<QuantileEstimate, StatsError>,
    ) -> Result<Estimated, StatsError> {
        if fewest >= smallest_n_two_sided(q, CONFIDENCE)? {
            if each.len() > 1 {
                return self.over_trials(each, &|| Err(StatsError::Empty));
            }
            return Ok((within(&pooled()?, WITHIN), each));
        }
        Ok((within(&pooled()?, POOLED), Vec::new()))
    }
}

const WITHIN: &str = "order statistics within one trial";
const POOLED: &str = "order statistics of all trials pooled";

fn within(estimate: &QuantileEstimate, method: &str) -> FigureValue {
    match estimate {
        QuantileEstimate::Estimable(estimate) => estimated(*estimate, method),
        QuantileEstimate::NotEstimable { have, needed } => {
            not_estimable(format!("{have} samples, {needed} are needed"))
        }
    }
}
