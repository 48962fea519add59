//! Building programs.
//!
//! Calls never fail: a mistake is noted with the caller's location and yields a value that silences what follows from
//! it; [`ProgramBuilder::finish`] reports every mistake at once.

use std::collections::HashMap;
use std::panic::Location;

use smallvec::SmallVec;

use crate::error::{BuildError, GraphError};
use crate::infer;
use crate::op::{
    AttentionAttrs, BinaryKind, CompareKind, Conv2dAttrs, GeluKind, Op, Pool2dAttrs, ReduceKind, UnaryKind,
};
use crate::program::{Graph, Init, Node, ParamSpec, Program, StateSpec, ValueId};
use crate::training::TrainSpec;
use crate::types::{DType, Shape, Type};

/// Handle of a tensor in the graph being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Value(u32);

const POISON: Value = Value(u32::MAX);

/// Builds a [`Program`].
#[derive(Debug)]
pub struct ProgramBuilder {
    program: Program,
    compute: DType,
    storage: DType,
    errors: Vec<BuildError>,
}

impl ProgramBuilder {
    /// Builder of a program that stores parameters and computes in `dtype`.
    #[must_use]
    pub fn new(name: &str, dtype: DType) -> Self {
        Self::mixed(name, dtype, dtype)
    }

    /// Builder of a program that stores parameters in `storage` and casts them to `compute` where they are used: mixed precision
    /// training with full-precision master weights.
    #[must_use]
    pub fn mixed(name: &str, storage: DType, compute: DType) -> Self {
        let program = Program {
            name: name.to_owned(),
            params: Vec::new(),
            state: Vec::new(),
            entries: Vec::new(),
            training: None,
        };
        Self { program, compute, storage, errors: Vec::new() }
    }

    /// Element type of activations.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.compute
    }

    /// Adds an entry.
    #[track_caller]
    pub fn entry(&mut self, name: &str, build: impl FnOnce(&mut GraphBuilder<'_>)) {
        if self.program.entries.iter().any(|g| g.name == name) {
            self.errors.push(mistake(format!("the entry `{name}` exists already"), "", Location::caller()));
        }
        let mut g = GraphBuilder {
            owner: self,
            graph: Graph {
                name: name.to_owned(),
                nodes: Vec::new(),
                outputs: Vec::new(),
                updates: Vec::new(),
            },
            scopes: Vec::new(),
            sources: HashMap::new(),
        };
        build(&mut g);
        let graph = without_dead_nodes(g.graph);
        self.program.entries.push(graph);
    }

    /// Sets what a training step is.
    pub fn training(&mut self, spec: TrainSpec) {
        self.program.training = Some(spec);
    }

    /// Notes a mistake in the model's dimensions, to be reported by [`ProgramBuilder::finish`].
    #[track_caller]
    pub fn mistake(&mut self, message: impl Into<String>) {
        self.errors.push(mistake(message.into(), "", Location::caller()));
    }

    /// The verified program.
    ///
    /// # Errors
    /// [`GraphError::Build`] with every mistake; [`GraphError::Invalid`] for what only the whole program shows.
    pub fn finish(self) -> Result<Program, GraphError> {
        if !self.errors.is_empty() {
            return Err(GraphError::Build { program: self.program.name, errors: self.errors });
        }
        self.program.verify()?;
        Ok(self.program)
    }

    pub(crate) fn declare(&mut self, params: &[ParamSpec], state: &[StateSpec]) {
        self.program.params.extend_from_slice(params);
        self.program.state.extend_from_slice(state);
    }
}

fn mistake(message: String, scope: &str, location: &Location<'_>) -> BuildError {
    BuildError {
        message,
        location: format!("{}:{}", location.file(), location.line()),
        scope: scope.to_owned(),
    }
}

fn without_dead_nodes(graph: Graph) -> Graph {
    let mut live = vec![false; graph.nodes.len()];
    for (_, v) in graph.outputs.iter().chain(&graph.updates) {
        live[v.index()] = true;
    }
    for i in (0..graph.nodes.len()).rev() {
        // Inputs stay: they are the entry's signature.
        live[i] |= matches!(graph.nodes[i].op, Op::Input { .. });
        if live[i] {
            for a in &graph.nodes[i].args {
                live[a.index()] = true;
            }
        }
    }
    let mut renamed = vec![ValueId(0); graph.nodes.len()];
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for (i, mut node) in graph.nodes.into_iter().enumerate().filter(|(i, _)| live[*i]) {
        renamed[i] = ValueId(nodes.len() as u32);
        for a in &mut node.args {
            *a = renamed[a.index()];
        }
        nodes.push(node);
    }
    let rename =
        |list: Vec<(String, ValueId)>| list.into_iter().map(|(n, v)| (n, renamed[v.index()])).collect();
    Graph { name: graph.name, nodes, outputs: rename(graph.outputs), updates: rename(graph.updates) }
}

/// Builds one entry. Obtained from [`ProgramBuilder::entry`].
#[derive(Debug)]
pub struct GraphBuilder<'p> {
    owner: &'p mut ProgramBuilder,
    graph: Graph,
    scopes: Vec<String>,
    sources: HashMap<(&'static str, String), Value>,
}

impl GraphBuilder<'_> {
    /// Element type of activations.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.owner.compute
    }

    /// Type of a value; a scalar `bool` for the value of a mistaken call.
    #[must_use]
    pub fn ty(&self, v: Value) -> Type {
        self.graph.nodes.get(v.0 as usize).map_or_else(|| Type::scalar(DType::Bool), |n| n.ty.clone())
    }

    /// Shape of a value; see [`GraphBuilder::ty`].
    #[must_use]
    pub fn dims(&self, v: Value) -> Vec<usize> {
        self.ty(v).dims().to_vec()
    }

    /// Runs `build` with `name` appended to the scope: parameters it declares get the dotted prefix. An empty name appends nothing.
    pub fn scope<R>(&mut self, name: impl Into<String>, build: impl FnOnce(&mut Self) -> R) -> R {
        let name = name.into();
        if name.is_empty() {
            return build(self);
        }
        self.scopes.push(name);
        let result = build(self);
        self.scopes.pop();
        result
    }

    pub(crate) fn set_scope(&mut self, scope: &str) {
        self.scopes.clear();
        if !scope.is_empty() {
            self.scopes.push(scope.to_owned());
        }
    }

    fn scope_name(&self) -> String {
        self.scopes.join(".")
    }

    fn qualified(&self, name: &str) -> String {
        if self.scopes.is_empty() { name.to_owned() } else { format!("{}.{name}", self.scope_name()) }
    }

    /// Notes a mistake in the model's dimensions, to be reported by [`ProgramBuilder::finish`].
    #[track_caller]
    pub fn mistake(&mut self, message: impl Into<String>) -> Value {
        let error = mistake(message.into(), &self.scope_name(), Location::caller());
        self.owner.errors.push(error);
        POISON
    }

    /// Appends an operation; the named methods below are shorthands for it.
    #[track_caller]
    pub fn op(&mut self, op: Op, args: &[Value]) -> Value {
        if args.contains(&POISON) {
            return POISON;
        }
        let ids: SmallVec<[ValueId; 4]> = args.iter().map(|v| ValueId(v.0)).collect();
        let result = {
            let types: SmallVec<[&Type; 4]> = ids.iter().map(|id| &self.graph.node(*id).ty).collect();
            infer::result_type(&op, &types)
        };
        match result {
            Ok(ty) => self.push(op, ids, ty),
            Err(message) => self.mistake(message),
        }
    }

    fn push(&mut self, op: Op, args: SmallVec<[ValueId; 4]>, ty: Type) -> Value {
        let value = Value(self.graph.nodes.len() as u32);
        let scope = self.scope_name();
        self.graph.nodes.push(Node { op, args, ty, scope });
        value
    }

    /// An input of the entry.
    #[track_caller]
    pub fn input(&mut self, name: &str, ty: Type) -> Value {
        let key = ("input", name.to_owned());
        if self.sources.contains_key(&key) {
            return self.mistake(format!("the input `{name}` exists already"));
        }
        let value = self.op(Op::Input { name: name.to_owned(), ty }, &[]);
        self.sources.insert(key, value);
        value
    }

    /// A trainable parameter below the current scope, in the storage type, cast to the compute type.
    #[track_caller]
    pub fn param(&mut self, name: &str, shape: &[usize], init: Init) -> Value {
        let ty = Type::new(self.owner.storage, shape);
        self.declare_param(name, ty, init, true)
    }

    /// A parameter that training leaves alone (running statistics, fixed tables).
    #[track_caller]
    pub fn frozen_param(&mut self, name: &str, shape: &[usize], init: Init) -> Value {
        let ty = Type::new(self.owner.storage, shape);
        self.declare_param(name, ty, init, false)
    }

    #[track_caller]
    fn declare_param(&mut self, name: &str, ty: Type, init: Init, trainable: bool) -> Value {
        let name = self.qualified(name);
        let spec = ParamSpec { name: name.clone(), ty: ty.clone(), init, trainable };
        match self.owner.program.params.iter().find(|p| p.name == name) {
            Some(known) if *known != spec => {
                return self.mistake(format!(
                    "the parameter `{name}` is used as {ty} and as {} (or with another initial value)",
                    known.ty
                ));
            }
            Some(_) => {}
            None => {
                if let Err(message) = infer::check_size(&ty) {
                    return self.mistake(format!("parameter `{name}`: {message}"));
                }
                self.owner.program.params.push(spec);
            }
        }
        let stored = self.source("param", Op::Param { name: name.clone() }, &name, ty);
        if self.owner.storage == self.owner.compute {
            return stored;
        }
        let key = ("cast", name);
        if let Some(v) = self.sources.get(&key) {
            return *v;
        }
        let cast = self.cast(stored, self.owner.compute);
        self.sources.insert(key, cast);
        cast
    }

    pub(crate) fn source(&mut self, kind: &'static str, op: Op, name: &str, ty: Type) -> Value {
        let key = (kind, name.to_owned());
        if let Some(v) = self.sources.get(&key) {
            return *v;
        }
        let value = self.push(op, SmallVec::new(), ty);
        self.sources.insert(key, value);
        value
    }

    /// Reads a state, declaring it on first use in the program. Names are not scoped.
    #[track_caller]
    pub fn state(&mut self, name: &str, ty: Type) -> Value {
        match self.owner.program.state.iter().find(|s| s.name == name) {
            Some(known) if known.ty != ty => {
                return self.mistake(format!("the state `{name}` is used as {ty} and as {}", known.ty));
            }
            Some(_) => {}
            None => {
                if let Err(message) = infer::check_size(&ty) {
                    return self.mistake(format!("state `{name}`: {message}"));
                }
                self.owner.program.state.push(StateSpec { name: name.to_owned(), ty: ty.clone() });
            }
        }
        self.source("state", Op::State { name: name.to_owned() }, name, ty)
    }

    /// Makes `value` the next value of a state.
    #[track_caller]
    pub fn update(&mut self, name: &str, value: Value) {
        if value == POISON {
            return;
        }
        if self.graph.updates.iter().any(|(n, _)| n == name) {
            self.mistake(format!("the state `{name}` is updated twice"));
            return;
        }
        self.graph.updates.push((name.to_owned(), ValueId(value.0)));
    }

    /// Names a result of the entry.
    #[track_caller]
    pub fn output(&mut self, name: &str, value: Value) {
        if value == POISON {
            return;
        }
        if self.graph.outputs.iter().any(|(n, _)| n == name) {
            self.mistake(format!("the output `{name}` exists already"));
            return;
        }
        self.graph.outputs.push((name.to_owned(), ValueId(value.0)));
    }

    /// A tensor filled with one value.
    #[track_caller]
    pub fn constant(&mut self, value: f64, ty: Type) -> Value {
        self.op(Op::Constant { value, ty }, &[])
    }

    /// A small tensor written out.
    #[track_caller]
    pub fn literal(&mut self, values: &[f64], ty: Type) -> Value {
        self.op(Op::Literal { values: values.to_vec(), ty }, &[])
    }

    /// `0, 1, 2, ...` along an axis.
    #[track_caller]
    pub fn iota(&mut self, axis: usize, ty: Type) -> Value {
        self.op(Op::Iota { axis, ty }, &[])
    }

    /// A tensor that a module returns.
    #[track_caller]
    pub fn module(&mut self, digest: &str, output: Option<usize>, ty: Type, inputs: &[Value]) -> Value {
        self.op(Op::Module { digest: digest.to_owned(), output, ty }, inputs)
    }

    /// Element-wise function.
    #[track_caller]
    pub fn unary(&mut self, kind: UnaryKind, x: Value) -> Value {
        self.op(Op::Unary { kind }, &[x])
    }

    /// `mul * x + add`.
    #[track_caller]
    pub fn affine(&mut self, x: Value, mul: f64, add: f64) -> Value {
        self.op(Op::Affine { mul, add }, &[x])
    }

    /// Element-wise function of two tensors.
    #[track_caller]
    pub fn binary(&mut self, kind: BinaryKind, a: Value, b: Value) -> Value {
        self.op(Op::Binary { kind }, &[a, b])
    }

    /// `a + b`
    #[track_caller]
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.binary(BinaryKind::Add, a, b)
    }

    /// `a - b`
    #[track_caller]
    pub fn sub(&mut self, a: Value, b: Value) -> Value {
        self.binary(BinaryKind::Sub, a, b)
    }

    /// `a * b`
    #[track_caller]
    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        self.binary(BinaryKind::Mul, a, b)
    }

    /// `a / b`
    #[track_caller]
    pub fn div(&mut self, a: Value, b: Value) -> Value {
        self.binary(BinaryKind::Div, a, b)
    }

    /// Element-wise comparison.
    #[track_caller]
    pub fn compare(&mut self, kind: CompareKind, a: Value, b: Value) -> Value {
        self.op(Op::Compare { kind }, &[a, b])
    }

    /// `a` where `condition`, else `b`.
    #[track_caller]
    pub fn select(&mut self, condition: Value, a: Value, b: Value) -> Value {
        self.op(Op::Select, &[condition, a, b])
    }

    /// Conversion; the value itself when it has that element type.
    #[track_caller]
    pub fn cast(&mut self, x: Value, to: DType) -> Value {
        if x != POISON && self.ty(x).dtype == to {
            return x;
        }
        self.op(Op::Cast { to }, &[x])
    }

    /// Sum over axes, which stay with size 1.
    #[track_caller]
    pub fn sum(&mut self, x: Value, axes: &[usize]) -> Value {
        self.op(Op::Reduce { kind: ReduceKind::Sum, axes: axes.to_vec() }, &[x])
    }

    /// Maximum over axes, which stay with size 1.
    #[track_caller]
    pub fn max(&mut self, x: Value, axes: &[usize]) -> Value {
        self.op(Op::Reduce { kind: ReduceKind::Max, axes: axes.to_vec() }, &[x])
    }

    /// Mean over axes, which stay with size 1: a sum and an affine.
    #[track_caller]
    pub fn mean(&mut self, x: Value, axes: &[usize]) -> Value {
        let sum = self.sum(x, axes);
        let ty = self.ty(x);
        let n: usize = axes.iter().filter_map(|&a| ty.dims().get(a)).product();
        self.affine(sum, 1.0 / n.max(1) as f64, 0.0)
    }

    /// Index of the largest value along an axis.
    #[track_caller]
    pub fn arg_max(&mut self, x: Value, axis: usize) -> Value {
        self.op(Op::ArgMax { axis }, &[x])
    }

    /// The same elements under another shape.
    #[track_caller]
    pub fn reshape(&mut self, x: Value, shape: &[usize]) -> Value {
        if x != POISON && self.ty(x).dims() == shape {
            return x;
        }
        self.op(Op::Reshape { shape: Shape::new(shape) }, &[x])
    }

    /// Reorders axes.
    #[track_caller]
    pub fn permute(&mut self, x: Value, axes: &[usize]) -> Value {
        self.op(Op::Permute { axes: axes.to_vec() }, &[x])
    }

    /// Repeats axes of size 1.
    #[track_caller]
    pub fn broadcast(&mut self, x: Value, shape: &[usize]) -> Value {
        if x != POISON && self.ty(x).dims() == shape {
            return x;
        }
        self.op(Op::Broadcast { shape: Shape::new(shape) }, &[x])
    }

    /// Repeats a vector over the leading axes of `shape`: reshape and broadcast.
    #[track_caller]
    pub fn broadcast_last(&mut self, x: Value, shape: &[usize]) -> Value {
        let n = self.ty(x).shape.elements();
        let mut dims = vec![1; shape.len().max(1)];
        if let Some(d) = dims.last_mut() {
            *d = n;
        }
        let x = self.reshape(x, &dims);
        self.broadcast(x, shape)
    }

    /// `len` consecutive elements of an axis.
    #[track_caller]
    pub fn slice(&mut self, x: Value, axis: usize, start: usize, len: usize) -> Value {
        self.op(Op::Slice { axis, start, len, step: 1 }, &[x])
    }

    /// Joins tensors along an axis.
    #[track_caller]
    pub fn concat(&mut self, parts: &[Value], axis: usize) -> Value {
        self.op(Op::Concat { axis }, parts)
    }

    /// Matrix product over the last two axes.
    #[track_caller]
    pub fn matmul(&mut self, a: Value, b: Value) -> Value {
        self.op(Op::MatMul, &[a, b])
    }

    /// 2-D convolution.
    #[track_caller]
    pub fn conv2d(&mut self, x: Value, w: Value, bias: Option<Value>, attrs: Conv2dAttrs) -> Value {
        let args: SmallVec<[Value; 3]> = [x, w].into_iter().chain(bias).collect();
        self.op(Op::Conv2d(attrs), &args)
    }

    /// Window maximum.
    #[track_caller]
    pub fn max_pool2d(&mut self, x: Value, attrs: Pool2dAttrs) -> Value {
        self.op(Op::MaxPool2d(attrs), &[x])
    }

    /// Window mean.
    #[track_caller]
    pub fn avg_pool2d(&mut self, x: Value, attrs: Pool2dAttrs) -> Value {
        self.op(Op::AvgPool2d(attrs), &[x])
    }

    /// Replaces an axis of `x` by the shape of `ids`.
    #[track_caller]
    pub fn gather(&mut self, x: Value, ids: Value, axis: usize) -> Value {
        self.op(Op::Gather { axis }, &[x, ids])
    }

    /// Picks along an axis.
    #[track_caller]
    pub fn gather_along(&mut self, x: Value, ids: Value, axis: usize) -> Value {
        self.op(Op::GatherAlong { axis }, &[x, ids])
    }

    /// `base` with `update` written at `start` along an axis.
    #[track_caller]
    pub fn update_slice(&mut self, base: Value, update: Value, start: Value, axis: usize) -> Value {
        self.op(Op::UpdateSlice { axis }, &[base, update, start])
    }

    /// Affine map of the last axis; weight `[out, in]`.
    #[track_caller]
    pub fn linear(&mut self, x: Value, w: Value, bias: Option<Value>) -> Value {
        let args: SmallVec<[Value; 3]> = [x, w].into_iter().chain(bias).collect();
        self.op(Op::Linear { in_out: false }, &args)
    }

    /// Affine map of the last axis; weight `[in, out]`.
    #[track_caller]
    pub fn linear_in_out(&mut self, x: Value, w: Value, bias: Option<Value>) -> Value {
        let args: SmallVec<[Value; 3]> = [x, w].into_iter().chain(bias).collect();
        self.op(Op::Linear { in_out: true }, &args)
    }

    /// Rows of a table.
    #[track_caller]
    pub fn embedding(&mut self, ids: Value, table: Value) -> Value {
        self.op(Op::Embedding, &[ids, table])
    }

    /// Softmax over the last axis.
    #[track_caller]
    pub fn softmax(&mut self, x: Value) -> Value {
        self.op(Op::Softmax, &[x])
    }

    /// Logarithm of softmax over the last axis.
    #[track_caller]
    pub fn log_softmax(&mut self, x: Value) -> Value {
        self.op(Op::LogSoftmax, &[x])
    }

    /// Layer normalisation over the last axis.
    #[track_caller]
    pub fn layer_norm(&mut self, x: Value, w: Value, bias: Option<Value>, eps: f64) -> Value {
        let args: SmallVec<[Value; 3]> = [x, w].into_iter().chain(bias).collect();
        self.op(Op::LayerNorm { eps }, &args)
    }

    /// Root-mean-square normalisation over the last axis.
    #[track_caller]
    pub fn rms_norm(&mut self, x: Value, w: Value, eps: f64) -> Value {
        self.op(Op::RmsNorm { eps }, &[x, w])
    }

    /// Batch normalisation with running statistics: `[weight, bias, mean, var]`.
    #[track_caller]
    pub fn batch_norm(&mut self, x: Value, stats: [Value; 4], eps: f64) -> Value {
        self.op(Op::BatchNorm { eps }, &[x, stats[0], stats[1], stats[2], stats[3]])
    }

    /// Gaussian error linear unit.
    #[track_caller]
    pub fn gelu(&mut self, x: Value, kind: GeluKind) -> Value {
        self.op(Op::Gelu { kind }, &[x])
    }

    /// `x / (1 + e^-x)`
    #[track_caller]
    pub fn silu(&mut self, x: Value) -> Value {
        self.op(Op::Silu, &[x])
    }

    /// `maximum(x, 0)`
    #[track_caller]
    pub fn relu(&mut self, x: Value) -> Value {
        self.op(Op::Relu, &[x])
    }

    /// Rotary position embedding of `[B,H,S,D]`.
    #[track_caller]
    pub fn rotary(&mut self, x: Value, cos: Value, sin: Value) -> Value {
        self.op(Op::Rotary, &[x, cos, sin])
    }

    /// Scaled dot-product attention.
    #[track_caller]
    pub fn attention(&mut self, qkv: [Value; 3], options: AttentionOptions) -> Value {
        let AttentionOptions { scale, causal, mask, position } = options;
        let attrs = AttentionAttrs { scale, causal, mask: mask.is_some(), position: position.is_some() };
        let args: SmallVec<[Value; 5]> = qkv.into_iter().chain(mask).chain(position).collect();
        self.op(Op::Attention(attrs), &args)
    }

    /// Mean negative log-likelihood of `targets` under `[N,V]` logits.
    #[track_caller]
    pub fn cross_entropy(&mut self, logits: Value, targets: Value) -> Value {
        self.op(Op::CrossEntropy, &[logits, targets])
    }

    /// Expert weights of each row.
    #[track_caller]
    pub fn top_k_routing(&mut self, logits: Value, k: usize, renormalize: bool) -> Value {
        self.op(Op::TopKRouting { k, renormalize }, &[logits])
    }

    /// Weighted sum of gated experts; `weights_of` holds `[gate, up, down]` of each.
    #[track_caller]
    pub fn experts(&mut self, x: Value, routing: Value, weights_of: &[[Value; 3]], active: usize) -> Value {
        let mut args = vec![x, routing];
        args.extend(weights_of.iter().flatten());
        self.op(Op::Experts { experts: weights_of.len(), active }, &args)
    }
}

/// Operands and attributes of [`GraphBuilder::attention`].
#[derive(Clone, Copy, Debug)]
pub struct AttentionOptions {
    /// Factor applied to the scores.
    pub scale: f64,
    /// See [`AttentionAttrs::causal`].
    pub causal: bool,
    /// See [`AttentionAttrs::mask`].
    pub mask: Option<Value>,
    /// See [`AttentionAttrs::position`].
    pub position: Option<Value>,
}
