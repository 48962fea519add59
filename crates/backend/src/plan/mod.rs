//! An entry as a library runs it op by op: a flat list of prepared kernels over a table of slots.
//!
//! For backends over a tensor library that computes eagerly. Values are dropped after their last use, what depends on constants alone is computed once,
//! and a state's update is written in place where no view of the old value is read afterwards.

mod compile;
mod executable;
mod join;
mod library;
mod ranges;

use portbench_graph::{DType, Type};
use smallvec::SmallVec;

use crate::error::BackendError;
use crate::tensor::HostTensor;

pub use executable::{PlannedExecutable, Trainer, training_entry, trains};
pub use join::{Join, Joined, join_products};
pub use library::Library;

use ranges::Ranges;

/// One kernel call.
struct Step<L: Library> {
    kernel: L::Kernel,
    /// Slots of the operands.
    args: SmallVec<[u32; 4]>,
    /// Slot of the result.
    out: u32,
    /// Slots that nothing reads after this step.
    dead: SmallVec<[u32; 4]>,
    /// Op name and scope of the node, for errors.
    label: (&'static str, Box<str>),
}

/// An input and its slot.
struct InputSlot {
    name: String,
    ty: Type,
    slot: usize,
}

/// An output, its slot, and its value after an execution.
struct OutputSlot<L: Library> {
    name: String,
    ty: Type,
    slot: usize,
    /// Whether the value shares memory with something a later execution writes in place.
    copy: bool,
    value: Option<L::Tensor>,
}

/// How a state takes its new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    /// It was written in place.
    Done,
    /// The value becomes the state.
    Move,
    /// A copy of the value becomes the state, because the value shares memory with something else.
    Copy,
}

/// A state written at the end of an execution.
struct UpdateSlot {
    state: usize,
    slot: usize,
    write: Write,
}

/// One entry, ready to run.
pub struct Plan<L: Library> {
    name: String,
    steps: Vec<Step<L>>,
    /// Values by node; constants, parameters and bound inputs stay, everything else lives from its step to its last use.
    slots: Vec<Option<L::Tensor>>,
    /// Host values of bound scalar inputs, by slot.
    scalars: Vec<Option<i64>>,
    inputs: Vec<InputSlot>,
    /// Slots that read a state, and its index.
    states: Vec<(usize, usize)>,
    outputs: Vec<OutputSlot<L>>,
    updates: Vec<UpdateSlot>,
    /// Slots of computed values that outlive the last step.
    remaining: Vec<usize>,
    context: L::Context,
    /// What indices are held against before they reach the device; nothing where the library does that.
    ranges: Ranges,
}

impl<L: Library> Plan<L> {
    /// Name of the entry.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Binds inputs: copies them to the device.
    ///
    /// # Errors
    /// [`BackendError::Input`] for an unknown name or another type than declared; the library's.
    pub fn bind(&mut self, library: &L, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        for (name, value) in inputs {
            let wrong = |message: String| BackendError::Input {
                entry: self.name.clone(),
                input: (*name).to_owned(),
                message,
            };
            let Some(input) = self.inputs.iter().find(|i| i.name == *name) else {
                let known: Vec<&str> = self.inputs.iter().map(|i| i.name.as_str()).collect();
                return Err(wrong(format!("is unknown; the entry takes {}", known.join(", "))));
            };
            if *value.ty() != input.ty {
                return Err(wrong(format!("is {}, the program takes {}", value.ty(), input.ty)));
            }
            self.ranges.bind(name, value);
            let slot = input.slot;
            self.scalars[slot] = if value.ty().dtype == DType::I64 && value.dims().is_empty() {
                value.to_i64().first().copied()
            } else {
                None
            };
            let uploaded = library
                .upload(value)
                .map_err(|e| L::error(format!("input `{name}` of entry `{}`", self.name), e))?;
            self.slots[slot] = Some(uploaded);
        }
        Ok(())
    }

    /// Runs every step. Afterwards [`Plan::value`] tells what was computed, until [`Plan::finish`] takes it.
    ///
    /// # Errors
    /// [`BackendError::Input`] for an input that is not bound, [`BackendError::Value`] for an index that is out of range, the library's errors with the node they came from.
    pub fn run(&mut self, states: &[L::Tensor]) -> Result<(), BackendError> {
        for input in &self.inputs {
            if self.slots[input.slot].is_none() {
                return Err(BackendError::Input {
                    entry: self.name.clone(),
                    input: input.name.clone(),
                    message: "is not bound".into(),
                });
            }
        }
        self.ranges.check(&self.name)?;
        for output in &mut self.outputs {
            output.value = None;
        }
        L::begin(&mut self.context);
        for &(slot, state) in &self.states {
            self.slots[slot] = Some(L::share(&states[state]));
        }
        for step in &self.steps {
            let scalar = L::host_operand(&step.kernel).and_then(|i| self.scalars[step.args[i] as usize]);
            let result = {
                let mut args: SmallVec<[&L::Tensor; 8]> = SmallVec::with_capacity(step.args.len());
                for &arg in &step.args {
                    match &self.slots[arg as usize] {
                        Some(value) => args.push(value),
                        None => return Err(lost(&self.name, step, arg)),
                    }
                }
                L::run(&step.kernel, &args, scalar, &mut self.context)
            };
            self.slots[step.out as usize] = Some(result.map_err(|e| L::error(place(&self.name, step), e))?);
            for &dead in &step.dead {
                self.slots[dead as usize] = None;
            }
        }
        Ok(())
    }

    /// The value of an output that [`Plan::run`] has just computed, still followed by autograd.
    #[must_use]
    pub fn value(&self, output: &str) -> Option<&L::Tensor> {
        let found = self.outputs.iter().find(|o| o.name == output)?;
        self.slots[found.slot].as_ref()
    }

    /// Takes outputs and new states out of the slots.
    ///
    /// # Errors
    /// The library's.
    pub fn finish(&mut self, states: &mut [L::Tensor]) -> Result<(), BackendError> {
        let entry = &self.name;
        let failed = |what: &str| {
            let place = format!("entry `{entry}`, {what}");
            move |e| L::error(place, e)
        };
        for output in &mut self.outputs {
            let Some(value) = &self.slots[output.slot] else { continue };
            let value = L::detach(value);
            output.value =
                Some(if output.copy { L::copy(&value).map_err(failed(&output.name))? } else { value });
        }
        for update in &self.updates {
            let Some(value) = &self.slots[update.slot] else { continue };
            let value = L::detach(value);
            match update.write {
                Write::Done => {}
                Write::Move => states[update.state] = L::contiguous(value).map_err(failed("state"))?,
                Write::Copy => states[update.state] = L::copy(&value).map_err(failed("state"))?,
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

    /// An output of the latest execution, and its declared type.
    ///
    /// # Errors
    /// [`BackendError::Output`] for an unknown name or an entry that has not run.
    pub fn output(&self, name: &str) -> Result<(&L::Tensor, &Type), BackendError> {
        let wrong = |message: String| BackendError::Output { name: name.to_owned(), message };
        let Some(found) = self.outputs.iter().find(|o| o.name == name) else {
            let known: Vec<&str> = self.outputs.iter().map(|o| o.name.as_str()).collect();
            return Err(wrong(format!("entry `{}` has the outputs {}", self.name, known.join(", "))));
        };
        match &found.value {
            Some(value) => Ok((value, &found.ty)),
            None => Err(wrong(format!("entry `{}` has not run", self.name))),
        }
    }
}

/// Where a step stands, for errors.
fn place<L: Library>(entry: &str, step: &Step<L>) -> String {
    let (op, scope) = &step.label;
    if scope.is_empty() {
        format!("entry `{entry}`, node {} ({op})", step.out)
    } else {
        format!("entry `{entry}`, node {} ({op} in {scope})", step.out)
    }
}

/// A value that the plan dropped too early: a mistake of this crate, reported instead of a panic.
fn lost<L: Library>(entry: &str, step: &Step<L>, arg: u32) -> BackendError {
    BackendError::Value {
        place: place(entry, step),
        message: format!("operand {arg} was dropped before its last use; please report this program"),
    }
}
