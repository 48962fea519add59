//! What the measurements say about themselves.

use std::fmt;

use portbench_stats::early_stopping::{BoundCheck, MLPERF_CONFIDENCE, queries_within};
use portbench_stats::identity::{Check, violations};
use portbench_stats::{LatencyHistogram, StatsError};

use super::series::{self, Store};
use crate::clock::nanoseconds;
use crate::measurement::{Measurement, Samples};
use crate::spec::{MeasureSpec, Task};
use crate::words::Scenario;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// The figures stand; a reader should know.
    Note,
    /// The figures contradict themselves or were not measured as they claim: they must not be published.
    Fault,
}

/// Something found in a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub gravity: Gravity,
    /// Number of the trial, from 0.
    pub trial: usize,
    /// What was found, for people.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trial {}: {}", self.trial, self.text)
    }
}

/// Relative difference that metrics which must agree may have: histograms keep three digits.
const TOLERANCE: f64 = 0.01;

/// Examines every trial: a barrier that does not hold, metrics that contradict each other, warm-up that did not settle, a loop that was given up, lateness of the
/// harness, a loss target that was missed.
///
/// # Errors
/// [`StatsError`] for a histogram that cannot be read.
pub fn findings(spec: &MeasureSpec, trials: &[&Measurement]) -> Result<Vec<Finding>, StatsError> {
    let mut out = Vec::new();
    for (trial, measurement) in trials.iter().enumerate() {
        let mut add = |gravity, text: String| out.push(Finding { gravity, trial, text });
        if let Some(barrier) = measurement.barrier.filter(|b| !b.honest) {
            add(
                Gravity::Fault,
                format!(
                    "the barrier does not wait for the work: work doubled took {:.2} times as long, and {:.3} ms were still pending behind it",
                    barrier.doubling,
                    barrier.read_back_seconds * 1e3
                ),
            );
        }
        for violation in violations(&checks(measurement)?, TOLERANCE)? {
            add(Gravity::Fault, violation.to_string());
        }
        if measurement.warmup.settled == Some(false) {
            add(Gravity::Note, "the times had not settled when warm-up ended".into());
        }
        for text in of_accelerator(measurement) {
            add(Gravity::Note, text);
        }
        if let Samples::Server { rate, queries, latency, longest_queue, lag, .. } = &measurement.samples {
            if latency.count > *queries {
                let waiting = latency.count - queries;
                let text = format!(
                    "overloaded: {waiting} queries still waited when the loop was given up, {longest_queue} at most"
                );
                add(Gravity::Note, text);
            }
            let late = if lag.count > 0 { lag.open()?.quantile(0.99)? } else { 0 };
            if late as f64 * rate > 1e9 {
                let text = format!(
                    "the harness itself issued queries late by {late} ns at the 99th percentile, more than the mean time between arrivals"
                );
                add(Gravity::Note, text);
            }
        }
        if let (Some(target), Some(last)) = (target(spec), last_evaluation(measurement))
            && last > target
        {
            add(Gravity::Note, format!("held-out loss {last:.4} misses the target of {target:.4}"));
        }
    }
    Ok(out)
}

/// What disturbed the accelerator.
fn of_accelerator(measurement: &Measurement) -> Vec<String> {
    let Some(telemetry) = &measurement.accelerator else { return Vec::new() };
    let mut notes = Vec::new();
    if let Some(why) = &telemetry.missing {
        notes.push(format!("the accelerator could not be watched: {why}"));
    }
    if let Some(errors) = telemetry.errors {
        let executions = errors.executions.filter(|n| *n > 0);
        notes.extend(
            executions.map(|n| format!("{n} executions did not end well, as the device counts them")),
        );
        let memory = errors.memory.filter(|n| *n > 0);
        notes.extend(memory.map(|n| format!("{n} memory errors of the device were not corrected")));
    }
    let reasons = telemetry.throttle_reasons();
    if !reasons.is_empty() {
        let durations = series::durations(&measurement.samples);
        let throttled = telemetry.throttled_samples(durations.iter().copied());
        let reasons = reasons.join(", ");
        notes.push(format!(
            "{throttled} of {} samples while the accelerator throttled ({reasons})",
            durations.len()
        ));
    }
    if let Some(others @ 1..) = telemetry.other_processes {
        notes.push(format!("{others} other process(es) had work on the accelerator"));
    }
    notes
}

fn target(spec: &MeasureSpec) -> Option<f64> {
    match &spec.task {
        Task::Train { evaluation: Some(evaluation), .. } => evaluation.target,
        _ => None,
    }
}

fn last_evaluation(measurement: &Measurement) -> Option<f64> {
    match &measurement.samples {
        Samples::Training { evaluations, .. } => evaluations.last().map(|point| point.loss),
        _ => None,
    }
}

/// Relations among independent readings of one trial.
fn checks(measurement: &Measurement) -> Result<Vec<Check>, StatsError> {
    let mut checks = Vec::new();
    match &measurement.samples {
        Samples::Generate { new_tokens, requests, between_tokens, .. } if !requests.is_empty() => {
            let mean = |time: &dyn Fn(usize) -> u64| {
                (0..requests.len()).map(|i| time(i) as f64).sum::<f64>() / requests.len() as f64 * 1e-9
            };
            checks.push(Check::EndToEnd {
                end_to_end: mean(&|i| requests[i].total),
                ttft: mean(&|i| requests[i].ttft),
                tpot: between_tokens.open()?.mean().unwrap_or(0.0) * 1e-9,
                tokens: *new_tokens,
            });
        }
        Samples::Server { queries, seconds, latency, longest_queue, .. } if latency.count == *queries => {
            let latency = latency.open()?.mean().unwrap_or(0.0) * 1e-9;
            let rate = if *seconds > 0.0 { *queries as f64 / seconds } else { 0.0 };
            // Little's law as far as it can be seen from here: on average no more can be in the system than ever were, waiting or served.
            let most = *longest_queue as f64 + 1.0;
            if rate * latency > most {
                checks.push(Check::LittlesLaw { rate, latency, concurrency: most });
            }
        }
        _ => {}
    }
    Ok(checks)
}

/// Whether a server run keeps a latency bound.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundVerdict {
    /// What is bounded: `latency`, `ttft` or `tpot`.
    pub what: &'static str,
    /// The bound in seconds, at the 99th percentile.
    pub bound: f64,
    /// The count of queries on either side of it, over all trials, and what MLPerf's early-stopping rule asks for.
    pub check: BoundCheck,
}

impl fmt::Display for BoundVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BoundCheck { within, over, needed_within } = self.check;
        let verdict = if self.check.passed() { "keeps" } else { "does not keep" };
        write!(
            f,
            "{} {verdict} {} s at p99: {within} queries within it and {over} over, {needed_within} within are needed",
            self.what, self.bound
        )
    }
}

/// MLPerf's early-stopping rule at the 99th percentile and 99 % confidence, applied to every bound of a server scenario; empty for other scenarios and
/// without bounds.
///
/// # Errors
/// [`StatsError`] for histograms that cannot be merged.
pub fn bound_verdicts(spec: &MeasureSpec, trials: &[&Measurement]) -> Result<Vec<BoundVerdict>, StatsError> {
    let Scenario::Server { bounds, .. } = spec.scenario else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    for (what, bound, store) in [
        ("latency", bounds.latency, Store::Latency),
        ("ttft", bounds.ttft, Store::Ttft),
        ("tpot", bounds.tpot, Store::Tpot),
    ] {
        let Some(bound) = bound else { continue };
        let mut pooled = LatencyHistogram::new()?;
        for histogram in series::histograms(trials, store) {
            pooled.merge(&histogram)?;
        }
        if pooled.count() == 0 {
            continue;
        }
        let within = pooled.count_within(nanoseconds(bound));
        let over = pooled.count() - within;
        let needed_within = queries_within(over, 0.99, MLPERF_CONFIDENCE)?;
        out.push(BoundVerdict { what, bound, check: BoundCheck { within, over, needed_within } });
    }
    Ok(out)
}
