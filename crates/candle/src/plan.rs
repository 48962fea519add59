//! An entry as it runs: a flat list of steps over a table of slots.

use candle_core::Tensor;
use portbench_backend::BackendError;
use portbench_graph::Type;
use smallvec::SmallVec;

use crate::error;
use crate::kernels::{Context, HostScalar, Kernel};

/// One kernel call.
pub(crate) struct Step {
    pub(crate) kernel: Kernel,
    /// Slots of the operands.
    pub(crate) args: SmallVec<[u32; 4]>,
    /// Slot of the result.
    pub(crate) out: u32,
    /// Slots that nothing reads after this step.
    pub(crate) dead: SmallVec<[u32; 4]>,
    /// Op name and scope of the node, for errors.
    pub(crate) label: (&'static str, Box<str>),
}

/// An input and its slot.
pub(crate) struct InputSlot {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) slot: usize,
}

/// An output, its slot, and its value after an execution.
pub(crate) struct OutputSlot {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) slot: usize,
    /// Whether the value shares memory with something a later execution writes in place.
    pub(crate) copy: bool,
    pub(crate) value: Option<Tensor>,
}

/// How a state takes its new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// It was written in place.
    Done,
    /// The value becomes the state.
    Move,
    /// A copy of the value becomes the state, because the value shares memory with something else.
    Copy,
}

/// A state written at the end of an execution.
pub(crate) struct UpdateSlot {
    pub(crate) state: usize,
    pub(crate) slot: usize,
    pub(crate) write: Write,
}

/// One entry.
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
    /// Values by node; constants, parameters and bound inputs stay, everything else lives from its step to its last use.
    pub(crate) slots: Vec<Option<Tensor>>,
    /// Host values of bound scalar inputs, by slot.
    pub(crate) scalars: Vec<HostScalar>,
    pub(crate) inputs: Vec<InputSlot>,
    /// Slots that read a state, and its index.
    pub(crate) states: Vec<(usize, usize)>,
    pub(crate) outputs: Vec<OutputSlot>,
    pub(crate) updates: Vec<UpdateSlot>,
    /// Slots of computed values that outlive the last step.
    pub(crate) remaining: Vec<usize>,
    pub(crate) context: Context,
}

impl Plan {
    /// Runs every step. Afterwards the slots of outputs and updates hold their values.
    pub(crate) fn run(&mut self, states: &[Tensor]) -> Result<(), BackendError> {
        for input in &self.inputs {
            if self.slots[input.slot].is_none() {
                return Err(BackendError::Input {
                    entry: self.name.clone(),
                    input: input.name.clone(),
                    message: "is not bound".into(),
                });
            }
        }
        for output in &mut self.outputs {
            output.value = None;
        }
        self.context.masks.begin();
        for &(slot, state) in &self.states {
            self.slots[slot] = Some(states[state].clone());
        }
        for step in &self.steps {
            let scalar = step.kernel.host_operand().and_then(|i| self.scalars[step.args[i] as usize]);
            let result = {
                let mut args: SmallVec<[&Tensor; 8]> = SmallVec::with_capacity(step.args.len());
                for &arg in &step.args {
                    match &self.slots[arg as usize] {
                        Some(value) => args.push(value),
                        None => return Err(lost(&self.name, step, arg)),
                    }
                }
                step.kernel.run(&args, scalar, &mut self.context)
            };
            self.slots[step.out as usize] = Some(result.map_err(error::placed(|| place(&self.name, step)))?);
            for &dead in &step.dead {
                self.slots[dead as usize] = None;
            }
        }
        Ok(())
    }

    /// Takes outputs and new states out of the slots.
    pub(crate) fn finish(&mut self, states: &mut [Tensor]) -> Result<(), BackendError> {
        let entry = &self.name;
        let failed = |what: &str| format!("entry `{entry}`, {what}");
        for output in &mut self.outputs {
            let Some(value) = &self.slots[output.slot] else { continue };
            let value = value.detach();
            output.value = Some(if output.copy {
                value.force_contiguous().map_err(error::placed(|| failed(&output.name)))?
            } else {
                value
            });
        }
        for update in &self.updates {
            let Some(value) = &self.slots[update.slot] else { continue };
            let value = value.detach();
            match update.write {
                Write::Done => {}
                Write::Move => {
                    states[update.state] = value.contiguous().map_err(error::placed(|| failed("state")))?;
                }
                Write::Copy => {
                    states[update.state] =
                        value.force_contiguous().map_err(error::placed(|| failed("state")))?;
                }
            }
        }
        for &slot in &self.remaining {
            self.slots[slot] = None;
        }
        for &(slot, _) in &self.states {
            self.slots[slot] = None;
        }
        Ok(())
    }
}

/// Where a step stands, for errors.
fn place(entry: &str, step: &Step) -> String {
    let (op, scope) = &step.label;
    if scope.is_empty() {
        format!("entry `{entry}`, node {} ({op})", step.out)
    } else {
        format!("entry `{entry}`, node {} ({op} in {scope})", step.out)
    }
}

/// A value that the plan dropped too early: a mistake of this crate, reported instead of a panic.
fn lost(entry: &str, step: &Step, arg: u32) -> BackendError {
    BackendError::Value {
        place: place(entry, step),
        message: format!("operand {arg} was dropped before its last use; please report this program"),
    }
}
