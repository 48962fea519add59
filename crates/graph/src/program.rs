//! Programs, graphs and nodes.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::error::GraphError;
use crate::op::Op;
use crate::training::TrainSpec;
use crate::types::Type;

/// Index of the node that computes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValueId(pub u32);

impl ValueId {
    /// Position of the defining node in [`Graph::nodes`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operation; node `i` of a graph defines value `i`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The operator.
    pub op: Op,
    /// Operands, all defined by earlier nodes.
    #[serde(default)]
    pub args: SmallVec<[ValueId; 4]>,
    /// Type of the result.
    pub ty: Type,
    /// Dotted name of the part of the model it belongs to; empty at the top. Not part of the fingerprint.
    #[serde(default)]
    pub scope: String,
}

/// One entry of a program: nodes in topological order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// Entry name, such as `forward`, `prefill`, `decode`, `train`.
    pub name: String,
    /// Nodes in topological order.
    pub nodes: Vec<Node>,
    /// Named results, in order.
    pub outputs: Vec<(String, ValueId)>,
    /// States written at the end of an execution, each at most once.
    #[serde(default)]
    pub updates: Vec<(String, ValueId)>,
}

impl Graph {
    /// The node that defines a value.
    #[must_use]
    pub fn node(&self, id: ValueId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Inputs in order of declaration: name and type.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.nodes.iter().filter_map(|n| match &n.op {
            Op::Input { name, ty } => Some((name.as_str(), ty)),
            _ => None,
        })
    }

    /// Types of a node's operands.
    #[must_use]
    pub fn arg_types(&self, node: &Node) -> SmallVec<[&Type; 4]> {
        node.args.iter().map(|a| &self.node(*a).ty).collect()
    }

    /// Type of the named output.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<&Type> {
        self.outputs.iter().find(|(n, _)| n == name).map(|(_, v)| &self.node(*v).ty)
    }
}

/// How a parameter gets its value when no checkpoint is given. The generator is specified in
/// `portbench_backend::generate`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Init {
    /// Mean 0 and this standard deviation.
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// Uniform in `[-bound, bound)`.
    Uniform {
        /// Half width.
        bound: f64,
    },
    /// One value everywhere.
    Constant {
        /// The value.
        value: f64,
    },
}

/// A parameter shared by the entries of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParamSpec {
    /// Dotted name, as in the checkpoint.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Generated value.
    pub init: Init,
    /// Whether training may update it; running statistics are not.
    pub trainable: bool,
}

/// A tensor that lives from one execution to the next (a KV cache); zero at first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateSpec {
    /// Name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// Entries that share parameters and state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Name for people; not part of the fingerprint.
    pub name: String,
    /// Parameters in order of first use.
    pub params: Vec<ParamSpec>,
    /// States in order of declaration.
    pub state: Vec<StateSpec>,
    /// Entries in order of declaration.
    pub entries: Vec<Graph>,
    /// What one training step is, if the program trains.
    pub training: Option<TrainSpec>,
}

impl Program {
    /// The entry of that name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Graph> {
        self.entries.iter().find(|g| g.name == name)
    }

    /// The parameter of that name.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&ParamSpec> {
        self.params.iter().find(|p| p.name == name)
    }

    /// Number of parameter elements.
    #[must_use]
    pub fn parameter_count(&self) -> u64 {
        self.params.iter().map(|p| p.ty.shape.elements() as u64).sum()
    }

    /// Bytes of all parameters.
    #[must_use]
    pub fn parameter_bytes(&self) -> u64 {
        self.params.iter().map(|p| p.ty.bytes()).sum()
    }

    /// Reads the JSON form and verifies it.
    ///
    /// # Errors
    /// [`GraphError::Json`] for text that is not a program, else what [`Program::verify`] finds.
    pub fn from_json(text: &str) -> Result<Self, GraphError> {
        let program: Self = serde_json::from_str(text).map_err(|source| GraphError::Json { source })?;
        program.verify()?;
        Ok(program)
    }

    /// The JSON form that workers read.
    ///
    /// # Errors
    /// [`GraphError::Json`] if an attribute cannot be written, which a verified program has none of.
    pub fn to_json(&self) -> Result<String, GraphError> {
        serde_json::to_string(self).map_err(|source| GraphError::Json { source })
    }
}
