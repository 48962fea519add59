//! `doctor`: what is there to run on, what is missing, and how to get it.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Output};

use portbench_backend::Backend;
use portbench_candle::CandleBackend;
use portbench_neuron::host::{Host, Places};
use portbench_records::Environment;

use crate::args::FormatArgs;
use crate::backends;
use crate::failure::Failure;
use crate::python::{self, Python};
use crate::table::Table;

pub(crate) fn run(args: &FormatArgs) -> Result<u8, Failure> {
    let mut table = Table::new(&["what", "state", "detail"]);
    machine(&mut table);
    built_in(&mut table);
    external(&mut table);
    python(&mut table);
    gpus(&mut table);
    neuron(&mut table);
    quiet(&mut table);
    table.write(args.format, &mut io::stdout().lock())?;
    Ok(0)
}

fn machine(table: &mut Table) {
    let machine = Environment::detect();
    let gib = machine.memory_bytes as f64 / (1u64 << 30) as f64;
    table.row(["portbench", "ok", &format!("{} on {}, {}", machine.portbench, machine.os, machine.arch)]);
    table.row([
        "cpu",
        "ok",
        &format!("{}, {} usable CPUs, {gib:.1} GiB of memory", machine.cpu, machine.cpus),
    ]);
    if let Some(sets) = machine.facts.get("instruction-sets") {
        table.row(["instruction sets", "ok", sets]);
    }
}

fn built_in(table: &mut Table) {
    for known in backends::BUILT_IN {
        table.row([&format!("backend {} on cpu", known.name), "ok", known.about]);
    }
    match CandleBackend::new("cuda:0") {
        Ok(backend) => {
            let settings: Vec<String> =
                backend.info().settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
            table.row(["backend candle on cuda:0", "ok", &settings.join(", ")]);
        }
        Err(error) => table.row(["backend candle on cuda:0", "missing", &error.to_string()]),
    }
}

fn external(table: &mut Table) {
    let found = backends::external();
    for (name, path) in &found {
        table.row([&format!("backend {name}"), "found", &path.display().to_string()]);
    }
    for offered in backends::OFFERED.iter().filter(|o| !found.contains_key(o.name)) {
        table.row([&format!("backend {}", offered.name), "missing", &backends::way_to(offered.name)]);
    }
}

/// What the engines written in Python need. Whether the interpreter has torch is asked of the interpreter.
fn python(table: &mut Table) {
    let (neuron, others): (Vec<&str>, Vec<&str>) =
        python::ENGINES.iter().map(|(name, _)| *name).partition(|name| name.starts_with("neuron-"));
    let what = format!("backends {}", others.join(", "));
    let found = match Python::find() {
        Ok(found) => found,
        Err(error) => return table.row([what.as_str(), "missing", &error.to_string()]),
    };
    let asked = ask(
        &found,
        &["import sys, torch; print(sys.version.split()[0], torch.__version__, torch.cuda.is_available())"],
    );
    let shown = found.interpreter.display();
    match asked {
        Ok(answer) if answer.status.success() => {
            let text = String::from_utf8_lossy(&answer.stdout);
            let mut words = text.split_whitespace();
            let mut word = || words.next().unwrap_or("?").to_owned();
            let (version, torch, cuda) = (word(), word(), word());
            let devices = if cuda == "True" { "cpu and cuda" } else { "cpu" };
            table.row([what.as_str(), "ok", &format!("Python {version}, torch {torch} on {devices}: {shown}")]);
        }
        _ => table.row([
            what.as_str(),
            "missing",
            &format!("{shown} does not import torch; run scripts/setup-python, or name an interpreter in PORTBENCH_PYTHON"),
        ]),
    }
    for engine in neuron {
        neuron_engine(table, &found, engine);
    }
}

/// What the interpreter answers to a piece of Python with arguments, among the packages that a worker sees.
fn ask(python: &Python, code: &[&str]) -> io::Result<Output> {
    let started = python.started(&[&["-c"], code].concat(), Vec::new());
    Command::new(started.program).args(started.args).envs(started.env).output()
}

/// Whether the interpreter has the line of torch-neuronx that an engine needs, and that line alone: the package says so, from versions. No device is touched.
fn neuron_engine(table: &mut Table, python: &Python, engine: &str) {
    const ASK: &str = "import sys
from portbench_torch.engines import lines
try:
    found = lines.detect(lines.NATIVE_LINE if sys.argv[1] == 'neuron-native' else lines.XLA_LINE)
except Exception as error:
    sys.exit(str(error))
print(', '.join(f'{name} {version}' for name, version in found.versions().items()))";
    let asked = ask(python, &[ASK, engine]);
    let what = format!("backend {engine}");
    match asked {
        Ok(told) if told.status.success() => {
            table.row([&what, "ok", String::from_utf8_lossy(&told.stdout).trim()]);
        }
        Ok(told) => {
            let said = String::from_utf8_lossy(&told.stderr);
            table.row([&what, "missing", said.lines().last().unwrap_or("the interpreter said nothing")]);
        }
        Err(error) => table.row([&what, "missing", &format!("{}: {error}", python.interpreter.display())]),
    }
}

/// GPUs of which the kernel shows a device file.
fn gpus(table: &mut Table) {
    let count = device_files(Path::new("/dev"), "nvidia");
    if count > 0 {
        table.row(["NVIDIA GPU", "found", &format!("{count} device file(s) /dev/nvidiaN")]);
    } else {
        table.row(["NVIDIA GPU", "missing", "no /dev/nvidia0: run on a machine with an NVIDIA driver"]);
    }
}

/// Everything of Neuron: devices, driver, runtime, tools, compiler.
fn neuron(table: &mut Table) {
    for check in Host::look(&Places::default()).checks() {
        table.row([check.what, check.state.name(), &check.detail]);
    }
}

/// Files of that prefix followed by a number.
fn device_files(dir: &Path, prefix: &str) -> usize {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let numbered = |name: &str| {
        name.strip_prefix(prefix).is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
    };
    entries.flatten().filter(|e| e.file_name().to_str().is_some_and(numbered)).count()
}

/// What disturbs timing.
fn quiet(table: &mut Table) {
    let machine = Environment::detect();
    match machine.facts.get("governor").map(String::as_str) {
        Some("performance") => table.row(["frequency governor", "ok", "performance"]),
        Some(other) => table.row([
            "frequency governor",
            "noisy",
            &format!(
                "{other}: set it to performance (cpupower frequency-set -g performance) for steadier figures"
            ),
        ]),
        None => table.row([
            "frequency governor",
            "unknown",
            "not shown by this machine, as usual on virtual ones",
        ]),
    }
    let load = fs::read_to_string("/proc/loadavg").ok();
    let load = load.as_deref().and_then(|l| l.split(' ').next()).and_then(|l| l.parse::<f64>().ok());
    if let Some(load) = load {
        let state = if load < 0.3 { "ok" } else { "noisy" };
        table.row([
            "load",
            state,
            &format!("{load} runnable on average over the last minute, this machine's own work"),
        ]);
    }
}
