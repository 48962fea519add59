//! The conformance suite sees planted faults: each of these backends is the reference with one thing wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use portbench_backend::conformance::{self, Report};
use portbench_backend::{
    Backend, BackendError, BackendInfo, CompileOptions, EntryId, Executable, HostTensor, LoweringReport,
    ParamSource, Support, Use,
};
use portbench_graph::{
    BinaryKind, DType, DecayRule, Node, Op, Optimizer, Program, ReduceKind, Schedule, TrainSpec, Type,
    UnaryKind, ValueId,
};
use portbench_reference::Reference;

/// What is wrong with a backend.
#[derive(Clone, Copy)]
enum Fault {
    /// It runs another program than it was given.
    Program(fn(&mut Program)),
    /// It trains in another way than it was told.
    Training(fn(&mut TrainSpec)),
    /// The float results of ops of these names are one percent off.
    Inexact(&'static [&'static str]),
    /// Its support answer says that it has no `erf`; its compiler does not know.
    RefusesErfInWords,
    /// State survives a reset.
    KeepsState,
    /// Outputs are those of the first execution.
    Remembers,
    /// Every error of an execution or a binding is swallowed.
    SwallowsErrors,
    /// Results are computed in `bf16`, whatever is declared.
    Coarse,
    /// An unbound input brings it down.
    Panics,
    /// Outputs have one more dimension.
    Reshapes,
}

struct Faulty(Fault);

impl Backend for Faulty {
    fn info(&self) -> BackendInfo {
        BackendInfo { backend: "faulty".into(), ..Reference::exact().info() }
    }

    fn support(&self, op: &Op, args: &[&Type], result: &Type, use_: Use) -> Support {
        if matches!((self.0, op), (Fault::RefusesErfInWords, Op::Unary { kind: UnaryKind::Erf })) {
            return Support::Unsupported { reason: "says so".into() };
        }
        Reference::exact().support(op, args, result, use_)
    }

    fn compile(
        &mut self,
        program: &Program,
        params: &ParamSource,
        options: &CompileOptions,
    ) -> Result<Box<dyn Executable>, BackendError> {
        let mut program = program.clone();
        if let Fault::Program(change) = self.0 {
            change(&mut program);
        }
        if let (Fault::Training(change), Some(spec)) = (self.0, &mut program.training) {
            change(spec);
        }
        if let Fault::Inexact(ops) = self.0 {
            program = inexact(&program, ops);
        }
        let inner = Reference::exact().compile(&program, params, options)?;
        Ok(Box::new(FaultyExecutable { inner, fault: self.0, first: BTreeMap::new() }))
    }
}

struct FaultyExecutable {
    inner: Box<dyn Executable>,
    fault: Fault,
    first: BTreeMap<(EntryId, String), HostTensor>,
}

impl FaultyExecutable {
    fn answer(&self, answer: Result<(), BackendError>) -> Result<(), BackendError> {
        match self.fault {
            Fault::SwallowsErrors => Ok(()),
            Fault::Panics => {
                answer.unwrap();
                Ok(())
            }
            _ => answer,
        }
    }
}

impl Executable for FaultyExecutable {
    fn lowering(&self) -> &LoweringReport {
        self.inner.lowering()
    }

    fn bind(&mut self, entry: EntryId, inputs: &[(&str, &HostTensor)]) -> Result<(), BackendError> {
        let answer = self.inner.bind(entry, inputs);
        self.answer(answer)
    }

    fn execute(&mut self, entry: EntryId) -> Result<(), BackendError> {
        let answer = self.inner.execute(entry);
        self.answer(answer)
    }

    fn synchronize(&mut self) -> Result<(), BackendError> {
        self.inner.synchronize()
    }

    fn fetch(&mut self, entry: EntryId, output: &str) -> Result<HostTensor, BackendError> {
        let value = self.inner.fetch(entry, output)?;
        match self.fault {
            Fault::Remembers => Ok(self.first.entry((entry, output.to_owned())).or_insert(value).clone()),
            Fault::Coarse if value.ty().dtype.is_float() => Ok(value.cast(DType::Bf16).cast(DType::F64)),
            Fault::Reshapes => {
                let dims = [&[1], value.dims()].concat();
                value.reshape(&dims)
            }
            _ => Ok(value),
        }
    }

    fn fetch_param(&mut self, name: &str) -> Result<HostTensor, BackendError> {
        self.inner.fetch_param(name)
    }

    fn reset_state(&mut self) -> Result<(), BackendError> {
        if matches!(self.fault, Fault::KeepsState) { Ok(()) } else { self.inner.reset_state() }
    }
}

/// The program with every float result of these ops scaled.
fn inexact(program: &Program, ops: &[&str]) -> Program {
    let mut changed = program.clone();
    for graph in &mut changed.entries {
        let mut moved: Vec<ValueId> = Vec::new();
        let mut nodes: Vec<Node> = Vec::new();
        for mut node in std::mem::take(&mut graph.nodes) {
            node.args.iter_mut().for_each(|a| *a = moved[a.index()]);
            let scaled = (ops.contains(&node.op.name()) && node.ty.dtype.is_float()).then(|| Node {
                op: Op::Affine { mul: 1.01, add: 0.0 },
                args: [ValueId(nodes.len() as u32)].into_iter().collect(),
                ty: node.ty.clone(),
                scope: String::new(),
            });
            nodes.push(node);
            nodes.extend(scaled);
            moved.push(ValueId(nodes.len() as u32 - 1));
        }
        graph.nodes = nodes;
        graph.outputs.iter_mut().chain(&mut graph.updates).for_each(|(_, v)| *v = moved[v.index()]);
    }
    changed
}

fn report(fault: Fault) -> Report {
    conformance::run(&mut Faulty(fault), &mut Reference::exact())
}

/// The names of the cases that fail.
fn failures(fault: Fault) -> Vec<String> {
    report(fault).failed().map(|c| c.name.clone()).collect()
}

/// Some case fails, and every one that does is about the fault.
fn caught(fault: Fault, about: &[&str]) {
    let failed = failures(fault);
    assert!(!failed.is_empty(), "nothing failed: {about:?}");
    for name in &failed {
        assert!(about.iter().any(|a| name.contains(a)), "`{name}` has nothing to do with {about:?}");
    }
    for a in about {
        assert!(failed.iter().any(|n| n.contains(a)), "nothing about `{a}` in {failed:?}");
    }
}

/// Replaces ops in every entry.
fn each_op(program: &mut Program, change: impl Fn(&mut Op)) {
    for node in program.entries.iter_mut().flat_map(|g| &mut g.nodes) {
        change(&mut node.op);
    }
}

#[test]
fn wrong_formulas_are_caught() {
    let cosine = |p: &mut Program| {
        each_op(p, |op| {
            if let Op::Unary { kind: kind @ UnaryKind::Sin } = op {
                *kind = UnaryKind::Cos;
            }
        });
    };
    caught(Fault::Program(cosine), &["sin (", "gradient of sin (", "random program"]);
    let epsilon = |p: &mut Program| {
        each_op(p, |op| {
            if let Op::RmsNorm { eps } = op {
                *eps += 1e-3;
            }
        });
    };
    caught(Fault::Program(epsilon), &["rms-norm"]);
    let sum_for_max = |p: &mut Program| {
        each_op(p, |op| {
            if let Op::Reduce { kind, axes } = op
                && axes[..] == [1]
            {
                *kind = ReduceKind::Sum;
            }
        });
    };
    caught(Fault::Program(sum_for_max), &["reduce-max over [1]"]);
}

/// Every op with a float result; together stand those that no case of another one of them uses.
const OPS: [&[&str]; 16] = [
    &["neg", "abs", "exp", "log", "sqrt", "recip", "tanh", "erf", "sin", "cos", "floor"],
    &[
        "sub",
        "div",
        "pow",
        "maximum",
        "minimum",
        "conv2d",
        "max-pool2d",
        "avg-pool2d",
        "gather",
        "gather-along",
        "update-slice",
        "pad",
        "concat",
        "reduce-max",
        "matmul",
    ],
    &[
        "linear",
        "embedding",
        "softmax",
        "log-softmax",
        "layer-norm",
        "rms-norm",
        "batch-norm",
        "gelu",
        "silu",
        "relu",
        "rotary",
        "attention",
        "cross-entropy",
        "top-k-routing",
        "experts",
    ],
    &["constant"],
    &["literal"],
    &["iota"],
    &["affine"],
    &["add"],
    &["mul"],
    &["select"],
    &["cast"],
    &["reduce-sum"],
    &["reshape"],
    &["permute"],
    &["broadcast"],
    &["slice"],
];

#[test]
fn every_op_is_examined_and_its_gradient_too() {
    for together in OPS {
        let failed = failures(Fault::Inexact(together));
        for op in together {
            let label = op.replace("top-k", "top-2");
            let about =
                |name: &str| name.strip_prefix(&label).is_some_and(|rest| rest.starts_with([' ', ',']));
            // In 16 bits some composites are granted more than one percent.
            for dtype in ["f64[", "f32["] {
                let seen = failed.iter().any(|n| about(n) && n.contains(dtype));
                assert!(seen, "nothing about {op} of {dtype}..] in {failed:?}");
            }
            let differentiated = failed.iter().any(|n| n.strip_prefix("gradient of ").is_some_and(about));
            let without = ["constant", "literal", "iota", "floor"].contains(op);
            assert!(differentiated || without, "no gradient of {op} in {failed:?}");
        }
    }
}

#[test]
fn a_wrong_sign_is_caught() {
    let minus = |p: &mut Program| {
        for node in p.entries.iter_mut().flat_map(|g| &mut g.nodes) {
            if matches!(node.op, Op::Binary { kind: BinaryKind::Sub }) {
                node.args.reverse();
            }
        }
    };
    let failed = failures(Fault::Program(minus));
    assert!(failed.iter().any(|n| n.starts_with("sub (f32")), "{failed:?}");
    assert!(failed.iter().any(|n| n.starts_with("gradient of sub (f64")), "{failed:?}");
}

#[test]
fn wrong_attention_is_caught() {
    let sees_all = |p: &mut Program| {
        each_op(p, |op| {
            if let Op::Attention(a) = op
                && !a.position
            {
                a.causal = false;
            }
        });
    };
    caught(Fault::Program(sees_all), &["attention causal", ", causal ("]);
    let unscaled = |p: &mut Program| {
        each_op(p, |op| {
            if let Op::Attention(a) = op {
                a.scale = 1.0;
            }
        });
    };
    caught(Fault::Program(unscaled), &["attention", "gradient of attention"]);
}

#[test]
fn dropped_gradients_are_caught() {
    let freeze = |p: &mut Program| {
        for param in p.params.iter_mut().filter(|p| p.name == "p1") {
            param.trainable = false;
        }
    };
    caught(Fault::Program(freeze), &["gradient of"]);
    let failed = failures(Fault::SwallowsErrors);
    assert!(failed.iter().any(|n| n == "a parameter whose gradient is lost"), "{failed:?}");
}

#[test]
fn wrong_optimisers_are_caught() {
    type Change = fn(&mut TrainSpec);
    let changes: [(Change, &str); 5] = [
        (|t| t.clip_norm = None, "clipped ("),
        (|t| t.schedule = Schedule::Constant { rate: 0.1 }, "cosine"),
        (
            |t| {
                if let Optimizer::AdamW { decay, .. } = &mut t.optimizer {
                    *decay = DecayRule::All;
                }
            },
            "decay of matrices",
        ),
        (
            |t| {
                if let Optimizer::AdamW { eps, .. } = &mut t.optimizer {
                    *eps = 1e-2;
                }
            },
            "AdamW",
        ),
        (
            |t| {
                if let Optimizer::Sgd { momentum } = &mut t.optimizer {
                    *momentum = 0.0;
                }
            },
            "momentum",
        ),
    ];
    for (change, about) in changes {
        let failed = failures(Fault::Training(change));
        assert!(failed.iter().any(|n| n.contains(about)), "nothing about {about} in {failed:?}");
        assert!(failed.iter().all(|n| n.contains("steps of") || n.contains("gradient")), "{failed:?}");
    }
}

#[test]
fn state_that_survives_a_reset_is_caught() {
    caught(Fault::KeepsState, &["state written in place", "state written and read again"]);
}

#[test]
fn answers_from_memory_are_caught() {
    let failed = failures(Fault::Remembers);
    assert!(failed.iter().any(|n| n.contains("state written in place")), "{failed:?}");
    assert!(failed.iter().any(|n| n.contains("steps of SGD")), "{failed:?}");
}

#[test]
fn swallowed_errors_are_caught() {
    let failed = failures(Fault::SwallowsErrors);
    for expected in ["binding another shape", "executing with an unbound input", "gather of index 3 out of 3"]
    {
        assert!(failed.iter().any(|n| n == expected), "nothing about {expected} in {failed:?}");
    }
}

#[test]
fn panics_fail_their_case_only() {
    let report = report(Fault::Panics);
    let unbound = report.cases.iter().find(|c| c.name == "executing with an unbound input").unwrap();
    assert!(format!("{:?}", unbound.verdict).contains("panicked"), "{unbound:?}");
    assert!(report.counts().0 > 2000, "{report}");
}

#[test]
fn coarse_results_are_caught_where_more_is_declared() {
    let failed = failures(Fault::Coarse);
    assert!(failed.iter().any(|n| n.starts_with("matmul (f32")), "{failed:?}");
    assert!(!failed.iter().any(|n| n.starts_with("matmul (bf16")), "{failed:?}");
}

#[test]
fn outputs_of_another_shape_are_caught() {
    assert!(failures(Fault::Reshapes).len() > 2000);
}

#[test]
fn contradictions_about_support_are_caught() {
    let failed = failures(Fault::RefusesErfInWords);
    assert!(failed.iter().any(|n| n.starts_with("erf (")), "{failed:?}");
}

#[test]
fn a_backend_that_computes_nothing_fails() {
    let mut null = portbench_backend::null::NullBackend::new();
    let report = conformance::run(&mut null, &mut Reference::exact());
    let (passed, unsupported, failed) = report.counts();
    assert!(unsupported == 0 && failed > 8 * passed, "{passed} passed, {failed} failed");
}

#[test]
#[should_panic(expected = "conformance of faulty on cpu: ")]
fn a_failed_report_panics_with_its_text() {
    report(Fault::KeepsState).assert_passed();
}
