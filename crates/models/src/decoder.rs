//! The entries of decoders: `forward`, `prefill` and `decode` over a KV cache, `train` and `eval`.

use portbench_graph::{AttentionOptions, CompareKind, DType, GraphBuilder, ProgramBuilder, Type, Value};

use crate::request::Form;

/// A decoder family.
pub(crate) trait Decoder {
    /// Number of token ids.
    fn vocabulary(&self) -> usize;

    /// Hidden states `[B,S,H]` after the last norm.
    fn hidden(&self, g: &mut GraphBuilder<'_>, ids: Value, context: &mut Context) -> Value;

    /// Logits `[N,V]` of hidden states `[N,H]`.
    fn head(&self, g: &mut GraphBuilder<'_>, x: Value) -> Value;

    /// Width of the hidden states.
    fn width(&self) -> usize;
}

/// What surrounds the tokens of one entry.
pub(crate) struct Context {
    /// Rows and tokens a row.
    pub(crate) shape: [usize; 2],
    /// Absolute position of the first token; `None` for whole sequences without a cache.
    pub(crate) position: Option<Value>,
    /// Positions that the KV cache holds.
    pub(crate) capacity: usize,
    /// `[B,1,1,S]`, true where a key may be seen.
    pub(crate) mask: Option<Value>,
}

impl Context {
    /// Absolute positions `[S]`, `i64`.
    pub(crate) fn positions(&self, g: &mut GraphBuilder<'_>) -> Value {
        let ty = Type::new(DType::I64, [self.shape[1]]);
        let steps = g.iota(0, ty.clone());
        match self.position {
            None => steps,
            Some(position) => {
                let start = g.reshape(position, &[1]);
                let start = g.broadcast(start, &[self.shape[1]]);
                g.add(steps, start)
            }
        }
    }

    /// Causal attention of layer `layer`; keys and values go through the layer's cache if there is one.
    pub(crate) fn attention(
        &self,
        g: &mut GraphBuilder<'_>,
        layer: usize,
        [q, k, v]: [Value; 3],
        scale: f64,
    ) -> Value {
        let (k, v) = match self.position {
            None => (k, v),
            Some(position) => (
                self.cached(g, &format!("k.{layer}"), k, position),
                self.cached(g, &format!("v.{layer}"), v, position),
            ),
        };
        let options = AttentionOptions { scale, causal: true, mask: self.mask, position: self.position };
        g.attention([q, k, v], options)
    }

    /// Writes `[B,H,S,D]` at `position` into a state and reads it whole.
    fn cached(&self, g: &mut GraphBuilder<'_>, name: &str, new: Value, position: Value) -> Value {
        let ty = g.ty(new);
        let [batch, heads, _, width] = ty.dims() else { return new };
        let cache = g.state(name, Type::new(ty.dtype, [*batch, *heads, self.capacity, *width]));
        let written = g.update_slice(cache, new, position, 2);
        g.update(name, written);
        written
    }
}

/// Adds the entries of a form.
pub(crate) fn entries(program: &mut ProgramBuilder, model: &impl Decoder, batch: usize, form: &Form) {
    match form {
        Form::Forward { sequence, mask } => {
            program.entry("forward", |g| forward(g, model, [batch, *sequence], *mask));
        }
        Form::Generate { prompt, new_tokens } => {
            let capacity = prompt + new_tokens;
            program.entry("prefill", |g| step(g, model, [batch, *prompt], capacity));
            program.entry("decode", |g| step(g, model, [batch, 1], capacity));
        }
        Form::Training { sequence, spec } => {
            for entry in ["train", "eval"] {
                program.entry(entry, |g| loss(g, model, [batch, *sequence]));
            }
            program.training(spec.clone());
        }
    }
}

fn whole(shape: [usize; 2], mask: Option<Value>) -> Context {
    Context { shape, position: None, capacity: 0, mask }
}

fn forward(g: &mut GraphBuilder<'_>, model: &impl Decoder, shape: [usize; 2], mask: bool) {
    let [batch, sequence] = shape;
    let ids = g.input("input_ids", Type::new(DType::I64, shape));
    let mask = mask.then(|| key_mask(g, shape));
    let x = model.hidden(g, ids, &mut whole(shape, mask));
    g.output("last_hidden_state", x);
    let x = g.reshape(x, &[batch * sequence, model.width()]);
    let logits = model.head(g, x);
    let logits = g.reshape(logits, &[batch, sequence, model.vocabulary()]);
    g.output("logits", logits);
}

/// The input `attention_mask` as a mask over keys, `[B,1,1,S]`.
pub(crate) fn key_mask(g: &mut GraphBuilder<'_>, [batch, sequence]: [usize; 2]) -> Value {
    let mask = g.input("attention_mask", Type::new(DType::I64, [batch, sequence]));
    let zero = g.constant(0.0, Type::new(DType::I64, [batch, sequence]));
    let mask = g.compare(CompareKind::Ne, mask, zero);
    g.reshape(mask, &[batch, 1, 1, sequence])
}

fn step(g: &mut GraphBuilder<'_>, model: &impl Decoder, shape: [usize; 2], capacity: usize) {
    let [batch, sequence] = shape;
    let ids = g.input("input_ids", Type::new(DType::I64, shape));
    let position = g.input("position", Type::scalar(DType::I64));
    let mut context = Context { shape, position: Some(position), capacity, mask: None };
    let x = model.hidden(g, ids, &mut context);
    let x = if sequence == 1 { x } else { g.slice(x, 1, sequence - 1, 1) };
    let x = g.reshape(x, &[batch, model.width()]);
    let logits = model.head(g, x);
    let next = g.arg_max(logits, 1);
    let next = g.reshape(next, &[batch]);
    g.output("logits", logits);
    g.output("next", next);
}

fn loss(g: &mut GraphBuilder<'_>, model: &impl Decoder, shape: [usize; 2]) {
    let tokens = shape[0] * shape[1];
    let ids = g.input("input_ids", Type::new(DType::I64, shape));
    let labels = g.input("labels", Type::new(DType::I64, shape));
    let x = model.hidden(g, ids, &mut whole(shape, None));
    let x = g.reshape(x, &[tokens, model.width()]);
    let logits = model.head(g, x);
    let labels = g.reshape(labels, &[tokens]);
    let loss = g.cross_entropy(logits, labels);
    g.output("loss", loss);
}
