//! Verification of programs that came from outside, and of what only the whole program shows.

use std::collections::{HashMap, HashSet};

use smallvec::SmallVec;

use crate::error::GraphError;
use crate::infer;
use crate::op::Op;
use crate::program::{Graph, Init, Program};
use crate::training::{Optimizer, Schedule, TrainSpec};
use crate::types::Type;

impl Program {
    /// Checks every rule of the crate's promise.
    ///
    /// # Errors
    /// [`GraphError::Invalid`] naming the place and the broken rule; the first one found.
    pub fn verify(&self) -> Result<(), GraphError> {
        let mut params: HashMap<&str, &Type> = HashMap::new();
        for p in &self.params {
            check_name(&p.name, "parameter")?;
            infer::check_size(&p.ty).map_err(|m| invalid(format!("parameter `{}`", p.name), m))?;
            let finite = match p.init {
                Init::Normal { std } => std.is_finite() && std >= 0.0,
                Init::Uniform { bound } => bound.is_finite() && bound >= 0.0,
                Init::Constant { value } => value.is_finite(),
            };
            if !finite || !p.ty.dtype.is_float() {
                return Err(invalid(
                    format!("parameter `{}`", p.name),
                    "must be a float with a finite initial value",
                ));
            }
            if params.insert(&p.name, &p.ty).is_some() {
                return Err(invalid(format!("parameter `{}`", p.name), "is declared twice"));
            }
        }
        let mut state: HashMap<&str, &Type> = HashMap::new();
        for s in &self.state {
            check_name(&s.name, "state")?;
            infer::check_size(&s.ty).map_err(|m| invalid(format!("state `{}`", s.name), m))?;
            if state.insert(&s.name, &s.ty).is_some() {
                return Err(invalid(format!("state `{}`", s.name), "is declared twice"));
            }
        }
        if self.entries.is_empty() {
            return Err(invalid("program", "has no entry"));
        }
        let mut names = HashSet::new();
        for g in &self.entries {
            check_name(&g.name, "entry")?;
            if !names.insert(g.name.as_str()) {
                return Err(invalid(format!("entry `{}`", g.name), "is declared twice"));
            }
            verify_entry(g, &params, &state)?;
        }
        self.training.as_ref().map_or(Ok(()), |t| self.verify_training(t))
    }

    fn verify_training(&self, t: &TrainSpec) -> Result<(), GraphError> {
        let fail = |m: &str| Err(invalid("training", m));
        let Some(g) = self.entry(&t.entry) else {
            return fail(&format!("names the entry `{}`, which does not exist", t.entry));
        };
        match g.output(&t.loss) {
            None => {
                return fail(&format!("names the loss `{}`, which is no output of `{}`", t.loss, t.entry));
            }
            Some(ty) if ty.shape.rank() != 0 || !ty.dtype.is_float() => {
                return fail(&format!("needs a scalar float loss, got {ty}"));
            }
            Some(_) => {}
        }
        if !g.updates.is_empty() {
            return fail("cannot update state in the training entry");
        }
        let reads_trainable = g
            .nodes
            .iter()
            .any(|n| matches!(&n.op, Op::Param { name } if self.param(name).is_some_and(|p| p.trainable)));
        if !reads_trainable {
            return fail("reads no trainable parameter");
        }
        let optimizer = match t.optimizer {
            Optimizer::Sgd { momentum } => (0.0..1.0).contains(&momentum),
            Optimizer::AdamW { beta1, beta2, eps, weight_decay, .. } => {
                (0.0..1.0).contains(&beta1)
                    && (0.0..1.0).contains(&beta2)
                    && eps.is_finite()
                    && eps > 0.0
                    && weight_decay.is_finite()
                    && weight_decay >= 0.0
            }
        };
        if !optimizer {
            return fail("needs momentum and betas in 0..1, eps above 0 and a weight decay of at least 0");
        }
        let rate_ok = |r: f64| r.is_finite() && r >= 0.0;
        let schedule = match t.schedule {
            Schedule::Constant { rate } => rate_ok(rate),
            Schedule::WarmupCosine { rate, floor, warmup, steps } => {
                rate_ok(rate) && rate_ok(floor) && warmup < steps
            }
        };
        if !schedule {
            return fail("needs finite learning rates of at least 0, and fewer warm-up steps than steps");
        }
        if t.clip_norm.is_some_and(|c| !c.is_finite() || c <= 0.0) {
            return fail("needs a clip norm above 0");
        }
        Ok(())
    }
}

fn verify_entry(
    g: &Graph,
    params: &HashMap<&str, &Type>,
    state: &HashMap<&str, &Type>,
) -> Result<(), GraphError> {
    let mut sources = HashSet::new();
    for (i, node) in g.nodes.iter().enumerate() {
        let place = || format!("entry `{}`, %{i} ({})", g.name, node.op.name());
        if node.args.iter().any(|a| a.index() >= i) {
            return Err(invalid(place(), "uses a value that is not defined before it"));
        }
        let declared = |table: &HashMap<&str, &Type>, name: &str| {
            table
                .get(name)
                .map(|t| (*t).clone())
                .ok_or_else(|| invalid(place(), format!("`{name}` is not declared in the program")))
        };
        let expected = match &node.op {
            Op::Param { name } => declared(params, name)?,
            Op::State { name } => declared(state, name)?,
            op => {
                let types: SmallVec<[&Type; 4]> = g.arg_types(node);
                infer::result_type(op, &types).map_err(|m| invalid(place(), m))?
            }
        };
        if node.op.is_source() {
            if !node.args.is_empty() {
                return Err(invalid(place(), "takes no operands"));
            }
            if let Op::Input { name, .. } | Op::Param { name } | Op::State { name } = &node.op {
                check_name(name, node.op.name())?;
                if !sources.insert((node.op.name(), name.as_str())) {
                    return Err(invalid(place(), format!("`{name}` is read twice")));
                }
            }
        }
        if expected != node.ty {
            return Err(invalid(place(), format!("is declared as {} but gives {expected}", node.ty)));
        }
    }
    if g.outputs.is_empty() {
        return Err(invalid(format!("entry `{}`", g.name), "has no output"));
    }
    let mut outputs = HashSet::new();
    for (name, v) in &g.outputs {
        check_name(name, "output")?;
        if v.index() >= g.nodes.len() || !outputs.insert(name) {
            return Err(invalid(
                format!("entry `{}`, output `{name}`", g.name),
                "is not a value or is declared twice",
            ));
        }
    }
    let mut updates = HashSet::new();
    for (name, v) in &g.updates {
        let place = || format!("entry `{}`, update of `{name}`", g.name);
        if v.index() >= g.nodes.len() || !updates.insert(name) {
            return Err(invalid(place(), "is not a value or is declared twice"));
        }
        match state.get(name.as_str()) {
            Some(ty) if **ty == g.node(*v).ty => {}
            Some(ty) => return Err(invalid(place(), format!("needs {ty}, got {}", g.node(*v).ty))),
            None => return Err(invalid(place(), "is not declared in the program")),
        }
    }
    Ok(())
}

fn check_name(name: &str, what: &str) -> Result<(), GraphError> {
    let ok = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    if ok {
        Ok(())
    } else {
        Err(invalid(
            format!("{what} name {name:?}"),
            "may hold ASCII letters, digits and the characters . _ - / only, and not be empty",
        ))
    }
}

fn invalid(place: impl Into<String>, message: impl Into<String>) -> GraphError {
    GraphError::Invalid { place: place.into(), message: message.into() }
}
