//! `compile`: a suite's programs for a Neuron device that need not be at hand.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use portbench_runner::WorkerCommand;
use serde::Deserialize;

use crate::args::CompileArgs;
use crate::cells;
use crate::failure::{Failure, SOME_CELL};
use crate::neuron;
use crate::progress;
use crate::python::Python;
use crate::table::Table;

/// The backend that compiles ahead.
const BACKEND: &str = "neuron-trace";

/// What the package says of an entry.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    entry: String,
    outcome: String,
    /// What compiling took, now or when the artefact was stored.
    seconds: Option<f64>,
    bytes: Option<u64>,
    /// Resident bytes of the largest process while compiling.
    memory: Option<u64>,
    #[serde(default)]
    text: String,
}

/// Compiles each program once, whatever the number of cells it is in.
pub(crate) fn run(args: &CompileArgs) -> Result<u8, Failure> {
    let mut select = args.select.clone();
    select.backend = vec![format!("{BACKEND}@neuron:0")];
    let selection = cells::select(&select)?;
    let mut table = Table::new(&[
        "workload",
        "numerics",
        "entry",
        "outcome",
        "cold s",
        "artefact MB",
        "memory MB",
        "text",
    ])
    .numeric(&["cold s", "artefact MB", "memory MB"]);
    let mut seen = BTreeSet::new();
    let mut failed = false;
    for (planned, entry) in selection.plan.cells().iter().zip(selection.plan.entries()) {
        let program = &planned.resolved.program;
        if !seen.insert(program.fingerprint()?.as_str().to_owned()) {
            continue;
        }
        let name = format!("{} {}", entry.cell.workload, entry.cell.numerics);
        let forbidden = neuron::forbidden(&name, program, args.target);
        if let Some(why) = forbidden.filter(|_| !args.anyway) {
            let text = format!("{why}; --anyway compiles it all the same");
            let (workload, numerics) = (entry.cell.workload.clone(), entry.cell.numerics.to_string());
            table.row([
                workload,
                numerics,
                "".into(),
                "unsupported".into(),
                "".into(),
                "".into(),
                "".into(),
                text,
            ]);
            continue;
        }
        progress::say(&format!("{name} for {}", args.target));
        for row in compile(args, &program.to_json()?)? {
            failed |= row.outcome == "failed";
            let megabytes = |n: Option<u64>| n.map_or(String::new(), |n| format!("{:.1}", n as f64 / 1e6));
            table.row([
                entry.cell.workload.clone(),
                entry.cell.numerics.to_string(),
                row.entry,
                row.outcome,
                row.seconds.map_or(String::new(), |s| format!("{s:.1}")),
                megabytes(row.bytes),
                megabytes(row.memory),
                row.text,
            ]);
        }
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    Ok(if failed { SOME_CELL } else { 0 })
}

/// What came of each entry of a program.
fn compile(args: &CompileArgs, program: &str) -> Result<Vec<Row>, Failure> {
    let (target, limit) = (args.target.to_string(), args.limit.to_string());
    let WorkerCommand { program: interpreter, args, env, .. } =
        Python::find()?.program(&["compile", "--target", &target, "--limit", &limit, "-"], Vec::new());
    let mut command = Command::new(interpreter);
    command.args(args).envs(env).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that has ended without reading says why on its output.
        let _ = stdin.write_all(program.as_bytes());
    }
    let output = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rows: Vec<Row> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    if rows.is_empty() {
        return Err(Failure::failed(format!(
            "the package portbench_torch said nothing ({}); its own words stand above",
            output.status
        )));
    }
    Ok(rows)
}
