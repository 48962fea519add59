//! Greedy decoding: what the timed loop and the parity execution share.

use portbench_backend::{EntryId, Executable, HostTensor};
use portbench_graph::{DType, Graph, Program, Type};

use crate::corpus::Split;
use crate::error::MeasureError;
use crate::feed::{Batch, Feeder, POSITION, TOKENS};

/// Output that holds each row's next token.
pub(crate) const NEXT: &str = "next";

/// The two entries of generation, checked against each other.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    pub(crate) prefill: EntryId,
    pub(crate) decode: EntryId,
    prefill_graph: &'a Graph,
    pub(crate) decode_graph: &'a Graph,
    pub(crate) batch: usize,
    pub(crate) prompt: usize,
}

fn entry<'a>(program: &'a Program, name: &str) -> Result<(EntryId, &'a Graph), MeasureError> {
    let id = EntryId::of(program, name)?;
    Ok((id, &program.entries[id.0]))
}

fn input<'a>(graph: &'a Graph, name: &str) -> Result<&'a Type, MeasureError> {
    let found = graph.inputs().find(|(known, _)| *known == name);
    let missing = || MeasureError::Task(format!("entry `{}` has no input `{name}`", graph.name));
    found.map(|(_, ty)| ty).ok_or_else(missing)
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(program: &'a Program, prefill: &str, decode: &str) -> Result<Self, MeasureError> {
        let (prefill, prefill_graph) = entry(program, prefill)?;
        let (decode, decode_graph) = entry(program, decode)?;
        let ids = input(prefill_graph, TOKENS)?;
        let &[batch, prompt] = ids.dims() else {
            return Err(MeasureError::Task(format!(
                "`{TOKENS}` of entry `{}` is {ids}, not [batch, prompt]",
                prefill_graph.name
            )));
        };
        let expect = |what: &str, got: &Type, wanted: Type| {
            let message = format!("{what} is {got}, decoding needs {wanted}");
            if *got == wanted { Ok(()) } else { Err(MeasureError::Task(message)) }
        };
        let step = input(decode_graph, TOKENS)?;
        expect(
            &format!("`{TOKENS}` of entry `{}`", decode_graph.name),
            step,
            Type::new(DType::I64, [batch, 1]),
        )?;
        let position = input(decode_graph, POSITION)?;
        expect(
            &format!("`{POSITION}` of entry `{}`", decode_graph.name),
            position,
            Type::scalar(DType::I64),
        )?;
        Ok(Self { prefill, decode, prefill_graph, decode_graph, batch, prompt })
    }

    /// Checks that both entries say which token comes next.
    pub(crate) fn check_next(&self) -> Result<(), MeasureError> {
        let wanted = Type::new(DType::I64, [self.batch]);
        for graph in [self.prefill_graph, self.decode_graph] {
            if graph.output(NEXT) != Some(&wanted) {
                return Err(MeasureError::Task(format!(
                    "entry `{}` has no output `{NEXT}` of {wanted}, which greedy decoding feeds back",
                    graph.name
                )));
            }
        }
        Ok(())
    }

    /// The prompt and whatever else the prefill entry reads.
    pub(crate) fn prompt(&self, feeder: &Feeder) -> Result<Batch, MeasureError> {
        feeder.batch(self.prefill_graph, 0, Split::Training)
    }

    /// Binds what the decode entry reads besides token and position; it stays bound.
    pub(crate) fn bind_rest(
        &self,
        executable: &mut dyn Executable,
        feeder: &Feeder,
    ) -> Result<(), MeasureError> {
        let rest = feeder.batch_without(self.decode_graph, 0, Split::Training, &[TOKENS, POSITION])?;
        Ok(executable.bind(self.decode, &rest.refs())?)
    }

    /// Reads the prompt; the first new token of each row is then `next` of the prefill entry.
    pub(crate) fn read_prompt(
        &self,
        executable: &mut dyn Executable,
        prompt: &[(&str, &HostTensor)],
    ) -> Result<HostTensor, MeasureError> {
        executable.bind(self.prefill, prompt)?;
        executable.execute(self.prefill)?;
        Ok(executable.fetch(self.prefill, NEXT)?)
    }

    /// Feeds a token a row at a position.
    pub(crate) fn step(
        &self,
        executable: &mut dyn Executable,
        tokens: &HostTensor,
        position: usize,
    ) -> Result<(), MeasureError> {
        let position = HostTensor::scalar_i64(position as i64);
        executable.bind(self.decode, &[(TOKENS, tokens), (POSITION, &position)])?;
        Ok(executable.execute(self.decode)?)
    }

    /// The tokens after `last`, which stood at the end of the `written`-th new token (from 1).
    pub(crate) fn next(
        &self,
        executable: &mut dyn Executable,
        last: HostTensor,
        written: usize,
    ) -> Result<HostTensor, MeasureError> {
        let tokens = last.reshape(&[self.batch, 1])?;
        self.step(executable, &tokens, self.prompt + written - 1)?;
        Ok(executable.fetch(self.decode, NEXT)?)
    }
}
