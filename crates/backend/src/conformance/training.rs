//! Training steps: optimisers, schedules, clipping, what moves and what stays, and gradients that go missing.

use portbench_graph::{
    DType, DecayRule, GeluKind, GraphError, Init, Optimizer, Program, ProgramBuilder, Schedule, TrainSpec,
    Type,
};

use crate::causes::with_causes;
use crate::conformance::case::{around_zero, close, compile, guarded, integers, roundoff};
use crate::conformance::report::{CaseReport, Verdict};
use crate::contract::{Backend, CompileOptions, EntryId, Executable};
use crate::error::BackendError;
use crate::tensor::HostTensor;

const STEPS: usize = 5;
const PARAMS: [&str; 6] = ["table", "norm", "up", "up-bias", "down", "frozen"];

/// Optimiser, schedule and clipping of one story.
fn settings() -> Vec<(&'static str, Optimizer, Schedule, Option<f64>)> {
    let adamw = |decay| Optimizer::AdamW { beta1: 0.9, beta2: 0.95, eps: 1e-6, weight_decay: 0.1, decay };
    let constant = Schedule::Constant { rate: 0.05 };
    let cosine = Schedule::WarmupCosine { rate: 0.1, floor: 0.01, warmup: 2, steps: 4 };
    vec![
        ("SGD", Optimizer::Sgd { momentum: 0.0 }, constant, None),
        ("SGD with momentum", Optimizer::Sgd { momentum: 0.9 }, constant, None),
        ("SGD, clipped", Optimizer::Sgd { momentum: 0.9 }, constant, Some(0.1)),
        ("SGD, clipped at what is never reached", Optimizer::Sgd { momentum: 0.0 }, constant, Some(1e6)),
        ("SGD, warm-up and cosine", Optimizer::Sgd { momentum: 0.9 }, cosine, None),
        ("AdamW, decay of all", adamw(DecayRule::All), constant, None),
        ("AdamW, decay of matrices", adamw(DecayRule::Matrices), constant, None),
        ("AdamW, warm-up and cosine, clipped", adamw(DecayRule::Matrices), cosine, Some(0.1)),
    ]
}

pub(super) fn check(backend: &mut dyn Backend, oracle: &mut dyn Backend) -> Vec<CaseReport> {
    let mut reports = Vec::new();
    for (name, optimizer, schedule, clip_norm) in settings() {
        for dtype in [DType::F64, DType::F32] {
            let spec =
                TrainSpec { entry: "train".into(), loss: "loss".into(), optimizer, schedule, clip_norm };
            reports.push(guarded(&format!("{STEPS} steps of {name} ({dtype})"), || {
                let program = classifier(dtype, spec).map_err(|e| format!("the suite is wrong: {e}"))?;
                compare_stories(&program, dtype, backend, oracle)
            }));
        }
    }
    reports.push(guarded("a parameter whose gradient is lost", || missing_gradient(backend)));
    reports
}

/// Embedding, layer norm, two linear maps around a GELU, cross-entropy; a frozen scale on the way. `forward` computes the loss
/// without training.
fn classifier(dtype: DType, spec: TrainSpec) -> Result<Program, GraphError> {
    let mut p = ProgramBuilder::new("classifier", dtype);
    for entry in ["train", "forward"] {
        p.entry(entry, |g| {
            let ids = g.input("ids", Type::new(DType::I64, [6]));
            let labels = g.input("labels", Type::new(DType::I64, [6]));
            let normal = |std| Init::Normal { std };
            let table = g.param("table", &[7, 8], normal(1.0));
            let norm = g.param("norm", &[8], Init::Constant { value: 1.0 });
            let up = g.param("up", &[10, 8], normal(0.4));
            let up_bias = g.param("up-bias", &[10], normal(0.1));
            let down = g.param("down", &[5, 10], normal(0.4));
            let frozen = g.frozen_param("frozen", &[10], Init::Constant { value: 1.5 });
            let x = g.embedding(ids, table);
            let x = g.layer_norm(x, norm, None, 1e-5);
            let x = g.linear(x, up, Some(up_bias));
            let x = g.gelu(x, GeluKind::Tanh);
            let frozen = g.broadcast_last(frozen, &[6, 10]);
            let x = g.mul(x, frozen);
            let logits = g.linear(x, down, None);
            let loss = g.cross_entropy(logits, labels);
            g.output("loss", loss);
        });
    }
    p.training(spec);
    p.finish()
}

fn compare_stories(
    program: &Program,
    dtype: DType,
    backend: &mut dyn Backend,
    oracle: &mut dyn Backend,
) -> Result<Verdict, String> {
    let options = CompileOptions::default();
    let mut executable = match compile(program, backend, &options)? {
        Ok(executable) => executable,
        Err(reason) => return Ok(Verdict::Unsupported { reason }),
    };
    let mut golden = compile(program, oracle, &options)??;
    let got = story(&mut *executable).map_err(|e| with_causes(&e))?;
    let expected = story(&mut *golden).map_err(|e| with_causes(&e))?;
    for ((name, g), (_, e)) in got.iter().zip(&expected) {
        close(g, e, 1024.0 * roundoff(dtype), 0.0).map_err(|m| format!("{name}: {m}"))?;
    }
    let value = |name: &str| got.iter().find(|(n, _)| n == name).map(|(_, t)| t.to_f64());
    if value("frozen").is_none_or(|v| v.iter().any(|&x| x != 1.5)) {
        return Err("the frozen parameter moved".into());
    }
    Ok(Verdict::Passed)
}

/// The loss of every step on changing inputs, of `forward` after them, and every parameter.
fn story(executable: &mut dyn Executable) -> Result<Vec<(String, HostTensor)>, BackendError> {
    let (train, forward) = (EntryId(0), EntryId(1));
    let mut seen = Vec::new();
    for step in 0..STEPS {
        let ids = integers(80 + step as u64, &[6], 0, 7);
        let labels = integers(90 + step as u64, &[6], 0, 5);
        executable.bind(train, &[("ids", &ids), ("labels", &labels)])?;
        executable.execute(train)?;
        seen.push((format!("loss of step {step}"), executable.fetch(train, "loss")?));
        // State is another thing than parameters and moments.
        executable.reset_state()?;
    }
    let inputs = [integers(80, &[6], 0, 7), integers(90, &[6], 0, 5)];
    executable.bind(forward, &[("ids", &inputs[0]), ("labels", &inputs[1])])?;
    for again in 0..2 {
        executable.execute(forward)?;
        seen.push((format!("forward after training, {again}"), executable.fetch(forward, "loss")?));
    }
    executable.synchronize()?;
    for name in PARAMS {
        seen.push((name.to_owned(), executable.fetch_param(name)?));
    }
    Ok(seen)
}

/// One parameter reaches the loss as it is, the other only through a cast to integers.
fn missing_gradient(backend: &mut dyn Backend) -> Result<Verdict, String> {
    let mut p = ProgramBuilder::new("missing", DType::F32);
    p.entry("train", |g| {
        let x = g.input("x", Type::new(DType::F32, [4]));
        let kept = g.param("kept", &[4], Init::Uniform { bound: 1.0 });
        let lost = g.param("lost", &[4], Init::Uniform { bound: 9.0 });
        let whole = g.cast(lost, DType::I64);
        let whole = g.cast(whole, DType::F32);
        let y = g.mul(x, kept);
        let y = g.add(y, whole);
        let loss = g.sum(y, &[0]);
        let loss = g.reshape(loss, &[]);
        g.output("loss", loss);
    });
    p.training(TrainSpec {
        entry: "train".into(),
        loss: "loss".into(),
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        schedule: Schedule::Constant { rate: 0.1 },
        clip_norm: None,
    });
    let program = p.finish().map_err(|e| format!("the suite is wrong: {e}"))?;
    let mut executable = match compile(&program, backend, &CompileOptions::default())? {
        Ok(executable) => executable,
        Err(reason) => return Ok(Verdict::Unsupported { reason }),
    };
    let x = around_zero(99, DType::F32, &[4]);
    executable.bind(EntryId(0), &[("x", &x)]).map_err(|e| with_causes(&e))?;
    match executable.execute(EntryId(0)) {
        Err(BackendError::MissingGradient { param }) if param == "lost" => Ok(Verdict::Passed),
        Err(e) => Err(format!("is an error of the wrong kind: {}", with_causes(&e))),
        Ok(()) => Err("trained, though no gradient reached `lost`".into()),
    }
}
