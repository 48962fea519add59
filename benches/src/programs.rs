//! Programs of GPT-2, and the same weights as candle tensors.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use portbench_backend::{BackendError, ParamSource};
use portbench_graph::{
    DType, DecayRule, GraphError, Optimizer, Program, ProgramBuilder, Schedule, TrainSpec, Type,
};
use portbench_models::{Activation, Form, Model, ModelError, Request};

/// Weights of every benchmark.
pub const PARAMS: ParamSource = ParamSource::Generated { seed: 1 };

/// A program of GPT-2 124M at `f32`.
///
/// # Errors
/// The builder's.
pub fn gpt2_124m(form: Form, batch: usize) -> Result<Program, ModelError> {
    Model::preset("gpt2", "124m")?.program(&Request { form, batch, storage: DType::F32, compute: DType::F32 })
}

/// A program of nanoGPT's model for one CPU with biases, at `f32`.
///
/// # Errors
/// The builder's.
pub fn nano(form: Form, batch: usize) -> Result<Program, ModelError> {
    let mut model = Model::preset("gpt2", "nano-char")?;
    if let Model::Gpt2(nano) = &mut model {
        nano.bias = true;
        nano.activation = Activation::GeluTanh;
    }
    model.program(&Request { form, batch, storage: DType::F32, compute: DType::F32 })
}

/// A program with one entry, `forward`, that gives a constant.
///
/// # Errors
/// The builder's.
pub fn nothing() -> Result<Program, GraphError> {
    let mut builder = ProgramBuilder::new("nothing", DType::F32);
    builder.entry("forward", |g| {
        let zero = g.constant(0.0, Type::scalar(DType::F32));
        g.output("zero", zero);
    });
    builder.finish()
}

/// AdamW as candle-nn's default, decay on everything.
#[must_use]
pub fn adamw(rate: f64) -> TrainSpec {
    TrainSpec {
        entry: "train".into(),
        loss: "loss".into(),
        optimizer: Optimizer::AdamW {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.01,
            decay: DecayRule::All,
        },
        schedule: Schedule::Constant { rate },
        clip_norm: None,
    }
}

/// The parameters of a program as candle tensors.
///
/// # Errors
/// The generator's, as text candle's.
pub fn weights(program: &Program) -> Result<HashMap<String, Tensor>, Box<dyn std::error::Error>> {
    let mut source = PARAMS.open()?;
    let tensor = |spec: &portbench_graph::ParamSpec| -> Result<_, Box<dyn std::error::Error>> {
        let values: Vec<f32> = source.load(spec)?.to_f64().into_iter().map(|v| v as f32).collect();
        Ok((spec.name.clone(), Tensor::from_vec(values, spec.ty.dims(), &Device::Cpu)?))
    };
    program.params.iter().map(tensor).collect()
}

/// Ids below 65, so that every vocabulary here holds them.
///
/// # Errors
/// The generator's.
pub fn ids(name: &str, shape: &[usize]) -> Result<portbench_backend::HostTensor, BackendError> {
    let ty = Type::new(DType::I64, shape);
    portbench_backend::generate::tensor(
        1,
        name,
        &ty,
        portbench_backend::generate::Recipe::Integers { low: 0, high: 65 },
    )
}
