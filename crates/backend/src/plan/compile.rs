//! From a lowered graph to a plan: prepared kernels, folded constants, drop lists, and which states are written in place.

use portbench_graph::{Graph, Liveness, Op, Program, Type, ValueId};
use smallvec::SmallVec;

use super::ranges::Ranges;
use super::{InputSlot, Library, OutputSlot, Plan, Step, UpdateSlot, Write};
use crate::contract::Use;
use crate::error::BackendError;
use crate::lower::is_in_place_update;

impl<L: Library> Plan<L> {
    /// Plans an entry of a lowered program. `params` holds the tensor that each parameter of the program reads in this entry.
    ///
    /// # Errors
    /// The library's, with the node that has no kernel or whose constant cannot be made.
    pub fn new(
        library: &L,
        program: &Program,
        graph: &Graph,
        params: &[L::Tensor],
    ) -> Result<Self, BackendError> {
        let trains = program.training.as_ref().is_some_and(|t| t.entry == graph.name);
        let use_ = if trains { Use::Training } else { Use::Inference };
        let n = graph.nodes.len();
        let mut plan = Self {
            name: graph.name.clone(),
            steps: Vec::with_capacity(n),
            slots: (0..n).map(|_| None).collect(),
            scalars: vec![None; n],
            inputs: Vec::new(),
            states: Vec::new(),
            outputs: Vec::new(),
            updates: Vec::new(),
            remaining: Vec::new(),
            context: L::Context::default(),
            ranges: if library.checks_indices() { Ranges::default() } else { Ranges::of(graph) },
        };
        let aliases = Aliases::of::<L>(graph);
        let liveness = Liveness::of(graph);
        // Values that exist before the first step: sources and everything computed from constants alone.
        let mut constant = vec![false; n];
        let mut in_place = vec![false; n];
        for (i, node) in graph.nodes.iter().enumerate() {
            let failed = |e| L::error(format!("entry `{}`, node {i} ({})", graph.name, node.op.name()), e);
            match &node.op {
                Op::Input { name, ty } => {
                    plan.inputs.push(InputSlot { name: name.clone(), ty: ty.clone(), slot: i });
                    continue;
                }
                Op::Param { name } => {
                    let index = program.params.iter().position(|p| p.name == *name);
                    plan.slots[i] = index.and_then(|p| params.get(p)).map(L::share);
                    continue;
                }
                Op::State { name } => {
                    if let Some(state) = state_index(program, name) {
                        plan.states.push((i, state));
                    }
                    continue;
                }
                _ => {}
            }
            if let Some(value) = library.constant(&node.op).map_err(failed)? {
                plan.slots[i] = Some(value);
                constant[i] = true;
                continue;
            }
            in_place[i] = !trains && aliases.may_write_in_place(graph, i);
            let args: Vec<&Type> = graph.arg_types(node).into_vec();
            let kernel = library.prepare(&node.op, &args, &node.ty, use_, in_place[i]).map_err(failed)?;
            if !node.args.is_empty() && node.args.iter().all(|a| constant[a.index()]) {
                plan.slots[i] = Some(plan.fold(&kernel, &node.args).map_err(failed)?);
                constant[i] = true;
                continue;
            }
            plan.steps.push(Step {
                kernel,
                args: node.args.iter().map(|a| a.0).collect(),
                out: i as u32,
                dead: SmallVec::new(),
                label: (node.op.name(), node.scope.as_str().into()),
            });
        }
        let stays = |i: usize| constant[i] || graph.nodes[i].op.is_source();
        for step in &mut plan.steps {
            let dead = liveness.dead_after(step.out as usize);
            step.dead = dead.iter().filter(|d| !stays(d.index())).map(|d| d.0).collect();
        }
        plan.bind_results(program, graph, &aliases, &in_place);
        plan.remaining = plan
            .outputs
            .iter()
            .map(|o| o.slot)
            .chain(plan.updates.iter().map(|u| u.slot))
            .filter(|&slot| !stays(slot))
            .collect();
        plan.forget_unused(&constant);
        Ok(plan)
    }

    fn fold(&self, kernel: &L::Kernel, args: &[ValueId]) -> Result<L::Tensor, L::Error> {
        let args: Vec<&L::Tensor> = args.iter().filter_map(|a| self.slots[a.index()].as_ref()).collect();
        L::run(kernel, &args, None, &mut L::Context::default())
    }
    fn bind_results(&mut self, program: &Program, graph: &Graph, aliases: &Aliases, in_place: &[bool]) {
        // Memory that a later execution writes in place: states, and parameters of a program that trains.
        let rewritten = |v: ValueId| match &graph.node(aliases.root(v)).op {
            Op::State { .. } => true,
            Op::Param { .. } => program.training.is_some(),
            _ => in_place[aliases.root(v).index()],
        };
        let updated = |v: ValueId| graph.updates.iter().any(|(_, u)| aliases.root(*u) == aliases.root(v));
        for (name, v) in &graph.outputs {
            self.outputs.push(OutputSlot {
                name: name.clone(),
                ty: graph.node(*v).ty.clone(),
                slot: v.index(),
                copy: rewritten(*v) || updated(*v),
                value: None,
            });
        }
        for (name, v) in &graph.updates {
            let Some(state) = state_index(program, name) else { continue };
            let root = aliases.root(*v);
            let shared = graph.node(root).op.is_source()
                || rewritten(*v)
                || *v != root
                || graph.updates.iter().filter(|(_, u)| aliases.root(*u) == root).count() > 1;
            let constant = self.steps.iter().all(|s| s.out != v.0);
            let write = if in_place[v.index()] {
                Write::Done
            } else if shared || constant {
                Write::Copy
            } else {
                Write::Move
            };
            self.updates.push(UpdateSlot { state, slot: v.index(), write });
        }
    }

    /// Drops constants that only other constants were made from.
    fn forget_unused(&mut self, constant: &[bool]) {
        let mut used = vec![false; constant.len()];
        for arg in self.steps.iter().flat_map(|s| &s.args) {
            used[*arg as usize] = true;
        }
        for slot in self.outputs.iter().map(|o| o.slot).chain(self.updates.iter().map(|u| u.slot)) {
            used[slot] = true;
        }
        for (slot, value) in self.slots.iter_mut().enumerate() {
            if constant[slot] && !used[slot] {
                *value = None;
            }
        }
    }
}

fn state_index(program: &Program, name: &str) -> Option<usize> {
    program.state.iter().position(|s| s.name == name)
}

/// Which value's memory each value may share.
struct Aliases {
    root: Vec<ValueId>,
}

impl Aliases {
    fn of<L: Library>(graph: &Graph) -> Self {
        let mut root: Vec<ValueId> = Vec::with_capacity(graph.nodes.len());
        for (i, node) in graph.nodes.iter().enumerate() {
            let shares = L::shares_memory(&node.op, node.args.len());
            root.push(match node.args.first() {
                Some(first) if shares => root[first.index()],
                _ => ValueId(i as u32),
            });
        }
        Self { root }
    }

    fn root(&self, v: ValueId) -> ValueId {
        self.root[v.index()]
    }

    /// Whether node `i` is an update that may write into its state: the program says so, and no view of the old value is read
    /// afterwards or is the update itself.
    fn may_write_in_place(&self, graph: &Graph, i: usize) -> bool {
        if !is_in_place_update(graph, i) {
            return false;
        }
        let node = &graph.nodes[i];
        let Op::State { name: written } = &graph.node(node.args[0]).op else { return false };
        let is_old_value =
            |v: ValueId| matches!(&graph.node(self.root(v)).op, Op::State { name } if name == written);
        let read_later = graph.nodes[i + 1..].iter().flat_map(|n| &n.args).any(|a| is_old_value(*a));
        let escapes = graph.outputs.iter().chain(&graph.updates).any(|(_, v)| is_old_value(*v));
        !read_later && !escapes && !is_old_value(node.args[1])
    }
}
