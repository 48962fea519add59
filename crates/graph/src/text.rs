//! The text form: for people, for snapshots, and readable back.
//!
//! ```text
//! program mlp
//! param fc.weight: f32[4,8] {"normal":{"std":0.02}}
//! graph forward
//!   %0 = input{"name":"x"}: f32[2,8]
//!   %1 = param{"name":"fc.weight"}: f32[4,8]
//!   %2 = linear{"in_out":false}(%0, %1): f32[2,4] @fc
//!   return y=%2
//! ```

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::error::GraphError;
use crate::op::{BinaryKind, CompareKind, Op, ReduceKind, UnaryKind};
use crate::program::{Graph, Node, ParamSpec, Program, StateSpec, ValueId};

impl Program {
    /// The text form.
    ///
    /// # Errors
    /// Those of [`Program::to_json`].
    pub fn to_text(&self) -> Result<String, GraphError> {
        let json = |source| GraphError::Json { source };
        let mut out = format!("program {}\n", self.name);
        for p in &self.params {
            let init = serde_json::to_string(&p.init).map_err(json)?;
            let frozen = if p.trainable { "" } else { " frozen" };
            let _ = writeln!(out, "param {}: {} {init}{frozen}", p.name, p.ty);
        }
        for s in &self.state {
            let _ = writeln!(out, "state {}: {}", s.name, s.ty);
        }
        for g in &self.entries {
            let _ = writeln!(out, "graph {}", g.name);
            for (i, node) in g.nodes.iter().enumerate() {
                let attributes = attributes(&node.op).map_err(json)?;
                let _ = write!(out, "  %{i} = {}{attributes}", node.op.name());
                if !node.args.is_empty() {
                    let args: Vec<String> = node.args.iter().map(|a| format!("%{}", a.0)).collect();
                    let _ = write!(out, "({})", args.join(", "));
                }
                let _ = write!(out, ": {}", node.ty);
                if !node.scope.is_empty() {
                    let _ = write!(out, " @{}", node.scope);
                }
                out.push('\n');
            }
            let list = |items: &[(String, ValueId)]| {
                items.iter().map(|(n, v)| format!("{n}=%{}", v.0)).collect::<Vec<_>>().join(" ")
            };
            let _ = writeln!(out, "  return {}", list(&g.outputs));
            if !g.updates.is_empty() {
                let _ = writeln!(out, "  update {}", list(&g.updates));
            }
        }
        if let Some(t) = &self.training {
            let _ = writeln!(out, "training {}", serde_json::to_string(t).map_err(json)?);
        }
        Ok(out)
    }

    /// Reads the text form and verifies it. Blank lines and lines that start with `#` are passed over.
    ///
    /// # Errors
    /// [`GraphError::Text`] with the line, else what [`Program::verify`] finds.
    pub fn from_text(text: &str) -> Result<Self, GraphError> {
        let mut program = Self {
            name: String::new(),
            params: Vec::new(),
            state: Vec::new(),
            entries: Vec::new(),
            training: None,
        };
        for (i, line) in text.lines().enumerate() {
            let trimmed = line.trim();
            if !trimmed.is_empty() && !trimmed.starts_with('#') {
                read_line(&mut program, trimmed)
                    .map_err(|message| GraphError::Text { line: i + 1, message })?;
            }
        }
        program.verify()?;
        Ok(program)
    }
}

/// Attributes as a JSON object, without what the printed name or type says already; empty when there are none.
fn attributes(op: &Op) -> Result<String, serde_json::Error> {
    let Json::Object(mut map) = serde_json::to_value(op)? else { return Ok(String::new()) };
    map.remove("op");
    map.remove("ty");
    if matches!(op, Op::Unary { .. } | Op::Binary { .. } | Op::Compare { .. } | Op::Reduce { .. }) {
        map.remove("kind");
    }
    if map.is_empty() { Ok(String::new()) } else { serde_json::to_string(&map) }
}

fn read_line(program: &mut Program, line: &str) -> Result<(), String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "program" => program.name = rest.to_owned(),
        "param" => {
            let (name, rest) = rest.split_once(": ").ok_or("expected `param NAME: TYPE INIT`")?;
            let (ty, init) = rest.split_once(' ').ok_or("expected an initial value after the type")?;
            let (init, trainable) = init.strip_suffix(" frozen").map_or((init, true), |init| (init, false));
            program.params.push(ParamSpec {
                name: name.to_owned(),
                ty: ty.parse()?,
                init: serde_json::from_str(init).map_err(|e| format!("initial value: {e}"))?,
                trainable,
            });
        }
        "state" => {
            let (name, ty) = rest.split_once(": ").ok_or("expected `state NAME: TYPE`")?;
            program.state.push(StateSpec { name: name.to_owned(), ty: ty.parse()? });
        }
        "graph" => program.entries.push(Graph {
            name: rest.to_owned(),
            nodes: Vec::new(),
            outputs: Vec::new(),
            updates: Vec::new(),
        }),
        "training" => {
            program.training =
                Some(serde_json::from_str(rest).map_err(|e| format!("training specification: {e}"))?);
        }
        "return" => current(program)?.outputs = bindings(rest)?,
        "update" => current(program)?.updates = bindings(rest)?,
        _ if word.starts_with('%') => {
            let g = current(program)?;
            let index = value(word)?;
            if index.index() != g.nodes.len() {
                return Err(format!("expected %{}, found {word}", g.nodes.len()));
            }
            let rest = rest.strip_prefix("= ").ok_or("expected ` = ` after the value")?;
            g.nodes.push(node(rest)?);
        }
        _ => return Err(format!("`{word}` starts no known line")),
    }
    Ok(())
}

fn current(program: &mut Program) -> Result<&mut Graph, String> {
    program.entries.last_mut().ok_or_else(|| "expected a `graph` line first".to_owned())
}

fn value(word: &str) -> Result<ValueId, String> {
    word.strip_prefix('%')
        .and_then(|n| n.parse().ok())
        .map(ValueId)
        .ok_or_else(|| format!("`{word}` is not a value such as %3"))
}

fn bindings(text: &str) -> Result<Vec<(String, ValueId)>, String> {
    text.split_whitespace()
        .map(|item| {
            let (name, v) = item.split_once('=').ok_or_else(|| format!("`{item}` is not NAME=%VALUE"))?;
            Ok((name.to_owned(), value(v)?))
        })
        .collect()
}

/// `NAME[{ATTRIBUTES}][(ARGS)]: TYPE[ @SCOPE]`
fn node(text: &str) -> Result<Node, String> {
    let name_end = text.find(['{', '(', ':']).ok_or("expected `NAME(ARGS): TYPE`")?;
    let (name, mut rest) = text.split_at(name_end);
    let mut map = Map::new();
    if rest.starts_with('{') {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Map<String, Json>>();
        map = match stream.next() {
            Some(Ok(m)) => m,
            Some(Err(e)) => return Err(format!("attributes: {e}")),
            None => return Err("attributes are missing".into()),
        };
        rest = &rest[stream.byte_offset()..];
    }
    let mut args = smallvec::SmallVec::new();
    if let Some(after) = rest.strip_prefix('(') {
        let (list, after) = after.split_once(')').ok_or("expected `)` after the operands")?;
        for a in list.split(", ") {
            args.push(value(a)?);
        }
        rest = after;
    }
    let rest = rest.strip_prefix(": ").ok_or("expected `: TYPE`")?;
    let (ty, scope) = rest.split_once(" @").unwrap_or((rest, ""));
    let ty: crate::types::Type = ty.parse()?;
    let op = read_op(name, map, &ty)?;
    Ok(Node { op, args, ty, scope: scope.to_owned() })
}

fn read_op(name: &str, mut map: Map<String, Json>, ty: &crate::types::Type) -> Result<Op, String> {
    if let Some(kind) = UnaryKind::ALL.into_iter().find(|k| k.name() == name) {
        return Ok(Op::Unary { kind });
    }
    if let Some(kind) = BinaryKind::ALL.into_iter().find(|k| k.name() == name) {
        return Ok(Op::Binary { kind });
    }
    if let Some(kind) = CompareKind::ALL.into_iter().find(|k| k.name() == name) {
        return Ok(Op::Compare { kind });
    }
    let tag = match name {
        "reduce-sum" | "reduce-max" => {
            let kind = if name == "reduce-sum" { ReduceKind::Sum } else { ReduceKind::Max };
            map.insert("kind".into(), Json::from(kind.name()));
            "reduce"
        }
        "input" | "constant" | "literal" | "iota" | "module" => {
            map.insert("ty".into(), serde_json::to_value(ty).map_err(|e| e.to_string())?);
            name
        }
        other => other,
    };
    map.insert("op".into(), Json::from(tag));
    serde_json::from_value(Json::Object(map)).map_err(|e| format!("`{name}`: {e}"))
}
