//! A loaded NEFF with the tensors of its executions.

use portbench_backend::{BackendError, EntryId, Executable, HostTensor, LoweringReport};
use portbench_graph::{Graph, Op, Type};

use super::convert::{crosses, decode, encode};
use crate::library::Runtime;
use crate::model::{Bound, Model, TensorInfo, Usage};

/// A NEFF on a core, as a program of one entry whose every op is the module.
pub(super) struct NeffExecutable {
    bound: Bound,
    graph: Graph,
    report: LoweringReport,
    /// Inputs that were never bound.
    unbound: Vec<String>,
    ran: bool,
}

impl NeffExecutable {
    /// Holds the declared tensors against the NEFF's, and allocates them.
    ///
    /// # Errors
    /// [`BackendError::Value`] where they differ, listing what the NEFF has; [`BackendError::OutOfMemory`], [`BackendError::Device`].
    pub(super) fn new(
        runtime: &Runtime,
        model: &Model,
        graph: Graph,
        report: LoweringReport,
    ) -> Result<Self, BackendError> {
        hold(model, &graph).map_err(|message| {
            let message = format!("{message}; the NEFF has {}", described(model));
            BackendError::Value { place: format!("model `{}`", model.name()), message }
        })?;
        let inputs = model.allocate(runtime, Usage::Input)?;
        let outputs = model.allocate(runtime, Usage::Output)?;
        let unbound = graph.inputs().map(|(name, _)| name.to_owned()).collect();
        Ok(Self { bound: model.bind(inputs, outputs)?, graph, report, unbound, ran: false })
    }

    fn entry(&self, entry: EntryId) -> Result<(), BackendError> {
        if entry.0 == 0 {
            return Ok(());
        }
        Err(BackendError::UnknownEntry { entry: entry.0.to_string(), known: vec![self.graph.name.clone()] })
    }

    fn input_error(&self, input: &str, message: String) -> BackendError {
        BackendError::Input { entry: self.graph.name.clone(), input: input.to_owned(), message }
    }
}

/// The NEFF's tensor of that name.
fn info<'m>(model: &'m Model, usage: Usage, name: &str) -> Option<&'m TensorInfo> {
    model.tensors().iter().find(|t| t.usage == usage && t.name == name)
}

/// Everything that it takes and gives, in words.
fn described(model: &Model) -> String {
    let one = |t: &TensorInfo| {
        let way = if t.usage == Usage::Input { "input" } else { "output" };
        format!("{way} {} {}{:?}", t.name, t.dtype, t.shape)
    };
    model.tensors().iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Why the declared tensors are not the NEFF's: every input has to be declared, of the outputs those that are to be read.
fn hold(model: &Model, graph: &Graph) -> Result<(), String> {
    for (name, ty) in graph.inputs() {
        let found = info(model, Usage::Input, name).ok_or_else(|| format!("no input is called `{name}`"))?;
        alike(name, ty, found)?;
    }
    let declared = |t: &TensorInfo| graph.inputs().any(|(name, _)| name == t.name);
    if let Some(missing) = model.tensors().iter().find(|t| t.usage == Usage::Input && !declared(t)) {
        return Err(format!("its input `{}` is not declared", missing.name));
    }
    for (name, value) in &graph.outputs {
        let node = &graph.nodes[value.0 as usize];
        if matches!(node.op, Op::Module { output: Some(_), .. }) {
            let found = info(model, Usage::Output, name);
            alike(name, &node.ty, found.ok_or_else(|| format!("no output is called `{name}`"))?)?;
        }
    }
    Ok(())
}

/// Sizes of one do not count: compilers write a scalar as one element.
fn alike(name: &str, ty: &Type, found: &TensorInfo) -> Result<(), String> {
    let declared: Vec<u64> = ty.dims().iter().map(|&n| n as u64).filter(|&n| n != 1).collect();
    let own: Vec<u64> = found.shape.iter().map(|&n| n.into()).filter(|&n| n != 1).collect();
    if declared != own || !crosses(ty.dtype, found.dtype) {
        return Err(format!("`{name}` is declared as {ty}"));
    }
    Ok(())
}

impl Executable for NeffExecutable {
    fn lowering(&self) -> &LoweringReport {
        &self.report
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        self.entry(entry)?;
        for (name, value) in inputs {
            let declared = self.graph.inputs().find(|(declared, _)| declared == name);
            let (Some((_, ty)), Some(found), Some(tensor)) =
                (declared, info(self.bound.model(), Usage::Input, name), self.bound.inputs().get(name))
            else {
                return Err(self.input_error(name, "is not declared".into()));
            };
            if value.ty() != ty {
                return Err(self.input_error(name, format!("is {}, declared is {ty}", value.ty())));
            }
            let bytes = encode(value, found.dtype).map_err(|message| self.input_error(name, message))?;
            tensor.write(0, &bytes)?;
            self.unbound.retain(|unbound| unbound != name);
        }
        Ok(())
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        self.entry(entry)?;
        if let Some(name) = self.unbound.first() {
            return Err(self.input_error(name, "is not bound".into()));
        }
        self.bound.execute()?;
        self.ran = true;
        Ok(())
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        // Nothing is pending: an execution returns when its outputs are written.
        Ok(())
    }

    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError> {
        self.entry(entry)?;
        let wrong = |message: &str| BackendError::Output { name: output.to_owned(), message: message.into() };
        let value = self.graph.outputs.iter().find(|(name, _)| name == output);
        let node = value.and_then(|(_, value)| self.graph.nodes.get(value.0 as usize));
        let node = node.ok_or_else(|| wrong("is no output"))?;
        if !self.ran {
            return Err(wrong("the NEFF has not run"));
        }
        let model = self.bound.model();
        if let Op::Module { output: None, .. } = node.op {
            let count = model.tensors().iter().filter(|t| t.usage == Usage::Output).count();
            return HostTensor::from_i64(&[], &[count as i64]);
        }
        let (Some(found), Some(tensor)) =
            (info(model, Usage::Output, output), self.bound.outputs().get(output))
        else {
            return Err(wrong("is no output of the NEFF"));
        };
        let mut bytes = vec![0; tensor.bytes()];
        tensor.read(0, &mut bytes)?;
        decode(bytes, found.dtype, &node.ty)
    }

    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        Err(BackendError::Output { name: name.to_owned(), message: "a NEFF's weights are its own".into() })
    }

    fn reset_state(&mut self) -> Result<(), BackendError> {
        Ok(())
    }
}
