//! A NeuronCore through libtorchneuron.so, which here is a double that the tests compile against the libtorch they were built with. Nothing of
//! AWS's is used, and no Neuron device.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{talk, unavailable};
use portbench_backend::generate::Recipe;
use portbench_backend::{CheckpointFile, CompileOptions, ParamSource};
use portbench_graph::{DType, Program, ProgramBuilder, Type};
use portbench_measure::{
    Boundary, InputSource, Inputs, MeasureSpec, ParityTask, Sampling, Scenario, Task, Warmup,
};
use portbench_worker::{Failure, FromWorker, Job, MeasureJob, ParityJob, VERSION, write_line};
use tempfile::TempDir;

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The double, a module that was saved with it, and a directory of device files.
struct Made {
    dir: TempDir,
}

impl Made {
    fn new() -> Self {
        let made = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(made.at("neuron0"), "").unwrap();
        let libtorch = Path::new(env!("PORTBENCH_LIBTORCH_LIB"));
        let double = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/double");
        let include = libtorch.join("../include");
        let done = Command::new("c++")
            .args(["-std=c++17", "-shared", "-fPIC", "-I"])
            .arg(&include)
            .arg("-I")
            .arg(include.join("torch/csrc/api/include"))
            .arg(double.join("torchneuron.cpp"))
            .arg("-o")
            .arg(made.at("libtorchneuron.so"))
            .arg("-L")
            .arg(libtorch)
            .args(["-Wl,--no-as-needed", "-ltorch_cpu", "-lc10"])
            .output()
            .expect(
                "the tests compile a C++ file: install a compiler as `c++` (apt-get install build-essential)",
            );
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python");
        let python = env::var_os("PORTBENCH_PYTHON").map_or(python, PathBuf::from);
        let done = Command::new(python)
            .arg(double.join("traced.py"))
            .args([made.at("libtorchneuron.so"), made.at("traced.pt")])
            .output()
            .expect("scripts/setup-python makes the interpreter that saves the module");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        made
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// An environment in which the device and the double are found, and this as well.
    fn env<'e>(&'e self, more: &[(&'e str, &'e str)]) -> Vec<(&'e str, &'e str)> {
        let library = Box::leak(self.at("libtorchneuron.so").to_str().unwrap().to_owned().into_boxed_str());
        let mut env = vec![
            ("PORTBENCH_NEURON_DEVICES", self.dir.path().to_str().unwrap()),
            ("PORTBENCH_LIBTORCHNEURON", &*library),
        ];
        env.extend(more);
        env
    }

    /// What the worker on that device says of a job that executes the module.
    fn executed(&self, device: &str, env: &[(&str, &str)]) -> Vec<FromWorker> {
        let params = ParamSource::Module { file: self.at("traced.pt") };
        let sources =
            [("x".to_owned(), InputSource::Generated { recipe: Recipe::Constant { value: 0.5 } })].into();
        let inputs = Inputs { seed: 1, sources, ..Inputs::default() };
        let spec = MeasureSpec {
            task: Task::Forward { entry: "forward".into(), units: 1 },
            scenario: Scenario::SingleStream,
            boundary: Boundary::HostToHost,
            warmup: Warmup { min_seconds: 0.0, max_seconds: 0.001, min_executions: 1 },
            sampling: Sampling { seconds: 0.0, min_samples: 3, max_samples: 3, min_sample_seconds: 0.0 },
        };
        let task = ParityTask::Forward { entry: "forward".into() };
        let job = Job {
            protocol: VERSION,
            scratch: self.dir.path().to_owned(),
            options: CompileOptions::default(),
            parity: Some(ParityJob {
                program: program(),
                params: params.clone(),
                inputs: inputs.clone(),
                task,
            }),
            measure: Some(MeasureJob { program: program(), params, inputs, spec }),
            together: false,
        };
        let mut line = Vec::new();
        write_line(&mut line, &job).unwrap();
        talk(device, &line, env)
    }
}

/// The module as a program: what it computes of `x`, and the core that it was shown.
fn program() -> Program {
    let mut program = ProgramBuilder::new("module", DType::F32);
    program.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [2, 3]));
        let y = g.module(DIGEST, Some(0), Type::new(DType::F32, [2, 3]), &[x]);
        let core = g.module(DIGEST, Some(1), Type::new(DType::F32, [1]), &[x]);
        g.output("y", y);
        g.output("core", core);
    });
    program.finish().unwrap()
}

fn failed(messages: &[FromWorker]) -> (&Failure, &str) {
    match messages {
        [.., FromWorker::Failed { failure, text }] => (failure, text),
        other => panic!("nothing failed: {other:?}"),
    }
}

#[test]
fn a_module_that_was_traced_for_a_neuron_core_runs_through_the_double() {
    let made = Made::new();
    let choice = [("NEURON_RT_VISIBLE_CORES", "4-7"), ("NEURON_RT_EXEC_TIMEOUT", "30")];
    let messages = made.executed("neuron:1", &made.env(&choice));
    let Some(FromWorker::Ready { info }) = messages.get(1) else { panic!("{messages:?}") };
    assert_eq!((info.backend.as_str(), info.device.as_str()), ("tch", "neuron:1"));
    assert_eq!(
        (info.settings["visible-cores"].as_str(), info.versions["torch_neuronx"].as_str()),
        ("5", "unknown")
    );
    assert!(info.settings["boundary"].contains("host memory"), "{info:?}");
    assert_eq!(info.settings["NEURON_RT_EXEC_TIMEOUT"], "30");
    let [.., FromWorker::Measured { measurement, .. }, FromWorker::Done] = &messages[..] else {
        panic!("{messages:?}")
    };
    // Nobody has watched the device of a double, and the record says why.
    assert!(measurement.accelerator.as_ref().unwrap().missing.is_some());
    let mut file = CheckpointFile::open(&made.at("parity.safetensors")).unwrap();
    let mut read = |name: &str| file.read(name).unwrap().to_f64();
    assert_eq!(read("core"), [5.0]);
    assert_eq!(read("y"), [2.0; 6]);

    // On a CPU nothing knows what the module calls.
    let messages = made.executed("cpu", &[]);
    let (_, text) = failed(&messages);
    assert!(text.contains("traced.pt") && text.contains("run it on tch@neuron:0"), "{text}");

    let messages = made.executed("neuron:0", &made.env(&[("PORTBENCH_DOUBLE_CORES", "held")]));
    let (failure, text) = failed(&messages);
    assert!(matches!(failure, Failure::Unavailable), "{failure:?}");
    assert!(text.contains("NeuronCore 0") && text.contains("another process holds it"), "{text}");

    let messages = made.executed("neuron:0", &made.env(&[("PORTBENCH_DOUBLE_NRT", "1004")]));
    let (failure, text) = failed(&messages);
    assert!(matches!(failure, Failure::Error) && text.contains("nrt_execute status=1004"), "{text}");
}

#[test]
fn what_is_missing_of_a_neuron_core_is_said_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let devices = ("PORTBENCH_NEURON_DEVICES", dir.path().to_str().unwrap());
    let text = unavailable("neuron:0", &[devices]);
    assert!(text.contains("there is no Neuron device") && text.contains("aws-neuronx-dkms"), "{text}");
    fs::write(dir.path().join("neuron0"), "").unwrap();
    let text = unavailable("neuron:0", &[devices]);
    assert!(text.contains("libtorchneuron.so: cannot open shared object file"), "{text}");
    assert!(text.contains("scripts/setup-neuron --line xla"), "{text}");
    let text = unavailable("neuron:0", &[devices, ("PORTBENCH_LIBTORCHNEURON", "/no/such/file")]);
    assert!(text.contains("/no/such/file (from PORTBENCH_LIBTORCHNEURON) is not there"), "{text}");
    let text = unavailable("neuron:2", &[devices, ("NEURON_RT_VISIBLE_CORES", "0-1")]);
    assert!(text.contains("NEURON_RT_VISIBLE_CORES=0-1 shows 2 NeuronCore(s)"), "{text}");
    assert!(unavailable("neuron", &[devices]).contains("devices are neuron:N"));

    // A library of another version is not opened.
    let packages = dir.path().join("env/lib/python3.12/site-packages");
    fs::create_dir_all(packages.join("torch_neuronx/lib")).unwrap();
    fs::create_dir(packages.join("torch_neuronx-2.1.2.2.3.0.dist-info")).unwrap();
    fs::write(packages.join("torch_neuronx/lib/libtorchneuron.so"), "").unwrap();
    let active = dir.path().join("env");
    let text = unavailable("neuron:0", &[devices, ("VIRTUAL_ENV", active.to_str().unwrap())]);
    assert!(text.contains("libtorchneuron.so of torch-neuronx 2.1.2.2.3.0 beside libtorch 2."), "{text}");
}
