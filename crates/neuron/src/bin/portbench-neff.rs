//! `portbench-neff FILE`: what a NEFF is, and whether it runs here. The smallest thing that uses a NeuronCore, for the first minutes on a new host.
//!
//! Prints the head of the file; then loads it, executes it with inputs of zeros, and prints the hash of the outputs, which has to be the same in
//! every lane. It takes no time: `portbench run` measures.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use portbench_backend::with_causes;
use portbench_neuron::compiler::LNC_VARIABLE;
use portbench_neuron::{Bound, Library, Model, NeffHeader, NeuronError, Runtime, Usage, in_flight};

const USAGE: &str = "usage: portbench-neff [--head] [--core N] [--lanes N] [--count N] FILE
  --head     print the head of the file and stop; needs no Neuron device
  --core N   the logical core, counted among the visible ones (0)
  --lanes N  executions in flight, one thread each (2)
  --count N  executions of each lane (10)
PORTBENCH_LIBNRT names another libnrt.so.1 than the installed one.";

struct Asked {
    file: PathBuf,
    head: bool,
    core: u32,
    lanes: u32,
    count: u32,
}

fn main() -> ExitCode {
    let asked = match parse(env::args_os().skip(1)) {
        Ok(asked) => asked,
        Err(error) => return complain(&format!("{error}\n{USAGE}"), 2),
    };
    let mut out = io::stdout().lock();
    match show(&asked, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&with_causes(&error), 1),
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    // Nothing is left to be done about a stderr that is closed.
    let _ = writeln!(io::stderr(), "portbench-neff: {text}");
    ExitCode::from(code)
}

fn parse(args: impl Iterator<Item = OsString>) -> Result<Asked, String> {
    let mut asked = Asked { file: PathBuf::new(), head: false, core: 0, lanes: 2, count: 10 };
    let mut args = args;
    while let Some(arg) = args.next() {
        let name = arg.to_str().unwrap_or_default().to_owned();
        let mut number = || {
            let given = args.next().and_then(|a| a.into_string().ok());
            given.and_then(|n| n.parse().ok()).ok_or_else(|| format!("{name} needs a number"))
        };
        match name.as_str() {
            "--head" => asked.head = true,
            "--core" => asked.core = number()?,
            "--lanes" => asked.lanes = number()?,
            "--count" => asked.count = number()?,
            option if option.starts_with("--") => return Err(format!("no option {option}")),
            _ if asked.file.as_os_str().is_empty() => asked.file = arg.into(),
            _ => return Err("one file at a time".into()),
        }
    }
    if asked.file.as_os_str().is_empty() {
        return Err("no file".into());
    }
    if !(1..=64).contains(&asked.lanes) {
        return Err(format!("--lanes is between 1 and 64, not {}", asked.lanes));
    }
    Ok(asked)
}

fn show(asked: &Asked, out: &mut dyn Write) -> Result<(), NeuronError> {
    let place = asked.file.display().to_string();
    let head = NeffHeader::read(&asked.file)?;
    say(out, &format!("{head}"))?;
    say(out, &format!("compiler {}, {} physical core(s)", head.build, head.cores))?;
    if asked.head {
        return Ok(());
    }
    if let Some(lnc) = env::var(LNC_VARIABLE).ok().and_then(|v| v.trim().parse().ok()) {
        head.check_lnc(&place, lnc)?;
    }
    let library = Library::find()?;
    say(out, &format!("libnrt {}: {}", library.version()?, library.path().display()))?;
    say(out, &format!("{} of {} logical cores visible", library.visible_cores()?, library.total_cores()?))?;
    let runtime = library.initialise()?;
    let neff = read(&asked.file)?;
    let model = Model::load(&runtime, &head.name, &neff, asked.core)?;
    for tensor in model.tensors() {
        let way = if tensor.usage == Usage::Input { "input " } else { "output" };
        say(
            out,
            &format!("{way} {}: {}{:?}, {} bytes", tensor.name, tensor.dtype, tensor.shape, tensor.bytes),
        )?;
    }
    let mut lanes = (0..asked.lanes).map(|_| lane(&runtime, &model)).collect::<Result<Vec<_>, _>>()?;
    let flight = in_flight(&mut lanes, asked.count.into());
    if let Some(error) = flight.error {
        say(out, &format!("executions before the error, a lane each: {:?}", flight.completed))?;
        return Err(error);
    }
    let memory = runtime.memory(asked.core)?;
    say(out, &format!("device memory: {} of {} bytes used", memory.used, memory.limit))?;
    let hashes = lanes.iter().map(hash).collect::<Result<Vec<_>, _>>()?;
    say(
        out,
        &format!("executed {} times in each of {} lane(s); outputs {}", asked.count, lanes.len(), hashes[0]),
    )?;
    if hashes.iter().any(|h| *h != hashes[0]) {
        let what = format!("lanes with equal inputs have unequal outputs ({})", hashes.join(", "));
        return Err(NeuronError::Nonsense { call: "nrt_execute", place, what });
    }
    say(out, "ok")
}

/// The model with tensors of its own, all inputs zero.
fn lane(runtime: &Runtime, model: &Model) -> Result<Bound, NeuronError> {
    let inputs = model.allocate(runtime, Usage::Input)?;
    for (_, tensor) in inputs.iter() {
        tensor.write(0, &vec![0; tensor.bytes()])?;
    }
    model.bind(inputs, model.allocate(runtime, Usage::Output)?)
}

/// The hash of all outputs.
fn hash(lane: &Bound) -> Result<String, NeuronError> {
    let mut hash = blake3::Hasher::new();
    for (name, tensor) in lane.outputs().iter() {
        let mut bytes = vec![0; tensor.bytes()];
        tensor.read(0, &mut bytes)?;
        hash.update(name.as_bytes()).update(&bytes);
    }
    Ok(hash.finalize().to_hex()[..16].to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, NeuronError> {
    fs::read(path).map_err(|source| NeuronError::File { action: "read", path: path.to_owned(), source })
}

fn say(out: &mut dyn Write, line: &str) -> Result<(), NeuronError> {
    writeln!(out, "{line}").map_err(|source| NeuronError::File {
        action: "write",
        path: "stdout".into(),
        source,
    })
}
