//! An open loop of queries.

use portbench_backend::HostTensor;
use portbench_backend::generate::Stream;
use portbench_stats::LatencyHistogram;

use crate::barrier;
use crate::clock::{nanoseconds, seconds};
use crate::error::MeasureError;
use crate::measurement::{Histogram, Samples};
use crate::scenario::Sampled;
use crate::scenario::generate::Requests;
use crate::session::{Execution, Session, Stage};
use crate::spec::Task;
use crate::telemetry::Probe;

/// Times of a Poisson process, in nanoseconds from its start: the gaps are exponential, `-ln(u) / rate`.
#[derive(Clone, Debug)]
struct Arrivals {
    stream: Stream,
    drawn: u64,
    at: f64,
    mean_gap: f64,
}

impl Arrivals {
    fn new(stream: Stream, rate: f64) -> Self {
        Self { stream, drawn: 0, at: 0.0, mean_gap: 1e9 / rate }
    }

    #[inline]
    fn next(&mut self) -> u64 {
        // In (0, 1], so that the logarithm is finite.
        let u = ((self.stream.draw(self.drawn) >> 11) + 1) as f64 * (1.0 / (1u64 << 53) as f64);
        self.drawn += 1;
        self.at -= u.ln() * self.mean_gap;
        self.at as u64
    }
}

/// A loop that falls behind its schedule is ended after so many times the time asked for.
const PATIENCE: u64 = 4;

/// A queue longer than this is not counted further: where arrivals come faster than they can be drawn, counting them would be all that the loop does.
const LONGEST_QUEUE: u64 = 1 << 20;

/// Time between the set-up of the loop and its first possible arrival, nanoseconds.
const LEAD: u64 = 1_000_000;

/// What one query does.
trait Queries {
    /// Answers a query that was due at `due`; returns the time of completion.
    fn answer(&mut self, session: &mut Session<'_>, due: u64) -> Result<u64, MeasureError>;
}

struct Forward<'a>(Execution<'a>);

impl Queries for Forward<'_> {
    #[inline]
    fn answer(&mut self, session: &mut Session<'_>, _: u64) -> Result<u64, MeasureError> {
        self.0.once(session.executable)?;
        Ok(session.clock.now())
    }
}

struct Generate<'a> {
    requests: &'a Requests<'a>,
    prompt: Vec<(&'a str, &'a HostTensor)>,
    gaps: Vec<u64>,
    ttft: LatencyHistogram,
    tpot: LatencyHistogram,
}

impl Queries for Generate<'_> {
    fn answer(&mut self, session: &mut Session<'_>, due: u64) -> Result<u64, MeasureError> {
        let sample =
            self.requests.run(session.executable, session.clock, &self.prompt, Some(due), &mut self.gaps)?;
        self.ttft.record(sample.ttft)?;
        if !self.gaps.is_empty() {
            self.tpot.record((sample.total - sample.ttft) / self.gaps.len() as u64)?;
        }
        Ok(due + sample.total)
    }
}

/// What the loop saw.
struct Seen {
    queries: u64,
    seconds: f64,
    latency: LatencyHistogram,
    lag: LatencyHistogram,
    longest_queue: u64,
}

pub(crate) fn measure(session: &mut Session<'_>, rate: f64) -> Result<Sampled, MeasureError> {
    if !(rate.is_finite() && rate > 0.0) {
        return Err(MeasureError::Task(format!("a server scenario needs a rate above 0, not {rate}")));
    }
    match &session.spec.task {
        Task::Forward { entry, units } => forward(session, entry, *units, rate),
        _ => generate(session, rate),
    }
}

fn forward(session: &mut Session<'_>, entry: &str, units: u64, rate: f64) -> Result<Sampled, MeasureError> {
    let (id, graph, batch) = Execution::prepare(session, entry)?;
    let execution = Execution::new(id, graph, &batch, session.spec.boundary);
    let (first_execute, ()) = session.first(|s| {
        execution.bind(s.executable)?;
        execution.once(s.executable)
    })?;
    let barrier = barrier::check(session.executable, graph, id, session.clock)?.check;
    let warm = session.warm_up(|s| execution.once(s.executable))?;
    session.begin(Stage::Sampling);
    let probe = Probe::start(session.clock);
    let seen = open_loop(session, &mut Forward(execution), rate)?;
    let telemetry = probe.finish(session.clock);
    let samples = Samples::Server {
        units,
        rate,
        queries: seen.queries,
        seconds: seen.seconds,
        latency: Histogram::of(&seen.latency)?,
        lag: Histogram::of(&seen.lag)?,
        ttft: None,
        tpot: None,
        longest_queue: seen.longest_queue,
    };
    Ok(Sampled { first_execute, warmup: warm.report, barrier, samples, telemetry })
}

fn generate(session: &mut Session<'_>, rate: f64) -> Result<Sampled, MeasureError> {
    let requests = Requests::prepare(session)?;
    let mut queries = Generate {
        requests: &requests,
        prompt: requests.prompt(),
        gaps: Vec::with_capacity(requests.new_tokens()),
        ttft: LatencyHistogram::new()?,
        tpot: LatencyHistogram::new()?,
    };
    let decoder = requests.decoder();
    let (first_execute, ()) = session.first(|s| {
        s.executable.reset_state()?;
        decoder.read_prompt(s.executable, &queries.prompt)?;
        Ok(s.executable.synchronize()?)
    })?;
    let graph = &session.program.entries[decoder.prefill.0];
    let barrier = barrier::check(session.executable, graph, decoder.prefill, session.clock)?.check;
    let warm = session.warm_up(|s| {
        requests.run(s.executable, s.clock, &queries.prompt, None, &mut queries.gaps).map(|_| ())
    })?;
    session.begin(Stage::Sampling);
    let probe = Probe::start(session.clock);
    let seen = open_loop(session, &mut queries, rate)?;
    let telemetry = probe.finish(session.clock);
    let samples = Samples::Server {
        units: (decoder.batch * requests.new_tokens()) as u64,
        rate,
        queries: seen.queries,
        seconds: seen.seconds,
        latency: Histogram::of(&seen.latency)?,
        lag: Histogram::of(&seen.lag)?,
        ttft: Some(Histogram::of(&queries.ttft)?),
        tpot: (queries.tpot.count() > 0).then(|| Histogram::of(&queries.tpot)).transpose()?,
        longest_queue: seen.longest_queue,
    };
    Ok(Sampled { first_execute, warmup: warm.report, barrier, samples, telemetry })
}

/// Answers queries in order of arrival until the schedule has lasted as long, and held as many, as sampling asks for. Queries that still wait when the loop is
/// given up are not answered; the time they have waited so far enters the latencies, so that giving up does not make them look better.
fn open_loop(session: &mut Session<'_>, queries: &mut impl Queries, rate: f64) -> Result<Seen, MeasureError> {
    let clock = session.clock;
    let sampling = session.spec.sampling;
    let horizon = nanoseconds(sampling.seconds);
    let (min, max) = (sampling.min_samples, sampling.max_samples.max(1));
    let give_up = horizon.saturating_mul(PATIENCE).max(LEAD);
    let mut schedule = Arrivals::new(session.feeder.arrivals(), rate);
    // Runs ahead of the queries answered to count those that have arrived.
    let mut arrivals = schedule.clone();
    let (mut arrived, mut next_arrival) = (0u64, arrivals.next());
    let mut seen = Seen {
        queries: 0,
        seconds: 0.0,
        latency: LatencyHistogram::new()?,
        lag: LatencyHistogram::new()?,
        longest_queue: 0,
    };
    let mut due = schedule.next();
    let first_due = due;
    let origin = clock.now() + LEAD;
    let mut now = clock.now();
    loop {
        let scheduled = origin + due;
        let free = now < scheduled;
        if free {
            now = clock.wait_until(scheduled);
            seen.lag.record(now - scheduled)?;
        }
        let elapsed = now - origin;
        while next_arrival <= elapsed && arrived - seen.queries < LONGEST_QUEUE {
            arrived += 1;
            next_arrival = arrivals.next();
        }
        let waiting = (arrived - seen.queries).saturating_sub(u64::from(free));
        seen.longest_queue = seen.longest_queue.max(waiting);
        now = queries.answer(session, scheduled)?;
        seen.latency.record(now - scheduled)?;
        seen.queries += 1;
        due = schedule.next();
        let answered = seen.queries;
        if answered >= max || (answered >= min && due >= horizon) {
            break;
        }
        let elapsed = now - origin;
        if elapsed >= give_up && due < elapsed {
            while due < elapsed && (due < horizon || answered < min) {
                seen.latency.record(elapsed - due)?;
                due = schedule.next();
            }
            break;
        }
        session.pace(now, Stage::Sampling, || {
            let time = due as f64 / horizon.max(1) as f64;
            (Some(time.min(1.0)), Some(format!("{answered} queries, {waiting} waiting")))
        });
    }
    seen.seconds = seconds(now - origin - first_due);
    Ok(seen)
}
