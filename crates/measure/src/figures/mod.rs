//! From measurements to figures.

mod estimate;
mod findings;
mod series;

pub use findings::{BoundVerdict, Finding, Gravity, bound_verdicts, findings};

use crate::figure::{Figure, Metric};
use crate::measurement::{Measurement, Samples};
use crate::spec::MeasureSpec;
use crate::words::Scenario;
use estimate::Estimator;

/// Quantiles of times: `(quantile, metric)`.
const LATENCY: [(f64, Metric); 3] =
    [(0.5, Metric::LatencyP50), (0.9, Metric::LatencyP90), (0.99, Metric::LatencyP99)];
const TTFT: [(f64, Metric); 2] = [(0.5, Metric::TtftP50), (0.99, Metric::TtftP99)];
const TPOT: [(f64, Metric); 2] = [(0.5, Metric::TpotP50), (0.99, Metric::TpotP99)];

/// The figures of a cell over its trials; none without a trial. `flops` is the arithmetic of one execution of the task: a forward pass, a whole generate request, an
/// optimiser step; 0 leaves the achieved rate out. `seed` is the bootstrap's.
///
/// A figure is the mean over trials of each trial's own. Intervals are at 95 %: Student's t over the trials' figures with two to five trials, the hierarchical bootstrap with
/// more; of one trial alone they are within that trial, and say so. Quantiles need samples enough in each trial, or, failing that, in all trials pooled.
///
/// Rates are work over summed time, and of replicas measured together as many times that as there are replicas. The first step of training is the first execution as well and stays out of times and rates. The time between tokens is that of
/// [`Samples::Generate::between_tokens`] for its 99th percentile and each request's mean for its median.
#[must_use]
pub fn figures(spec: &MeasureSpec, trials: &[&Measurement], flops: u64, seed: u64) -> Vec<Figure> {
    if trials.is_empty() {
        return Vec::new();
    }
    let mut out = Figures { estimator: Estimator { seed }, figures: Vec::new() };
    // Groups of offline samples are throughput and no latency of anything.
    let latencies = !matches!(spec.scenario, Scenario::Offline);
    let replicas = trials[0].replicas.len().max(1) as u64;
    let flops = flops * replicas;
    match trials[0].samples {
        Samples::Iterations { units, group, .. } | Samples::Training { units, group, .. } => {
            let times = series::executions(trials);
            out.rate(Metric::Throughput, &times, (units * group * replicas) as f64);
            if latencies {
                out.quantiles(&LATENCY, &times);
            }
            out.flop_rate(&times, (flops * group) as f64);
        }
        Samples::Generate { batch, prompt, new_tokens, .. } => {
            let total = series::requests(trials, |r| Some(r.total));
            let ttft = series::requests(trials, |r| Some(r.ttft));
            out.rate(Metric::Throughput, &total, (batch * new_tokens * replicas) as f64);
            out.rate(Metric::PrefillThroughput, &ttft, (batch * prompt * replicas) as f64);
            if latencies {
                out.quantiles(&LATENCY, &total);
                out.quantiles(&TTFT, &ttft);
            }
            if let Some(further) = new_tokens.checked_sub(1).filter(|&n| n > 0) {
                let per_token = series::per_token(trials, further);
                out.quantiles(&TPOT[..1], &per_token);
                if latencies {
                    out.histogram_quantiles(
                        &TPOT[1..],
                        &series::histograms(trials, series::Store::BetweenTokens),
                    );
                }
            }
            out.flop_rate(&total, flops as f64);
        }
        Samples::Server { .. } => {
            out.server_rates(trials, flops);
            for (metrics, store) in [
                (&LATENCY[..], series::Store::Latency),
                (&TTFT[..], series::Store::Ttft),
                (&TPOT[..], series::Store::Tpot),
            ] {
                out.histogram_quantiles(metrics, &series::histograms(trials, store));
            }
        }
    }
    out.losses(trials);
    out.per_trial(Metric::DeviceMemory, trials, |m| {
        let readings = &m.accelerator.as_ref()?.readings;
        readings.iter().filter_map(|r| r.memory_used).max().map(|bytes| bytes as f64)
    });
    out.per_trial(Metric::EnergyPerUnit, trials, |m| {
        let work = series::work(&m.samples);
        Some(m.accelerator.as_ref()?.energy_joules? / work).filter(|_| work > 0.0)
    });
    out.per_trial(Metric::PeakMemory, trials, |m| m.telemetry.peak_rss_bytes.map(|bytes| bytes as f64));
    out.figures
}

struct Figures {
    estimator: Estimator,
    figures: Vec<Figure>,
}

impl Figures {
    fn push(&mut self, metric: Metric, (value, trials): (crate::FigureValue, Vec<f64>)) {
        self.figures.push(Figure { metric, value, trials });
    }

    /// `work` per second, done in each of the times.
    fn rate(&mut self, metric: Metric, times: &[Vec<f64>], work: f64) {
        let rate = self.estimator.rate(times, work);
        self.push(metric, rate);
    }

    fn flop_rate(&mut self, times: &[Vec<f64>], flops: f64) {
        if flops > 0.0 {
            self.rate(Metric::FlopRate, times, flops);
        }
    }

    fn quantiles(&mut self, metrics: &[(f64, Metric)], times: &[Vec<f64>]) {
        for &(q, metric) in metrics {
            let quantile = self.estimator.quantile(times, q);
            self.push(metric, quantile);
        }
    }

    fn histogram_quantiles(
        &mut self,
        metrics: &[(f64, Metric)],
        trials: &[portbench_stats::LatencyHistogram],
    ) {
        for &(q, metric) in metrics.iter().filter(|_| !trials.is_empty()) {
            let quantile = self.estimator.histogram_quantile(trials, q);
            self.push(metric, quantile);
        }
    }

    fn server_rates(&mut self, trials: &[&Measurement], flops: u64) {
        let rate = |m: &Measurement, work: &dyn Fn(u64) -> f64| match m.samples {
            Samples::Server { units, queries, seconds, .. } if seconds > 0.0 => {
                Some(queries as f64 * work(units) / seconds)
            }
            _ => None,
        };
        self.per_trial(Metric::Throughput, trials, |m| rate(m, &|units| units as f64));
        if flops > 0 {
            self.per_trial(Metric::FlopRate, trials, |m| rate(m, &|_| flops as f64));
        }
    }

    fn losses(&mut self, trials: &[&Measurement]) {
        let last = |m: &Measurement, held_out: bool| match &m.samples {
            Samples::Training { losses, evaluations, .. } => {
                if held_out { evaluations } else { losses }.last().map(|point| point.loss)
            }
            _ => None,
        };
        self.per_trial(Metric::Loss, trials, |m| last(m, false));
        self.per_trial(Metric::ValidationLoss, trials, |m| last(m, true));
    }

    /// A figure of which each trial has one value; left out unless every trial has.
    fn per_trial(
        &mut self,
        metric: Metric,
        trials: &[&Measurement],
        value: impl Fn(&Measurement) -> Option<f64>,
    ) {
        if let Some(values) = trials.iter().map(|m| value(m)).collect::<Option<Vec<f64>>>() {
            let estimate = self.estimator.values(values);
            self.push(metric, estimate);
        }
    }
}
