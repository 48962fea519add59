//! Running the compiler, with a double in its place (`../double/neuronx-cc`, a shell script).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use portbench_neuron::compiler::{Cause, Compiled, Compiler, Flags, Refusal};
use portbench_neuron::{NeuronError, Target};
use tempfile::TempDir;

use crate::files::{PROGRAM, neff};

const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with a link to the double, what it does to compile, and a good artefact for it to copy.
struct Double {
    directory: TempDir,
}

impl Double {
    fn new(body: &str) -> Self {
        let double = Self { directory: tempfile::tempdir().unwrap() };
        // A link and not a copy: a program that was just written may still be open for writing in a child of another test's thread.
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/double/neuronx-cc");
        symlink(script, double.path("neuronx-cc")).unwrap();
        fs::write(double.path("body"), body).unwrap();
        fs::write(double.path("good.neff"), neff(PROGRAM)).unwrap();
        fs::write(double.path("graph.hlo"), "hlo").unwrap();
        double
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn compile(&self, flags: &Flags, limit: Duration) -> Result<Compiled, NeuronError> {
        let compiler = Compiler::at(self.path("neuronx-cc")).unwrap();
        compiler.compile(&self.path("graph.hlo"), &self.path("model.neff"), flags, limit)
    }

    fn run(&self) -> Compiled {
        self.compile(&Flags::new(Target::Trn2), PATIENCE).unwrap()
    }
}

#[test]
fn a_good_end_has_an_artefact_and_every_flag_was_given() {
    let double = Double::new("echo \"lnc $NEURON_LOGICAL_NC_CONFIG\"; cp \"$here/good.neff\" \"$out\"");
    let compiled = double.run();
    assert_eq!(compiled.result.unwrap().lnc, Some(2));
    assert!(compiled.seconds > 0.0);
    let arguments = fs::read_to_string(double.path("arguments")).unwrap();
    let expected = format!(
        "compile {} --framework XLA --target trn2 --auto-cast none --optlevel 2 --lnc 2 --native-int64 disabled \
         --implicit-integer-downcast all --output {}",
        double.path("graph.hlo").display(),
        double.path("model.neff").display()
    );
    assert_eq!(arguments.trim(), expected);
    assert_eq!(fs::read_to_string(double.path("model.log")).unwrap(), "lnc 2\n");
}

#[test]
fn refusals_kills_and_lies_are_results() {
    let refused =
        Double::new("echo '[ERROR] [NCC_EVRF029] Operation sort is not supported on trn2.' >&2; exit 70")
            .run();
    let failure = refused.result.unwrap_err();
    assert_eq!((failure.cause, failure.op.as_deref()), (Cause::Refused(Refusal::Op), Some("sort")));
    let killed = Double::new("kill -9 $$").run().result.unwrap_err();
    assert_eq!(killed.cause, Cause::HostMemory);
    let double = Double::new("head -c 1500 /dev/zero > \"$out\"; echo 'done, or so it says'");
    let liar = double.run().result.unwrap_err();
    assert_eq!((liar.cause, liar.message.as_str()), (Cause::Failed, "exit status 0: done, or so it says"));
    assert!(!double.path("model.neff").exists(), "what is no NEFF is not left behind as one");
}

#[test]
fn past_the_time_limit_the_compiler_and_its_helpers_are_ended() {
    let double = Double::new("sh -c 'echo $$ > \"$0/helper\"; exec sleep 600' \"$here\" & sleep 600");
    // On a busy machine the helper may need longer to start than the limit is.
    let started = |seconds: u64| {
        let late = double.compile(&Flags::new(Target::Trn2), Duration::from_secs(seconds)).unwrap();
        assert_eq!(late.result.unwrap_err().cause, Cause::TimeLimit(seconds));
        fs::read_to_string(double.path("helper")).ok().filter(|pid| pid.ends_with('\n'))
    };
    let helper = [1, 5, 20, 60].into_iter().find_map(started).unwrap();
    let stat = Path::new("/proc").join(helper.trim()).join("stat");
    let until = Instant::now() + PATIENCE;
    // Gone, or dead and not yet collected.
    while fs::read_to_string(&stat).is_ok_and(|s| !s.contains(") Z ")) {
        assert!(Instant::now() < until, "the helper lives on");
        thread::yield_now();
    }
}

#[test]
fn an_artefact_for_other_logical_cores_is_refused() {
    let double = Double::new("cp \"$here/good.neff\" \"$out\"");
    let error = double.compile(&Flags::new(Target::Trn1), PATIENCE).unwrap_err().to_string();
    assert!(error.contains("compiled with --lnc 2 and this process runs with 1"), "{error}");
}

#[test]
fn what_is_no_compiler_is_refused() {
    let double = Double::new("");
    let missing = Compiler::at(double.path("nothing")).unwrap_err();
    assert!(matches!(missing, NeuronError::File { action: "run", .. }));
    let other = PathBuf::from("/bin/echo");
    let error = Compiler::at(other).unwrap_err().to_string();
    assert!(error.starts_with("neuronx-cc --version wrote something that cannot be read"), "{error}");
}
