//! What Neuron devices do not take of a plan's programs, said before anything is compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use portbench_graph::Program;
use portbench_neuron::compiler::{AutoCast, CastType, Choices, FLAGS_VARIABLE};
use portbench_neuron::host::{Host, Places};
use portbench_neuron::limits::{Platform, check};
use portbench_neuron::{Line, Target};
use portbench_reference::Narrow;
use portbench_runner::{Cast, Plan};

use crate::args::{FlagArgs, NeuronArgs};
use crate::failure::Failure;
use crate::progress;
use crate::table::Table;

/// Names the family of devices that engines compile for, where the host's is not meant.
const TARGET: &str = "PORTBENCH_NEURON_TARGET";

/// The backend that hands neuronx-cc whole programs.
pub(crate) const TRACE: &str = "neuron-trace";

/// What was chosen of the flags of neuronx-cc: on the command line, else in the environment.
pub(crate) fn choices(args: FlagArgs) -> Result<Choices, Failure> {
    let given = env::var(FLAGS_VARIABLE).unwrap_or_default();
    let given: Choices =
        given.parse().map_err(|e| Failure::usage(format!("{FLAGS_VARIABLE}={given}: {e}")))?;
    Ok(args.choices().or(given))
}

/// What a way to cast lets answers round to.
pub(crate) fn cast(auto_cast: AutoCast) -> Option<Cast> {
    let (to, everything) = match auto_cast {
        AutoCast::None => return None,
        AutoCast::Matmult(to) => (to, false),
        AutoCast::All(to) => (to, true),
    };
    let to = match to {
        CastType::Bf16 => Narrow::Bf16,
        CastType::Fp16 => Narrow::F16,
        CastType::Tf32 => Narrow::Tf32,
    };
    Some(Cast { to, everything })
}

/// Refuses flags that no cell of the plan is compiled with, and says where some are.
pub(crate) fn check_flags(args: FlagArgs, plan: &Plan) -> Result<(), Failure> {
    let typed = args.choices();
    let traced = |backend: &str| backend == TRACE;
    if typed.is_empty() || plan.entries().iter().all(|entry| traced(&entry.cell.backend)) {
        return Ok(());
    }
    if plan.entries().iter().any(|entry| traced(&entry.cell.backend)) {
        progress::say(&format!("{typed}: for the cells of {TRACE} alone"));
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{typed}: flags of neuronx-cc are for {TRACE}, and no cell runs on it; leave them out, or add --backend {TRACE}@neuron:0"
    )))
}

/// The platform that was asked about.
pub(crate) fn platform(args: &NeuronArgs) -> Option<Platform> {
    let target = args.target?;
    let line = args.line.unwrap_or_else(|| target.line());
    Some(Platform { target, line: Some(line), sdk: Some(args.sdk.unwrap_or_else(|| line.newest_sdk())) })
}

/// The platform as a back end meets it: an engine brings its own line, with that line's newest SDK where another one is asked about.
fn platform_of(backend: &str, args: &NeuronArgs, asked: Platform) -> Platform {
    match Line::of_backend(backend).filter(|_| args.line.is_none()) {
        Some(line) if Some(line) != asked.line => {
            Platform { sdk: Some(args.sdk.unwrap_or_else(|| line.newest_sdk())), line: Some(line), ..asked }
        }
        _ => asked,
    }
}

/// What the platform does not take of each program of the plan, a row a finding. A program without a finding has a row that says so. A cell of one of the lines' own back ends is
/// held against that line.
pub(crate) fn findings(plan: &Plan, args: &NeuronArgs, asked: Platform) -> Table {
    let mut table = Table::new(&[
        "workload",
        "numerics",
        "line",
        "verdict",
        "certainty",
        "limit",
        "values",
        "at",
        "what",
        "way out",
    ])
    .numeric(&["values"]);
    let mut seen = BTreeSet::new();
    for (planned, entry) in plan.cells().iter().zip(plan.entries()) {
        let (workload, numerics) = (entry.cell.workload.clone(), entry.cell.numerics.to_string());
        let platform = platform_of(&entry.cell.backend, args, asked);
        let line = platform.line.map_or(String::new(), |line| line.to_string());
        if !seen.insert((workload.clone(), numerics.clone(), line.clone())) {
            continue;
        }
        let found = check(&planned.resolved.program, platform);
        if found.is_empty() {
            table.row([workload, numerics, line, "nothing known".into()]);
            continue;
        }
        for finding in found {
            let limit = finding.limit;
            table.row([
                workload.clone(),
                numerics.clone(),
                line.clone(),
                limit.verdict.to_string(),
                limit.certainty.to_string(),
                limit.id.clone(),
                finding.values.to_string(),
                finding.place.clone(),
                limit.what.clone(),
                limit.way_out.clone(),
            ]);
        }
    }
    table
}

/// Whether a cell of the plan has a Neuron device.
fn is_on_neuron(plan: &Plan) -> bool {
    plan.entries().iter().any(|entry| entry.cell.device.starts_with("neuron"))
}

/// What records of this plan say of the Neuron side of the machine; nothing where no cell has such a device.
pub(crate) fn facts(plan: &Plan) -> BTreeMap<String, String> {
    if is_on_neuron(plan) { Host::look(&Places::default()).facts() } else { BTreeMap::new() }
}

/// Says what the plan's cells on Neuron devices will meet: a line for each finding and program. Silent where no cell has such a device.
pub(crate) fn warn(plan: &Plan) {
    if !is_on_neuron(plan) {
        return;
    }
    let entries = plan.cells().iter().zip(plan.entries());
    let cells = entries.filter(|(_, entry)| entry.cell.device.starts_with("neuron"));
    // As the engines do: what the environment names goes before the machine.
    let named = env::var(TARGET).ok().filter(|name| !name.trim().is_empty());
    let host = Host::look_briefly(&Places::default());
    if let Some(conflict) = host.lnc_conflict() {
        progress::say(&conflict);
    }
    let target = match &named {
        Some(name) => Target::of_instance(name.trim()),
        None => host.target(),
    };
    let Some(target) = target else {
        let targets = Target::ALL.map(Target::name).join(", ");
        progress::say(&match named {
            Some(name) => format!("{TARGET}={name} is no family of Neuron devices: it is one of {targets}"),
            None => format!(
                "this machine is no Neuron instance that is known: `plan --target TARGET` ({targets}) says what such a device does not take"
            ),
        });
        return;
    };
    let mut said = BTreeSet::new();
    for (planned, entry) in cells {
        let line = Line::of_backend(&entry.cell.backend).unwrap_or_else(|| target.line());
        let platform = Platform::new(target, line);
        for finding in check(&planned.resolved.program, platform) {
            let text = format!("{} {} on {target}: {finding}", entry.cell.workload, entry.cell.numerics);
            if said.insert(text.clone()) {
                progress::say(&text);
            }
        }
    }
}

/// Says what of a program the target does not take through the XLA line, before it is compiled: a line a finding, and why it is not worth compiling, if so.
pub(crate) fn forbidden(name: &str, program: &Program, target: Target) -> Option<String> {
    let found = check(program, Platform::new(target, Line::Xla));
    for finding in &found {
        progress::say(&format!("{name} on {target}: {finding}"));
    }
    let worst = found.iter().find(|finding| finding.limit.forbids())?;
    Some(format!("{}: {worst}", worst.limit.id))
}
