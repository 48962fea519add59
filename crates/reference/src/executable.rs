//! A lowered program with its values.

use std::collections::BTreeMap;

use portbench_backend::{
    BackendError, EntryId, Executable, HostTensor, LoweringReport, ParamSource, is_in_place_update,
};
use portbench_graph::{Graph, Liveness, Node, Op, Program};

use crate::eval;
use crate::gradient;
use crate::precision::Precision;
use crate::tensor::Tensor;
use crate::train::Trainer;

/// What an entry keeps between calls.
struct Entry {
    inputs: BTreeMap<String, Tensor>,
    outputs: Option<BTreeMap<String, Tensor>>,
    liveness: Liveness,
    in_place: Vec<bool>,
}

pub(crate) struct ReferenceExecutable {
    precision: Precision,
    program: Program,
    lowering: LoweringReport,
    params: BTreeMap<String, Tensor>,
    state: BTreeMap<String, Tensor>,
    entries: Vec<Entry>,
    trainer: Trainer,
    threads: Option<rayon::ThreadPool>,
}

impl ReferenceExecutable {
    pub(crate) fn new(
        precision: Precision,
        program: Program,
        lowering: LoweringReport,
        source: &ParamSource,
        threads: Option<usize>,
    ) -> Result<Self, BackendError> {
        let threads = threads
            .map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build())
            .transpose()
            .map_err(|e| BackendError::Device { place: "starting threads".into(), source: Box::new(e) })?;
        let mut open = source.open()?;
        let params = program
            .params
            .iter()
            .map(|p| Ok((p.name.clone(), Tensor::from_host(&open.load(p)?))))
            .collect::<Result<_, BackendError>>()?;
        let entries = program
            .entries
            .iter()
            .map(|g| Entry {
                inputs: BTreeMap::new(),
                outputs: None,
                liveness: Liveness::of(g),
                in_place: (0..g.nodes.len()).map(|i| is_in_place_update(g, i)).collect(),
            })
            .collect();
        let mut executable = Self {
            precision,
            program,
            lowering,
            params,
            state: BTreeMap::new(),
            entries,
            trainer: Trainer::default(),
            threads,
        };
        executable.reset_state()?;
        Ok(executable)
    }

    fn unknown(&self, entry: EntryId) -> BackendError {
        BackendError::UnknownEntry {
            entry: format!("#{}", entry.0),
            known: self.program.entries.iter().map(|g| g.name.clone()).collect(),
        }
    }

    /// One execution: forward, write back, and the rest of the step in a training entry.
    fn run(&mut self, entry: usize) -> Result<(), BackendError> {
        let training =
            self.program.training.as_ref().is_some_and(|t| t.entry == self.program.entries[entry].name);
        let values = self.forward(entry, training)?;
        let graph = &self.program.entries[entry];
        for (name, v) in &graph.updates {
            self.state.insert(name.clone(), value_of(&values, v.index()).clone());
        }
        let outputs = graph.outputs.iter().map(|(n, v)| (n.clone(), value_of(&values, v.index()).clone()));
        self.entries[entry].outputs = Some(outputs.collect());
        if training {
            let gradients = self.gradients(entry, &values)?;
            // Let go first, so that the parameters are updated in place.
            drop(values);
            if let Some(spec) = &self.program.training {
                self.trainer.step(self.precision, spec, &mut self.params, &gradients);
            }
        }
        Ok(())
    }

    /// The value of every node, or of those that outlive the forward pass.
    fn forward(&mut self, entry: usize, keep_all: bool) -> Result<Vec<Option<Tensor>>, BackendError> {
        let graph = &self.program.entries[entry];
        let kept = &self.entries[entry];
        let mut values: Vec<Option<Tensor>> = vec![None; graph.nodes.len()];
        for (i, node) in graph.nodes.iter().enumerate() {
            let value = match &node.op {
                Op::Input { name, .. } => input(graph, &kept.inputs, name)?,
                Op::Param { name } => self.params[name].clone(),
                Op::State { name } => self.state.get(name).cloned().ok_or_else(|| {
                    let lost =
                        format!("the state `{name}` was lost when an execution failed; reset the state");
                    broken(graph, i, node, lost)
                })?,
                Op::UpdateSlice { axis } if kept.in_place[i] => {
                    // The old value is let go everywhere, so that the write finds itself its only owner.
                    let base = node.args[0];
                    if let Op::State { name } = &graph.node(base).op {
                        self.state.remove(name);
                    }
                    let owned = take(&mut values, base.index());
                    let [update, start] = [1, 2].map(|a| value_of(&values, node.args[a].index()));
                    eval::layout::update_slice(owned, update, start, *axis)
                        .map_err(|m| broken(graph, i, node, m))?
                }
                op => {
                    let args: Vec<&Tensor> = node.args.iter().map(|a| value_of(&values, a.index())).collect();
                    eval::evaluate(self.precision, op, &args, &node.ty)
                        .map_err(|m| broken(graph, i, node, m))?
                }
            };
            values[i] = Some(value);
            if !keep_all {
                for dead in kept.liveness.dead_after(i) {
                    values[dead.index()] = None;
                }
            }
        }
        Ok(values)
    }

    /// Gradient of the loss by every trainable parameter that the entry reads.
    fn gradients(
        &self,
        entry: usize,
        values: &[Option<Tensor>],
    ) -> Result<BTreeMap<String, Tensor>, BackendError> {
        let graph = &self.program.entries[entry];
        let loss = self.program.training.as_ref().map(|t| t.loss.as_str());
        let Some((_, loss)) = graph.outputs.iter().find(|(n, _)| Some(n.as_str()) == loss) else {
            return Ok(BTreeMap::new());
        };
        let trainable = |node: &Node| match &node.op {
            Op::Param { name } if self.program.param(name).is_some_and(|p| p.trainable) => Some(name.clone()),
            _ => None,
        };
        let found = gradient::backward(self.precision, graph, values, *loss, |n| trainable(n).is_some())
            .map_err(|(i, m)| broken(graph, i, &graph.nodes[i], m))?;
        let mut gradients = BTreeMap::new();
        for (node, gradient) in graph.nodes.iter().zip(found) {
            let Some(param) = trainable(node) else { continue };
            match gradient {
                Some(gradient) => gradients.insert(param, gradient),
                None => return Err(BackendError::MissingGradient { param }),
            };
        }
        Ok(gradients)
    }
}

fn input(graph: &Graph, bound: &BTreeMap<String, Tensor>, name: &str) -> Result<Tensor, BackendError> {
    bound.get(name).cloned().ok_or_else(|| BackendError::Input {
        entry: graph.name.clone(),
        input: name.to_owned(),
        message: "is not bound".into(),
    })
}

/// A value that liveness says is still there.
fn value_of(values: &[Option<Tensor>], index: usize) -> &Tensor {
    match &values[index] {
        Some(v) => v,
        None => unreachable!("a value is kept until its last use"),
    }
}

fn take(values: &mut [Option<Tensor>], index: usize) -> Tensor {
    match values[index].take() {
        Some(v) => v,
        None => unreachable!("a value is kept until its last use"),
    }
}

fn broken(graph: &Graph, index: usize, node: &Node, message: String) -> BackendError {
    let scope = if node.scope.is_empty() { String::new() } else { format!(" in `{}`", node.scope) };
    BackendError::Value {
        place: format!("entry `{}`, %{index} ({}){scope}", graph.name, node.op.name()),
        message,
    }
}

impl Executable for ReferenceExecutable {
    fn lowering(&self) -> &LoweringReport {
        &self.lowering
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        let Some(graph) = self.program.entries.get(entry.0) else { return Err(self.unknown(entry)) };
        for (name, host) in inputs {
            let fail = |message: String| {
                Err(BackendError::Input { entry: graph.name.clone(), input: (*name).to_owned(), message })
            };
            match graph.inputs().find(|(known, _)| known == name) {
                None => return fail("is no input of this entry".into()),
                Some((_, ty)) if ty != host.ty() => {
                    return fail(format!("is {}, the program declares {ty}", host.ty()));
                }
                Some(_) => {
                    self.entries[entry.0].inputs.insert((*name).to_owned(), Tensor::from_host(host));
                }
            }
        }
        Ok(())
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        if entry.0 >= self.entries.len() {
            return Err(self.unknown(entry));
        }
        match self.threads.take() {
            Some(pool) => {
                let result = pool.install(|| self.run(entry.0));
                self.threads = Some(pool);
                result
            }
            None => self.run(entry.0),
        }
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        Ok(())
    }

    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError> {
        let Some(kept) = self.entries.get(entry.0) else { return Err(self.unknown(entry)) };
        let fail = |message: &str| BackendError::Output { name: output.to_owned(), message: message.into() };
        let outputs = kept.outputs.as_ref().ok_or_else(|| fail("the entry has not run"))?;
        outputs.get(output).ok_or_else(|| fail("is no output of this entry"))?.to_host(self.precision)
    }

    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        let value = self.params.get(name).ok_or_else(|| BackendError::Output {
            name: name.to_owned(),
            message: "is no parameter of the program".into(),
        })?;
        value.to_host(self.precision)
    }

    fn reset_state(&mut self) -> Result<(), BackendError> {
        let zeros = self.program.state.iter().map(|s| (s.name.clone(), Tensor::full(s.ty.clone(), 0.0)));
        self.state = zeros.collect();
        Ok(())
    }
}
