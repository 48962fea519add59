//! What the tests of the runner start: a worker that acts as told, or a runner that can be killed.
//!
//! `runner-double worker ACT` speaks the worker protocol and does what `ACT` says. `runner-double run RESULTS CELLS TRIALS` goes on with the latest unfinished
//! run in RESULTS, or starts one.
#![expect(clippy::unwrap_used, reason = "a test program fails by panicking")]

mod workload;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::Path;
use std::process::{Command, exit};

use portbench_backend::{
    Backend, BackendInfo, CompileOptions, EntryId, HostTensor, UnsupportedOp, generate, save_tensors,
};
use portbench_measure::{
    BarrierCheck, InputSource, Measurement, Overhead, ParityTask, Phases, Samples, Telemetry, WarmupReport,
};
use portbench_records::Store;
use portbench_reference::Reference;
use portbench_runner::Runner;
use portbench_worker::{Failure, FromWorker, Job, ParityJob, Phase, ToWorker, VERSION};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["worker", act] => worker(act),
        ["run", results, cells, trials] => {
            run(Path::new(results), cells.parse().unwrap(), trials.parse().unwrap());
        }
        _ => exit(2),
    }
}

fn run(results: &Path, cells: usize, trials: u64) {
    let plan = workload::plan(&std::env::current_exe().unwrap(), cells, trials);
    let store = Store::new(results);
    let runner = Runner::default();
    let open = store.runs().unwrap().last().map(|id| store.resolve(id).unwrap());
    let open = open.filter(|run| run.heads().unwrap().count() < cells);
    let summary = match open {
        Some(run) => runner.resume(run, &plan, &mut |_| {}),
        None => runner.start(&store, &plan, &mut |_| {}),
    };
    assert!(summary.unwrap().all_measured());
}

fn say(message: &FromWorker) {
    let mut line = serde_json::to_vec(message).unwrap();
    line.push(b'\n');
    raw(&line);
}

fn raw(bytes: &[u8]) {
    let mut out = stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).unwrap();
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

fn die(signal: rustix::process::Signal) -> ! {
    // The first may only take Rust's own handler away.
    loop {
        rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
    }
}

fn fail(failure: Failure, text: &str) -> ! {
    say(&FromWorker::Failed { failure, text: text.into() });
    exit(1)
}

fn worker(act: &str) {
    before_hello(act);
    say(&FromWorker::Hello { protocol: VERSION, worker: "double".into() });
    match act {
        "unavailable" => fail(Failure::Unavailable, "no such device; plug one in"),
        "twice-hello" => say(&FromWorker::Hello { protocol: VERSION, worker: "double".into() }),
        "never-ready" => hang(),
        _ => {}
    }
    let device = if act == "another-device" { "cuda:0" } else { "cpu" };
    let info = BackendInfo { backend: "double".into(), device: device.into(), ..BackendInfo::default() };
    say(&FromWorker::Ready { info });
    if act == "does-not-read" {
        hang();
    }
    let mut line = String::new();
    stdin().lock().read_line(&mut line).unwrap();
    let job: Job = serde_json::from_str(&line).unwrap();
    before_parity(act);
    if let Some(parity) = &job.parity {
        say(&FromWorker::Phase { phase: Phase::Parity });
        let path = answer(act, &job, parity);
        say(&FromWorker::Parity { outputs: path.into(), lowering: Default::default() });
    }
    if act == "hangs-compiling" {
        say(&FromWorker::Phase { phase: Phase::Compile });
        hang();
    }
    if job.together && act != "does-not-wait" {
        wait(act, &job);
    }
    say(&FromWorker::Phase { phase: Phase::Sampling });
    before_measured(act, &job);
    say(&FromWorker::Progress { fraction: Some(0.5), detail: Some("half".into()) });
    if act == "done-early" {
        say(&FromWorker::Done);
    }
    say(&FromWorker::Measured {
        measurement: Box::new(measurement()),
        lowering: Default::default(),
        phases: Phases::default(),
        compilations: Box::default(),
        info: None,
    });
    say(&FromWorker::Done);
    if act == "stays" {
        hang();
    }
}

fn before_hello(act: &str) {
    match act {
        "says-nothing" => hang(),
        "exits-at-once" => exit(0),
        "garbage" => raw(b"Loading libfoo 1.2 ...\n\x1b[31mhello\x00\n"),
        "version" => raw(b"{\"message\":\"hello\",\"protocol\":7,\"worker\":\"new\",\"features\":[]}\n"),
        _ => {}
    }
}

fn before_parity(act: &str) {
    let op = UnsupportedOp {
        entry: "forward".into(),
        op: "linear".into(),
        scope: String::new(),
        reason: "no kernel for f32".into(),
    };
    match act {
        "unsupported" => {
            fail(Failure::Unsupported { ops: vec![op] }, "1 op(s) are unsupported by double: linear")
        }
        "out-of-memory" => fail(Failure::OutOfMemory, "out of memory: 3 GiB asked for"),
        "timed-out" => fail(Failure::TimedOut, "not done in time: stopped after 60 s"),
        "error" => {
            std::io::stderr().write_all(b"kernel launch failed at line 12\n").unwrap();
            fail(Failure::Error, "the device answered 719")
        }
        "silent" => hang(),
        "exits" => {
            std::io::stderr().write_all("noise\n".repeat(50_000).as_bytes()).unwrap();
            std::io::stderr().write_all(b"terminate called: bad_alloc\n").unwrap();
            exit(3)
        }
        "aborts" => std::process::abort(),
        "segfaults" => die(rustix::process::Signal::SEGV),
        "killed" => die(rustix::process::Signal::KILL),
        "cut-line" => {
            raw(b"{\"message\":\"phase\",\"pha");
            exit(0)
        }
        "late-garbage" => raw(b"[1, 2, 3]\n"),
        "leaves-a-child" => {
            #[expect(clippy::zombie_processes, reason = "the runner is to end both")]
            let child = Command::new("sleep").arg("1000").spawn().unwrap();
            say(&FromWorker::Progress { fraction: None, detail: Some(format!("child {}", child.id())) });
            hang()
        }
        _ => {}
    }
}

/// Says that it waits, and waits for the word to go on.
fn wait(act: &str, job: &Job) {
    let mark = |name: &str| job.scratch.join(name);
    match act {
        "waits-first" => drop(fs::File::create(mark("first")).unwrap()),
        "waits-last" => {
            while !mark("first").exists() {
                std::thread::yield_now();
            }
            drop(fs::File::create(mark("last")).unwrap());
        }
        _ => {}
    }
    say(&FromWorker::Waiting);
    let mut line = String::new();
    stdin().lock().read_line(&mut line).unwrap();
    assert_eq!(serde_json::from_str::<ToWorker>(&line).unwrap(), ToWorker::Go);
    if act == "waits-first" {
        assert!(mark("last").exists(), "sent on before the other one waited");
    }
}

fn before_measured(act: &str, job: &Job) {
    match act {
        "hangs-sampling" => hang(),
        "says-its-cpus" => {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let cpus = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
            say(&FromWorker::Progress { fraction: None, detail: Some(cpus.trim().to_owned()) });
        }
        "fails-in-trial-1" if job.parity.is_none() => fail(Failure::OutOfMemory, "no memory left this time"),
        "lying-barrier" => say_lying(),
        // The scratch directory is made anew for every attempt, so that the mark lies beside it.
        "lying-once" if fs::File::create_new(job.scratch.with_file_name("lied")).is_ok() => say_lying(),
        "nan" => {
            let text = serde_json::to_string(&FromWorker::Measured {
                measurement: Box::new(measurement()),
                lowering: Default::default(),
                phases: Phases::default(),
                compilations: Box::default(),
                info: None,
            });
            raw(text.unwrap().replace("61.5", "null").as_bytes());
            raw(b"\n");
        }
        _ => {}
    }
}

/// A measurement behind a barrier that waits for nothing.
fn say_lying() {
    let barrier = Some(BarrierCheck { doubling: 1.0, read_back_seconds: 0.5, honest: false });
    say(&FromWorker::Measured {
        measurement: Box::new(Measurement { barrier, ..measurement() }),
        lowering: Default::default(),
        phases: Phases::default(),
        compilations: Box::default(),
        info: None,
    });
    say(&FromWorker::Done);
    exit(0)
}

/// The right outputs, or what the act makes of them.
fn answer(act: &str, job: &Job, parity: &ParityJob) -> String {
    match act {
        "outside" => return "../run.json".into(),
        "no-file" => return "nowhere.safetensors".into(),
        "cut-file" => {
            fs::write(job.scratch.join("outputs.safetensors"), [9u8, 0, 0]).unwrap();
            return "outputs.safetensors".into();
        }
        _ => {}
    }
    let mut outputs = compute(parity);
    let logits = outputs["logits"].to_f64();
    let ty = outputs["logits"].ty().clone();
    let mut set = |values: Vec<f64>| {
        outputs.insert("logits".into(), HostTensor::from_f64(ty.clone(), &values).unwrap());
    };
    match act {
        "wrong" => set(logits.iter().map(|x| x * 1.01).collect()),
        "not-finite" => {
            set(logits.iter().enumerate().map(|(i, x)| if i == 5 { f64::NAN } else { *x }).collect())
        }
        "lacks-output" => drop(outputs.remove("logits")),
        "wrong-token" => {
            let dims = outputs["next"].dims().to_vec();
            let next: Vec<i64> = outputs["next"].to_i64().iter().map(|t| (t + 1) % 32).collect();
            outputs.insert("next".into(), HostTensor::from_i64(&dims, &next).unwrap());
        }
        _ => {}
    }
    save_tensors(&job.scratch.join("outputs.safetensors"), &outputs).unwrap();
    "outputs.safetensors".into()
}

/// What the reference makes of the job, without any code that the runner's oracle goes through.
fn compute(parity: &ParityJob) -> BTreeMap<String, HostTensor> {
    let ParityTask::Forward { entry } = &parity.task else { panic!("{:?}", parity.task) };
    let mut run =
        Reference::rounded().compile(&parity.program, &parity.params, &CompileOptions::default()).unwrap();
    let id = EntryId::of(&parity.program, entry).unwrap();
    let graph = parity.program.entry(entry).unwrap();
    for (name, ty) in graph.inputs() {
        let InputSource::Generated { recipe } = parity.inputs.sources[name] else { panic!("{name}") };
        let value = generate::tensor(parity.inputs.seed, name, ty, recipe).unwrap();
        run.bind(id, &[(name, &value)]).unwrap();
    }
    run.execute(id).unwrap();
    graph.outputs.iter().map(|(name, _)| (name.clone(), run.fetch(id, name).unwrap())).collect()
}

fn measurement() -> Measurement {
    Measurement {
        warmup: WarmupReport {
            executions: 3,
            seconds: 0.01,
            settled: Some(true),
            nanoseconds: vec![4_000_000, 3_000_000, 3_000_000],
        },
        samples: Samples::Iterations {
            group: 1,
            units: 4,
            nanoseconds: (0..20).map(|i| 1_000_000 + 1000 * i).collect(),
        },
        barrier: None,
        telemetry: Telemetry::default(),
        overhead: Overhead { timer_resolution_ns: 20, sample_ns: 61.5 },
        accelerator: None,
        replicas: Vec::new(),
    }
}
