//! The parity execution.

use indexmap::IndexMap;
use portbench_backend::{EntryId, Executable, HostTensor, ParamSource};
use portbench_graph::{DType, Program, Type};

use crate::corpus::Split;
use crate::decode::Decoder;
use crate::error::MeasureError;
use crate::feed::{Feeder, TOKENS};
use crate::spec::{Inputs, ParityTask};

/// Executes what a [`ParityTask`] says, untimed, and returns what is to be compared, by name and in order. Decode steps count from 1.
///
/// `params` is what the program was compiled with. It is used where a parameter's value before the step is needed.
///
/// # Errors
/// As [`Feeder::batch`]; [`MeasureError::Task`] for a program that the task does not fit; [`MeasureError::Backend`].
pub fn execute_parity(
    executable: &mut dyn Executable,
    program: &Program,
    params: &ParamSource,
    inputs: &Inputs,
    task: &ParityTask,
) -> Result<IndexMap<String, HostTensor>, MeasureError> {
    let feeder = Feeder::open(inputs)?;
    executable.reset_state()?;
    match task {
        ParityTask::Forward { entry } => {
            let entry = EntryId::of(program, entry)?;
            execute(executable, program, &feeder, entry)?;
            let mut out = IndexMap::new();
            collect(executable, program, entry, "", &mut out)?;
            Ok(out)
        }
        ParityTask::Generate { prefill, decode, prompt, steps } => {
            let decoder = Decoder::new(program, prefill, decode)?;
            if decoder.prompt as u64 != *prompt {
                return Err(MeasureError::Task(format!(
                    "entry `{prefill}` reads {} tokens a row, the task says {prompt}",
                    decoder.prompt
                )));
            }
            forced(executable, program, &feeder, &decoder, *steps)
        }
        ParityTask::Greedy { prefill, decode, new_tokens } => {
            let decoder = Decoder::new(program, prefill, decode)?;
            decoder.check_next()?;
            let tokens = greedy(executable, &feeder, &decoder, *new_tokens as usize)?;
            Ok(IndexMap::from([("greedy".to_owned(), tokens)]))
        }
        ParityTask::Train { entry, loss } => gradient(executable, program, params, &feeder, entry, loss),
    }
}

fn execute(
    executable: &mut dyn Executable,
    program: &Program,
    feeder: &Feeder,
    entry: EntryId,
) -> Result<(), MeasureError> {
    let batch = feeder.batch(&program.entries[entry.0], 0, Split::Training)?;
    executable.bind(entry, &batch.refs())?;
    executable.execute(entry)?;
    Ok(executable.synchronize()?)
}

fn collect(
    executable: &mut dyn Executable,
    program: &Program,
    entry: EntryId,
    prefix: &str,
    out: &mut IndexMap<String, HostTensor>,
) -> Result<(), MeasureError> {
    for (name, _) in &program.entries[entry.0].outputs {
        out.insert(format!("{prefix}{name}"), executable.fetch(entry, name)?);
    }
    Ok(())
}

/// Decoding of given tokens.
fn forced(
    executable: &mut dyn Executable,
    program: &Program,
    feeder: &Feeder,
    decoder: &Decoder<'_>,
    steps: u64,
) -> Result<IndexMap<String, HostTensor>, MeasureError> {
    let mut out = IndexMap::new();
    execute(executable, program, feeder, decoder.prefill)?;
    collect(executable, program, decoder.prefill, "prefill.", &mut out)?;
    decoder.bind_rest(executable, feeder)?;
    let ty = Type::new(DType::I64, [decoder.batch, 1]);
    for n in 1..=steps {
        let tokens = feeder.tensor(&decoder.decode_graph.name, TOKENS, &ty, n, Split::Training)?;
        decoder.step(executable, &tokens, decoder.prompt + n as usize - 1)?;
        collect(executable, program, decoder.decode, &format!("decode.{n}."), &mut out)?;
    }
    Ok(out)
}

/// `[batch, new_tokens]` tokens.
fn greedy(
    executable: &mut dyn Executable,
    feeder: &Feeder,
    decoder: &Decoder<'_>,
    new_tokens: usize,
) -> Result<HostTensor, MeasureError> {
    let prompt = decoder.prompt(feeder)?;
    decoder.bind_rest(executable, feeder)?;
    let mut columns = Vec::with_capacity(new_tokens);
    let mut last = None;
    for written in 0..new_tokens {
        let next = match last.take() {
            None => decoder.read_prompt(executable, &prompt.refs())?,
            Some(last) => decoder.next(executable, last, written)?,
        };
        columns.push(next.to_i64());
        last = Some(next);
    }
    let rows = (0..decoder.batch).flat_map(|row| columns.iter().map(move |column| column[row]));
    let rows: Vec<i64> = rows.collect();
    Ok(HostTensor::from_i64(&[decoder.batch, new_tokens], &rows)?)
}

/// Loss, and how far every trainable parameter moved, downwards.
fn gradient(
    executable: &mut dyn Executable,
    program: &Program,
    params: &ParamSource,
    feeder: &Feeder,
    entry: &str,
    loss: &str,
) -> Result<IndexMap<String, HostTensor>, MeasureError> {
    let entry = EntryId::of(program, entry)?;
    execute(executable, program, feeder, entry)?;
    let loss_value = executable.fetch(entry, loss)?;
    let mut source = params.open()?;
    let mut moves = Vec::new();
    for param in program.params.iter().filter(|p| p.trainable) {
        let before = source.load(param)?.to_f64();
        let after = executable.fetch_param(&param.name)?.to_f64();
        moves.extend(before.iter().zip(&after).map(|(b, a)| b - a));
    }
    let ty = Type::new(DType::F64, [moves.len()]);
    let gradient = HostTensor::from_f64(ty, &moves)?;
    Ok(IndexMap::from([("loss".to_owned(), loss_value), ("gradient".to_owned(), gradient)]))
}
