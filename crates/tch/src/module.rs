//! TorchScript files: a module is executed whole, with the weights inside it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use portbench_backend::{BackendError, EntryId, Executable, HostTensor, LoweringReport, whole_module};
use portbench_graph::{Graph, Op, Program, Type};
use tch::{CModule, Device, IValue, Tensor};

use crate::convert::{kind, sizes, to_device, to_host};
use crate::neuron::{self, Neuron};
use crate::{device, error};

/// A module on a device, as a program of one entry whose every op is the module.
pub(crate) struct ModuleExecutable {
    module: CModule,
    graph: Graph,
    report: LoweringReport,
    device: Device,
    neuron: Option<Neuron>,
    /// As `forward` takes them.
    inputs: Vec<Option<Tensor>>,
    /// As `forward` returned them, nested ones in order; empty before the first execution.
    results: Vec<Tensor>,
}

/// Whether a program is made of a module.
pub(crate) fn is_module(program: &Program) -> bool {
    program.entries.iter().any(|g| g.nodes.iter().any(|n| matches!(n.op, Op::Module { .. })))
}

/// Loads the module of a lowered program.
///
/// # Errors
/// [`BackendError::Device`] and [`BackendError::Value`] for a program that is more than a module and for a file that is none: a pickle, a checkpoint, a cut file;
/// [`BackendError::OutOfMemory`]; [`BackendError::Unavailable`] for a NeuronCore that another process holds.
pub(crate) fn load(
    program: &Program,
    file: &Path,
    report: LoweringReport,
    device: Device,
    neuron: Option<&Neuron>,
) -> Result<ModuleExecutable, BackendError> {
    let wrong = |message: String| BackendError::Value { place: file.display().to_string(), message };
    let graph = whole_module(program).map_err(wrong)?;
    let kind = archive_kind(file).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    if let Some(kind) = kind {
        return Err(wrong(format!(
            "{kind}; a module is saved by torch.jit.save(torch.jit.trace(model, inputs), file)"
        )));
    }
    let mut module = CModule::load_on_device(file, device).map_err(|e| match error::at("", &e) {
        out @ BackendError::OutOfMemory { .. } => out,
        _ => {
            let text = e.to_string();
            let held = neuron.and_then(|n| n.error(&text));
            held.unwrap_or_else(|| {
                wrong(neuron::explained(&text, neuron).unwrap_or_else(|| explained(&text)))
            })
        }
    })?;
    module.set_eval();
    let count = graph.inputs().count();
    Ok(ModuleExecutable {
        module,
        graph: graph.clone(),
        report,
        device,
        neuron: neuron.cloned(),
        inputs: (0..count).map(|_| None).collect(),
        results: Vec::new(),
    })
}

/// What a file is that cannot be an archive; `None` for one that can. Nothing in it is executed or unpickled.
fn archive_kind(file: &Path) -> std::io::Result<Option<&'static str>> {
    let mut head = [0u8; 4];
    let read = File::open(file)?.take(4).read(&mut head)?;
    Ok(match head {
        _ if read < 4 => Some("is too short for a module"),
        [b'P', b'K', 3, 4] => None,
        [0x80, ..] => Some("is a pickle, which is not loaded"),
        _ => Some("is no TorchScript archive"),
    })
}

/// The first line of libtorch's complaint about a file, with what it means where that is known.
fn explained(text: &str) -> String {
    let all = text.to_ascii_lowercase();
    let line = text.lines().next().unwrap_or_default();
    if all.contains("constants.pkl") {
        return "is an archive without code, such as torch.save makes, which is not loaded; save a module with torch.jit.save".into();
    }
    if all.contains("central directory") || all.contains("failed reading zip") || all.contains("corrupt") {
        return format!("is cut short or damaged ({line})");
    }
    line.to_owned()
}

impl ModuleExecutable {
    fn place(&self) -> String {
        let source = |(name, ty): (&str, &Type)| format!("{name} {ty}");
        let declared: Vec<String> = self.graph.inputs().map(source).collect();
        format!("the module's forward({})", declared.join(", "))
    }

    fn entry(&self, entry: EntryId) -> Result<(), BackendError> {
        if entry.0 == 0 {
            return Ok(());
        }
        Err(BackendError::UnknownEntry { entry: entry.0.to_string(), known: vec![self.graph.name.clone()] })
    }
}

/// Every tensor of a result, in order.
fn flatten(value: IValue, into: &mut Vec<Tensor>) {
    match value {
        IValue::Tensor(tensor) => into.push(tensor),
        IValue::TensorList(tensors) => into.extend(tensors),
        IValue::Tuple(values) | IValue::GenericList(values) => {
            values.into_iter().for_each(|value| flatten(value, into));
        }
        IValue::GenericDict(pairs) => pairs.into_iter().for_each(|(_, value)| flatten(value, into)),
        _ => {}
    }
}

impl Executable for ModuleExecutable {
    fn lowering(&self) -> &LoweringReport {
        &self.report
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        self.entry(entry)?;
        for (name, value) in inputs {
            let wrong = |message: String| BackendError::Input {
                entry: self.graph.name.clone(),
                input: (*name).to_owned(),
                message,
            };
            let found = self.graph.inputs().enumerate().find(|(_, (declared, _))| declared == name);
            let Some((position, (_, ty))) = found else { return Err(wrong("is not declared".into())) };
            if value.ty() != ty {
                return Err(wrong(format!("is {}, declared is {ty}", value.ty())));
            }
            let tensor =
                to_device(value, self.device).map_err(error::placed(|| format!("input `{name}`")))?;
            self.inputs[position] = Some(tensor);
        }
        Ok(())
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        self.entry(entry)?;
        let mut values = Vec::with_capacity(self.inputs.len());
        for (value, (name, _)) in self.inputs.iter().zip(self.graph.inputs()) {
            let value = value.as_ref().ok_or_else(|| BackendError::Input {
                entry: self.graph.name.clone(),
                input: name.to_owned(),
                message: "is not bound".into(),
            })?;
            values.push(IValue::Tensor(value.shallow_clone()));
        }
        // Results of the last execution are given back first: a module may need their memory.
        self.results.clear();
        let result = tch::no_grad(|| self.module.forward_is(&values));
        let result = result.map_err(|e| {
            let text = e.to_string();
            if let Some(held) = self.neuron.as_ref().and_then(|n| n.error(&text)) {
                return held;
            }
            // libtorch begins with where in the module's code it was, and ends with what was wrong; then come the frames of its own stack.
            let own =
                |line: &&str| !line.starts_with("frame #") && !line.starts_with("Exception raised from");
            let lines: Vec<&str> = text.lines().map(str::trim).take_while(own).collect();
            let last = lines.iter().rev().find(|line| line.contains("Error"));
            let last = last.or_else(|| lines.iter().find(|line| !line.is_empty())).copied().unwrap_or("");
            match error::at(self.place(), &e) {
                BackendError::Device { place, .. } if !last.is_empty() => {
                    BackendError::Value { place, message: last.to_owned() }
                }
                other => other,
            }
        })?;
        flatten(result, &mut self.results);
        Ok(())
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        device::synchronize(self.device)
    }

    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError> {
        self.entry(entry)?;
        let wrong = |message: String| BackendError::Output { name: output.to_owned(), message };
        let value = self.graph.outputs.iter().find(|(name, _)| name == output);
        let node = value.and_then(|(_, value)| self.graph.nodes.get(value.0 as usize));
        let Some((&Op::Module { output: index, .. }, ty)) = node.map(|n| (&n.op, &n.ty)) else {
            return Err(wrong("is no output".into()));
        };
        if self.results.is_empty() {
            return Err(wrong("the module has not run, or returned no tensor".into()));
        }
        let Some(index) = index else {
            let count = self.results.len() as i64;
            return HostTensor::from_i64(&[], &[count]);
        };
        let Some(tensor) = self.results.get(index) else {
            return Err(wrong(format!("the module returned {} tensors", self.results.len())));
        };
        if tensor.kind() != kind(ty.dtype) || tensor.size() != sizes(ty.dims()) {
            let (got, dims) = (tensor.kind(), tensor.size());
            return Err(wrong(format!("declared as {ty}, the module returned {got:?} {dims:?}")));
        }
        to_host(tensor, ty).map_err(error::placed(|| format!("output `{output}`")))
    }

    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        Err(BackendError::Output {
            name: name.to_owned(),
            message: "the weights of a module stay inside it".into(),
        })
    }

    fn reset_state(&mut self) -> Result<(), BackendError> {
        Ok(())
    }
}
