//! Measurements of replicas that ran together, as one measurement of the whole machine.

use portbench_stats::{LatencyHistogram, StatsError};

use crate::accelerator::{AcceleratorTelemetry, DeviceErrors};
use crate::error::MeasureError;
use crate::measurement::{Histogram, Measurement, ReplicaShare, Samples, Telemetry};

/// One measurement out of those of replicas that sampled at the same time, each with the name of its device: their samples stand together and
/// [`Measurement::replicas`] says whose are whose. Rates over it are those of all replicas ([`crate::figures`]); the samples stay times of one replica. Losses and the
/// cost of measuring are the first replica's.
///
/// # Errors
/// [`MeasureError::Task`] for no measurement, for kinds of samples that differ, and for open loops, whose traffic nobody has shared out;
/// [`MeasureError::Stats`] for a histogram that cannot be read.
pub fn together(each: Vec<(String, Measurement)>) -> Result<Measurement, MeasureError> {
    let mut shares = Vec::new();
    let mut whole: Option<Measurement> = None;
    let mut telemetry = Vec::new();
    for (device, mut measurement) in each {
        telemetry.push(measurement.telemetry);
        if let Some(whole) = &mut whole {
            leave_out_first_execution(&mut measurement);
            shares.push(share(device, &measurement.samples));
            add(&mut whole.samples, measurement.samples)?;
            whole.accelerator = joined(whole.accelerator.take(), measurement.accelerator);
            whole.warmup.executions += measurement.warmup.executions;
            whole.warmup.seconds = whole.warmup.seconds.max(measurement.warmup.seconds);
            let settled = whole.warmup.settled.zip(measurement.warmup.settled);
            whole.warmup.settled = settled.map(|(a, b)| a && b);
            if measurement.barrier.is_some_and(|check| !check.honest) {
                whole.barrier = measurement.barrier;
            }
        } else {
            shares.push(share(device, &measurement.samples));
            whole = Some(measurement);
        }
    }
    let mut whole = whole.ok_or_else(|| MeasureError::Task("there is no replica".into()))?;
    whole.telemetry = sum(&telemetry);
    whole.replicas = shares;
    Ok(whole)
}

/// Of training without warm-up the first step is the first execution; the first replica's stays where figures expect it.
fn leave_out_first_execution(measurement: &mut Measurement) {
    if let Samples::Training { nanoseconds, .. } = &mut measurement.samples
        && measurement.warmup.executions == 0
        && nanoseconds.len() > 1
    {
        nanoseconds.remove(0);
    }
}

fn share(device: String, samples: &Samples) -> ReplicaShare {
    let times: Vec<u64> = match samples {
        Samples::Iterations { nanoseconds, .. } | Samples::Training { nanoseconds, .. } => {
            nanoseconds.clone()
        }
        Samples::Generate { requests, .. } => requests.iter().map(|r| r.total).collect(),
        Samples::Server { .. } => Vec::new(),
    };
    let seconds = times.iter().map(|&t| crate::clock::seconds(t)).sum();
    ReplicaShare { device, samples: times.len() as u64, seconds }
}

fn add(whole: &mut Samples, more: Samples) -> Result<(), MeasureError> {
    match (whole, more) {
        (
            Samples::Iterations { group, units, nanoseconds },
            Samples::Iterations { group: g, units: u, nanoseconds: more },
        )
        | (
            Samples::Training { group, units, nanoseconds, .. },
            Samples::Training { group: g, units: u, nanoseconds: more, .. },
        ) if *units == u => {
            // Each replica chose its own number of executions a sample.
            nanoseconds.extend(more.into_iter().map(|t| scaled(t, *group, g)));
            Ok(())
        }
        (
            Samples::Generate { batch, prompt, new_tokens, requests, between_tokens },
            Samples::Generate { batch: b, prompt: p, new_tokens: n, requests: more, between_tokens: gaps },
        ) if (*batch, *prompt, *new_tokens) == (b, p, n) => {
            requests.extend(more);
            *between_tokens = merged(between_tokens, &gaps).map_err(MeasureError::Stats)?;
            Ok(())
        }
        (Samples::Server { .. }, Samples::Server { .. }) => Err(MeasureError::Task(
            "replicas of an open loop need somebody who shares the queries out; measure them single-stream or offline"
                .into(),
        )),
        _ => Err(MeasureError::Task("the replicas did not measure the same work".into())),
    }
}

/// A time of `of` executions as one of `group`.
fn scaled(nanoseconds: u64, group: u64, of: u64) -> u64 {
    let wide = u128::from(nanoseconds) * u128::from(group) / u128::from(of.max(1));
    u64::try_from(wide).unwrap_or(u64::MAX)
}

fn merged(a: &Histogram, b: &Histogram) -> Result<Histogram, StatsError> {
    let mut both: LatencyHistogram = a.open()?;
    both.merge(&b.open()?)?;
    Histogram::of(&both)
}

/// Energy, memory, errors and other processes of both, the time of the longer, and the readings of the first.
fn joined(
    first: Option<AcceleratorTelemetry>,
    second: Option<AcceleratorTelemetry>,
) -> Option<AcceleratorTelemetry> {
    let (mut both, second) = (first?, second?);
    both.seconds = both.seconds.max(second.seconds);
    both.energy_joules = both.energy_joules.zip(second.energy_joules).map(|(a, b)| a + b);
    both.memory_bytes = both.memory_bytes.zip(second.memory_bytes).map(|(a, b)| a + b);
    both.other_processes = both.other_processes.zip(second.other_processes).map(|(a, b)| a + b);
    both.errors = both.errors.zip(second.errors).map(|(a, b)| DeviceErrors {
        executions: a.executions.zip(b.executions).map(|(a, b)| a.saturating_add(b)),
        // Cores of one chip each count all errors of it.
        memory: a.memory.max(b.memory),
    });
    Some(both)
}

/// Memory and processor time of all; what is known of each alone is unknown of all.
fn sum(each: &[Telemetry]) -> Telemetry {
    let total = |get: &dyn Fn(&Telemetry) -> Option<u64>| each.iter().map(get).sum::<Option<u64>>();
    let cores: Option<f64> = each.iter().map(|t| t.cpu_cores).sum();
    // To one replica the others are part of the load around it.
    let around = each.first().and_then(|t| Some(t.other_load_cores? + t.cpu_cores?));
    Telemetry {
        cpu_cores: cores,
        other_load_cores: around.zip(cores).map(|(all, own)| (all - own).max(0.0)),
        peak_rss_bytes: total(&|t| t.peak_rss_bytes),
        rss_bytes: total(&|t| t.rss_bytes),
        available_memory_bytes: each.iter().filter_map(|t| t.available_memory_bytes).min(),
    }
}
