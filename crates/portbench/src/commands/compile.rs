//! `compile`: a suite's programs for a Neuron device that need not be at hand.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use portbench_neuron::compiler::FLAGS_VARIABLE;
use portbench_runner::WorkerCommand;
use serde::Deserialize;

use crate::args::CompileArgs;
use crate::cells;
use crate::failure::{Failure, SOME_CELL};
use crate::neuron;
use crate::progress;
use crate::python::Python;
use crate::table::Table;

const COLUMNS: [&str; 11] = [
    "workload",
    "numerics",
    "entry",
    "outcome",
    "cold-seconds",
    "artefact-MB",
    "memory-MB",
    "cause",
    "code",
    "op",
    "text",
];

/// What the package says of an entry.
#[derive(Default, Deserialize)]
struct Row {
    #[serde(default)]
    entry: String,
    outcome: String,
    /// What compiling took, now or when the artefact was stored.
    seconds: Option<f64>,
    bytes: Option<u64>,
    /// Most resident bytes of the compiler's processes.
    memory: Option<u64>,
    /// Why it failed, where it did: the cause, the compiler's code, the op that it names.
    cause: Option<String>,
    code: Option<String>,
    op: Option<String>,
    #[serde(default)]
    text: String,
}

impl Row {
    /// The row of the table, in the order of [`COLUMNS`].
    fn cells(self, workload: &str, numerics: &str) -> [String; COLUMNS.len()] {
        let megabytes = |n: Option<u64>| n.map_or(String::new(), |n| format!("{:.1}", n as f64 / 1e6));
        [
            workload.to_owned(),
            numerics.to_owned(),
            self.entry,
            self.outcome,
            self.seconds.map_or(String::new(), |s| format!("{s:.1}")),
            megabytes(self.bytes),
            megabytes(self.memory),
            self.cause.unwrap_or_default(),
            self.code.unwrap_or_default(),
            self.op.unwrap_or_default(),
            self.text,
        ]
    }
}

/// Compiles each program that running the suite takes once, whatever the number of cells it is in: those that are timed, and those of parity checks.
pub(crate) fn run(args: &CompileArgs) -> Result<u8, Failure> {
    let flags = neuron::choices(args.flags)?.to_string();
    let selection = cells::select(&args.select(&format!("{}@neuron:0", neuron::TRACE)))?;
    let mut table = Table::new(&COLUMNS).numeric(&["cold-seconds", "artefact-MB", "memory-MB"]);
    let mut seen = BTreeSet::new();
    let mut failed = false;
    for (planned, entry) in selection.plan.cells().iter().zip(selection.plan.entries()) {
        let (name, numerics) = (&entry.cell.workload, entry.cell.numerics.to_string());
        let timed = (name.clone(), &planned.resolved.program);
        let check = planned.resolved.parity.as_ref();
        let check = check.map(|check| (format!("{name} (parity)"), &check.program));
        for (name, program) in [timed].into_iter().chain(check) {
            if !seen.insert(program.fingerprint()?.as_str().to_owned()) {
                continue;
            }
            let forbidden = neuron::forbidden(&format!("{name} {numerics}"), program, args.target);
            if let Some(why) = forbidden.filter(|_| !args.anyway) {
                let text = format!("{why}; --anyway compiles it all the same");
                let row = Row { outcome: "unsupported".to_owned(), text, ..Row::default() };
                table.row(row.cells(&name, &numerics));
                // Its check, at a smaller size, would be of no use.
                break;
            }
            progress::say(&format!("{name} {numerics} for {}", args.target));
            for row in compile(args, &flags, &program.to_json()?)? {
                failed |= row.outcome == "failed";
                table.row(row.cells(&name, &numerics));
            }
        }
    }
    table.write(args.format.format, &mut io::stdout().lock())?;
    Ok(if failed { SOME_CELL } else { 0 })
}

/// What came of each entry of a program.
fn compile(args: &CompileArgs, flags: &str, program: &str) -> Result<Vec<Row>, Failure> {
    let (target, limit) = (args.target.to_string(), args.limit.to_string());
    let mut words = vec!["compile", "--target", &target, "--limit", &limit];
    words.extend(args.again.then_some("--again"));
    words.push("-");
    let env = vec![(FLAGS_VARIABLE.into(), flags.into())];
    let WorkerCommand { program: interpreter, args, env, .. } = Python::find()?.program(&words, env);
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
