//! The hash that proves two measurements are about the same work.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::GraphError;
use crate::op::Op;
use crate::program::Program;

/// 128-bit hash of a program's canonical form: entries, nodes, types, parameters with their initial values, states and training
/// specification; names and scopes do not count, order does. Written as 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let hex = s.len() == 32 && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex {
            Ok(Self(s.to_owned()))
        } else {
            Err(format!("a fingerprint has 32 lower-case hexadecimal digits, got `{s}`"))
        }
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(f: Fingerprint) -> Self {
        f.0
    }
}

impl Program {
    /// Hash of the canonical form.
    ///
    /// # Errors
    /// Those of [`Program::to_json`].
    pub fn fingerprint(&self) -> Result<Fingerprint, GraphError> {
        let json = canonical(self).to_json()?;
        let mut hasher = blake3::Hasher::new_derive_key("portbench program fingerprint v1");
        hasher.update(json.as_bytes());
        Ok(Fingerprint(hasher.finalize().to_hex()[..32].to_owned()))
    }
}

/// Names replaced by positions, scopes removed.
fn canonical(program: &Program) -> Program {
    let mut p = program.clone();
    p.name.clear();
    let mut params = HashMap::new();
    for (i, spec) in p.params.iter_mut().enumerate() {
        let new = i.to_string();
        params.insert(std::mem::replace(&mut spec.name, new.clone()), new);
    }
    let mut state = HashMap::new();
    for (i, spec) in p.state.iter_mut().enumerate() {
        let new = i.to_string();
        state.insert(std::mem::replace(&mut spec.name, new.clone()), new);
    }
    let rename = |table: &HashMap<String, String>, name: &mut String| {
        if let Some(new) = table.get(name) {
            name.clone_from(new);
        }
    };
    for (e, g) in p.entries.iter_mut().enumerate() {
        if let Some(t) = p.training.as_mut().filter(|t| t.entry == g.name) {
            if let Some(i) = g.outputs.iter().position(|(n, _)| *n == t.loss) {
                t.loss = i.to_string();
            }
            t.entry = e.to_string();
        }
        g.name = e.to_string();
        let mut inputs = 0usize;
        for node in &mut g.nodes {
            node.scope.clear();
            match &mut node.op {
                Op::Input { name, .. } => {
                    *name = inputs.to_string();
                    inputs += 1;
                }
                Op::Param { name } => rename(&params, name),
                Op::State { name } => rename(&state, name),
                _ => {}
            }
        }
        for (i, (name, _)) in g.outputs.iter_mut().enumerate() {
            *name = i.to_string();
        }
        for (name, _) in &mut g.updates {
            rename(&state, name);
        }
    }
    p
}
