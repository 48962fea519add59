//! What compiling ahead of execution cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An entry that a backend's compiler made an artefact of, or that was found in its cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Compilation {
    /// Entry name.
    pub entry: String,
    /// Whether the artefact was found; what it cost is then what it cost when it was made.
    pub cached: bool,
    /// Time that making it took.
    pub seconds: f64,
    /// Size of the artefact.
    pub bytes: u64,
    /// Most resident bytes of the compiler's processes together, looked at from time to time; absent where nobody saw any.
    pub memory: Option<u64>,
}
