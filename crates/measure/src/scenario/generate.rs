//! Generate requests.

use portbench_backend::HostTensor;
use portbench_stats::LatencyHistogram;

use crate::barrier;
use crate::clock::Clock;
use crate::decode::Decoder;
use crate::error::MeasureError;
use crate::feed::Batch;
use crate::measurement::{GenerateSample, Histogram, Samples};
use crate::scenario::Sampled;
use crate::session::{Session, Stage, Until};
use crate::spec::Task;
use crate::telemetry::Probe;

/// Everything a request needs.
pub(crate) struct Requests<'a> {
    decoder: Decoder<'a>,
    prompt: Batch,
    new_tokens: usize,
}

impl<'a> Requests<'a> {
    /// Resolves and checks a [`Task::Generate`]; binds what no request changes.
    pub(crate) fn prepare(session: &mut Session<'a>) -> Result<Self, MeasureError> {
        let Task::Generate { prefill, decode, batch, prompt, new_tokens } = &session.spec.task else {
            return Err(MeasureError::Task("generate requests of a task that does not generate".into()));
        };
        let decoder = Decoder::new(session.program, prefill, decode)?;
        decoder.check_next()?;
        if (decoder.batch as u64, decoder.prompt as u64) != (*batch, *prompt) {
            return Err(MeasureError::Task(format!(
                "the task says {batch} rows of {prompt} tokens, entry `{prefill}` reads {} rows of {}",
                decoder.batch, decoder.prompt
            )));
        }
        if *new_tokens == 0 {
            return Err(MeasureError::Task("no token is to be written".into()));
        }
        decoder.bind_rest(session.executable, &session.feeder)?;
        let prompt = decoder.prompt(&session.feeder)?;
        Ok(Self { decoder, prompt, new_tokens: *new_tokens as usize })
    }

    pub(crate) fn decoder(&self) -> &Decoder<'a> {
        &self.decoder
    }

    pub(crate) fn new_tokens(&self) -> usize {
        self.new_tokens
    }

    /// The prompt as it is bound.
    pub(crate) fn prompt(&self) -> Vec<(&str, &HostTensor)> {
        self.prompt.refs()
    }

    /// One request. Its times count from `start`, or from where its timer starts, which is after the state was cleared. The times between tokens are put
    /// into `gaps`.
    pub(crate) fn run(
        &self,
        executable: &mut dyn portbench_backend::Executable,
        clock: &dyn Clock,
        prompt: &[(&str, &HostTensor)],
        start: Option<u64>,
        gaps: &mut Vec<u64>,
    ) -> Result<GenerateSample, MeasureError> {
        gaps.clear();
        executable.reset_state()?;
        executable.synchronize()?;
        let start = start.unwrap_or_else(|| clock.now());
        let mut last = self.decoder.read_prompt(executable, prompt)?;
        let first = clock.now();
        let mut before = first;
        for written in 1..self.new_tokens {
            last = self.decoder.next(executable, last, written)?;
            let now = clock.now();
            gaps.push(now - before);
            before = now;
        }
        Ok(GenerateSample { ttft: first - start, total: before - start })
    }
}

pub(crate) fn measure(session: &mut Session<'_>) -> Result<Sampled, MeasureError> {
    let requests = Requests::prepare(session)?;
    let prompt = requests.prompt();
    let mut gaps = Vec::with_capacity(requests.new_tokens);
    let (first_execute, ()) = session.first(|s| {
        s.executable.reset_state()?;
        requests.decoder.read_prompt(s.executable, &prompt)?;
        Ok(s.executable.synchronize()?)
    })?;
    let prefill = requests.decoder.prefill;
    let graph = &session.program.entries[prefill.0];
    let barrier = barrier::check(session.executable, graph, prefill, session.clock)?.check;
    let warm =
        session.warm_up(|s| requests.run(s.executable, s.clock, &prompt, None, &mut gaps).map(|_| ()))?;
    session.begin(Stage::Sampling);
    let clock = session.clock;
    let probe = Probe::start(clock);
    let until = Until::new(&session.spec.sampling, clock.now());
    let mut samples = Vec::with_capacity(until.room(warm.typical));
    let mut between = LatencyHistogram::new()?;
    loop {
        samples.push(requests.run(session.executable, clock, &prompt, None, &mut gaps)?);
        for &gap in &gaps {
            between.record(gap)?;
        }
        let (count, now) = (samples.len() as u64, clock.now());
        if until.over(count, now) {
            break;
        }
        session.pace(now, Stage::Sampling, || (until.fraction(count, now), None));
    }
    let telemetry = probe.finish(clock);
    let samples = Samples::Generate {
        batch: requests.decoder.batch as u64,
        prompt: requests.decoder.prompt as u64,
        new_tokens: requests.new_tokens as u64,
        requests: samples,
        between_tokens: Histogram::of(&between)?,
    };
    Ok(Sampled { first_execute, warmup: warm.report, barrier, samples, telemetry })
}
