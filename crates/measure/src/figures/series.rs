//! Times of each trial, in seconds.

use portbench_stats::LatencyHistogram;

use crate::clock::seconds;
use crate::measurement::{GenerateSample, Measurement, Samples};

/// Times of executions or steps. The first step of training is left out where there are others.
pub(super) fn executions(trials: &[&Measurement]) -> Vec<Vec<f64>> {
    let times = |m: &Measurement| match &m.samples {
        Samples::Iterations { nanoseconds, .. } => all(nanoseconds),
        // With no warm-up, the first sample is the first execution.
        Samples::Training { nanoseconds, .. } if m.warmup.executions == 0 && nanoseconds.len() > 1 => {
            all(&nanoseconds[1..])
        }
        Samples::Training { nanoseconds, .. } => all(nanoseconds),
        _ => Vec::new(),
    };
    trials.iter().map(|m| times(m)).collect()
}

fn all(nanoseconds: &[u64]) -> Vec<f64> {
    nanoseconds.iter().map(|&t| seconds(t)).collect()
}

/// Units of work that the samples did.
pub(super) fn work(samples: &Samples) -> f64 {
    match samples {
        Samples::Iterations { group, units, nanoseconds }
        | Samples::Training { group, units, nanoseconds, .. } => {
            (group * units) as f64 * nanoseconds.len() as f64
        }
        Samples::Generate { batch, new_tokens, requests, .. } => {
            (batch * new_tokens) as f64 * requests.len() as f64
        }
        Samples::Server { units, queries, .. } => *units as f64 * *queries as f64,
    }
}

/// Durations of consecutive samples in seconds; none of an open loop, whose queries overlap.
pub(super) fn durations(samples: &Samples) -> Vec<f64> {
    match samples {
        Samples::Iterations { nanoseconds, .. } | Samples::Training { nanoseconds, .. } => all(nanoseconds),
        Samples::Generate { requests, .. } => requests.iter().map(|r| seconds(r.total)).collect(),
        Samples::Server { .. } => Vec::new(),
    }
}

/// A time of every generate request.
pub(super) fn requests(
    trials: &[&Measurement],
    time: impl Fn(&GenerateSample) -> Option<u64>,
) -> Vec<Vec<f64>> {
    let times = |m: &Measurement| match &m.samples {
        Samples::Generate { requests, .. } => requests.iter().filter_map(&time).map(seconds).collect(),
        _ => Vec::new(),
    };
    trials.iter().map(|m| times(m)).collect()
}

/// Mean time of each request's `further` tokens after the first.
pub(super) fn per_token(trials: &[&Measurement], further: u64) -> Vec<Vec<f64>> {
    let mut times = requests(trials, |r| r.total.checked_sub(r.ttft));
    times.iter_mut().flatten().for_each(|t| *t /= further as f64);
    times
}

/// A histogram of [`Samples`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    BetweenTokens,
    Latency,
    Ttft,
    Tpot,
}

/// A histogram of every trial, in nanoseconds; none unless every trial has it.
pub(super) fn histograms(trials: &[&Measurement], store: Store) -> Vec<LatencyHistogram> {
    let one = |m: &Measurement| {
        let stored = match (&m.samples, store) {
            (Samples::Generate { between_tokens, .. }, Store::BetweenTokens) => between_tokens,
            (Samples::Server { latency, .. }, Store::Latency) => latency,
            (Samples::Server { ttft, .. }, Store::Ttft) => ttft.as_ref()?,
            (Samples::Server { tpot, .. }, Store::Tpot) => tpot.as_ref()?,
            _ => return None,
        };
        stored.open().ok()
    };
    trials.iter().map(|m| one(m)).collect::<Option<_>>().unwrap_or_default()
}
