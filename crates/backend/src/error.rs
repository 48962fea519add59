//! Errors of backends.

use std::path::PathBuf;

use portbench_graph::{GraphError, Type};
use thiserror::Error;

/// One op a backend cannot run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnsupportedOp {
    /// Entry it stands in.
    pub entry: String,
    /// Op name.
    pub op: String,
    /// Scope inside the model, empty at the top.
    pub scope: String,
    /// Why, naming the type or attribute.
    pub reason: String,
}

fn list(ops: &[UnsupportedOp]) -> String {
    const SHOWN: usize = 8;
    let mut text: String = ops
        .iter()
        .take(SHOWN)
        .map(|o| format!("\n  {} in `{}` {}: {}", o.op, o.entry, o.scope, o.reason))
        .collect();
    if ops.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", ops.len() - SHOWN));
    }
    text
}

/// Why a backend did not do what was asked. Messages are fragments that fit "failed to ...: {error}".
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The device or the software is not there.
    #[error("{what} is not available; {hint}")]
    Unavailable {
        /// What is missing.
        what: String,
        /// The way out.
        hint: String,
    },
    /// The backend cannot run these ops.
    #[error("{} op(s) are unsupported by {backend}:{}", ops.len(), list(ops))]
    Unsupported {
        /// Backend name.
        backend: String,
        /// Every one of them.
        ops: Vec<UnsupportedOp>,
    },
    /// Memory ran out.
    #[error("out of memory: {detail}")]
    OutOfMemory {
        /// What was asked for, and what there was, as far as known.
        detail: String,
    },
    /// A step that has a time limit of its own ran past it.
    #[error("not done in time: {detail}")]
    TimedOut {
        /// What, after how long, and the way out.
        detail: String,
    },
    /// A trainable parameter got no gradient at the first step: the backend would train less than it claims.
    #[error(
        "no gradient reached the trainable parameter `{param}`; a kernel without a backward pass is on its way to the loss"
    )]
    MissingGradient {
        /// Parameter name.
        param: String,
    },
    /// The program has no such entry.
    #[error("no entry `{entry}`; the program has {}", known.join(", "))]
    UnknownEntry {
        /// What was asked for.
        entry: String,
        /// What there is.
        known: Vec<String>,
    },
    /// An input is unknown, unbound or of another type.
    #[error("input `{input}` of entry `{entry}`: {message}")]
    Input {
        /// Entry name.
        entry: String,
        /// Input name.
        input: String,
        /// What is wrong.
        message: String,
    },
    /// An output or parameter cannot be fetched.
    #[error("`{name}` cannot be fetched: {message}")]
    Output {
        /// Output or parameter name.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A parameter cannot be loaded.
    #[error("parameter `{name}`: {message}")]
    Parameter {
        /// Parameter name.
        name: String,
        /// What is wrong, and in which file.
        message: String,
    },
    /// A checkpoint file cannot be read.
    #[error("checkpoint {}: {message}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
        /// The operating system's error, if it was one.
        #[source]
        source: Option<std::io::Error>,
    },
    /// Bytes do not make a tensor of this type.
    #[error("{got} bytes do not fill {ty}, which takes {expected}")]
    TensorSize {
        /// Declared type.
        ty: Type,
        /// Bytes it takes.
        expected: u64,
        /// Bytes given.
        got: u64,
    },
    /// An index operand is out of range, or another value the program forbids turned up.
    #[error("{place}: {message}")]
    Value {
        /// Node or entry.
        place: String,
        /// The broken rule.
        message: String,
    },
    /// The program is not valid.
    #[error("invalid program")]
    Graph(#[from] GraphError),
    /// The library underneath failed.
    #[error("{place}")]
    Device {
        /// What was being done, naming the node where known.
        place: String,
        /// The library's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
