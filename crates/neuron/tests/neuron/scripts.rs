//! `scripts/setup-neuron` and `scripts/neuron-first-run`, as far as they go without a Neuron host: refusals, dry runs, and a session in which
//! everything that the script calls is a double.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::told::tree;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A host's files below a root, and what setup-neuron says there.
fn setup(files: &[(&str, &str)], args: &[&str]) -> Output {
    let root = tempfile::tempdir().unwrap();
    tree(root.path(), files);
    let python = root.path().join("opt/aws_neuronx_venv_torch_neuronx_2_14_0/bin/python");
    if python.exists() {
        Command::new("chmod").arg("+x").arg(&python).status().unwrap();
    }
    let done = Command::new(script("setup-neuron"))
        .args(args)
        .env("PORTBENCH_HOST_ROOT", root.path())
        .output()
        .unwrap();
    let cut = |bytes: &[u8]| text(bytes).replace(&root.path().display().to_string(), "ROOT").into_bytes();
    Output { stdout: cut(&done.stdout), stderr: cut(&done.stderr), status: done.status }
}

const PRODUCT: &str = "sys/devices/virtual/dmi/id/product_name";
const UBUNTU: (&str, &str) = ("etc/os-release", "ID=ubuntu\nVERSION_CODENAME=noble");

fn dry(files: &[(&str, &str)], args: &[&str]) -> String {
    let done = setup(files, &[&["--dry-run"], args].concat());
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    // Whoever is not root is given sudo.
    text(&done.stdout).replace("sudo ", "")
}

#[test]
fn set_up_refuses_what_cannot_work_and_says_what_can() {
    let refused = |files: &[(&str, &str)], args: &[&str], said: &str| {
        let done = setup(files, args);
        assert_eq!(done.status.code(), Some(1), "{}", text(&done.stdout));
        assert!(text(&done.stderr).contains(said), "{}", text(&done.stderr));
        assert!(!text(&done.stdout).contains("+ "), "nothing is done before a refusal");
    };
    refused(&[], &[], "this machine is no Trn or Inf2 instance");
    refused(
        &[],
        &["--line", "xla"],
        "--compile-only; to see the commands anywhere, --dry-run --line xla|native",
    );
    refused(&[(PRODUCT, "m7i.large")], &["--dry-run"], "this machine is no Trn or Inf2 instance");
    refused(&[(PRODUCT, "inf1.xlarge")], &["--dry-run"], "inf1.xlarge is an Inf1 instance");
    refused(
        &[(PRODUCT, "trn1.2xlarge")],
        &["--dry-run", "--line", "native"],
        "on trn1.2xlarge use --line xla",
    );
    refused(
        &[(PRODUCT, "trn3.48xlarge")],
        &["--dry-run", "--line=xla"],
        "on trn3.48xlarge use --line native",
    );
    refused(
        &[],
        &["--compile-only", "--line", "native", "--dry-run"],
        "TorchNeuron compiles on Trn2 and Trn3 only",
    );
    refused(&[], &["--line", "both"], "--line is xla or native, not 'both'");
    refused(&[], &["--fast"], "usage: setup-neuron");
    refused(&[], &["--dry-run", "--line"], "--line needs xla or native");
}

#[test]
fn a_bare_trn1_gets_the_packages_of_one_sdk() {
    let said = dry(&[(PRODUCT, "trn1.2xlarge"), UBUNTU], &[]);
    assert!(said.starts_with("setup-neuron: trn1.2xlarge: line xla, SDK 2.31\n"), "{said}");
    for part in [
        "aws-neuronx-dkms=2.29.0.0",
        "aws-neuronx-runtime-lib=2.33.10.0",
        "aws-neuronx-tools=2.31.15.0",
        "noble main",
        "+ modprobe neuron",
        "neuronx-cc==2.26.6360.0 torch-neuronx==2.9.0.2.15.32035",
        "cargo build --release -p portbench -p portbench-python -p portbench-neuron",
        "would write target/neuron-environment",
    ] {
        assert!(said.contains(part), "no {part} in\n{said}");
    }
}

#[test]
fn a_trn2_of_the_deep_learning_ami_is_left_as_it_is() {
    let files = [
        (PRODUCT, "trn2.3xlarge"),
        UBUNTU,
        ("dev/neuron0", ""),
        ("opt/aws/neuron/bin/neuron-ls", ""),
        ("opt/aws/neuron/lib/libnrt.so.1", ""),
        ("opt/aws_neuronx_venv_torch_neuronx_2_14_0/bin/python", ""),
    ];
    let said = dry(&files, &[]);
    // The tools' file is not executable in this made-up root, so apt is asked; the environment is the image's.
    assert!(said.contains("setup-neuron: trn2.3xlarge: line native, SDK 2.33\n"), "{said}");
    assert!(said.contains("setup-neuron: device: /dev/neuron0 is there\n"), "{said}");
    assert!(
        said.contains("PyTorch: the image's environment ROOT/opt/aws_neuronx_venv_torch_neuronx_2_14_0\n"),
        "{said}"
    );
    assert!(!said.contains("pip install"), "{said}");
}

#[test]
fn a_host_that_only_compiles_gets_no_driver() {
    let said = dry(&[], &["--compile-only"]);
    assert!(said.contains("driver, runtime and tools: left out") && said.contains("neuronx-cc=="), "{said}");
    assert!(!said.contains("apt-get install -y -qq aws") && !said.contains("modprobe"), "{said}");
}

#[test]
fn a_first_run_without_a_device_says_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        Command::new(script("neuron-first-run"))
            .args(args)
            .env("PORTBENCH_HOST_ROOT", root.path())
            .output()
            .unwrap()
    };
    let done = run(&[]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        text(&done.stderr).contains("no /dev/neuron0")
            && text(&done.stderr).contains("run scripts/setup-neuron")
    );
    let done = run(&["--dry-run"]);
    assert!(done.status.success());
    let steps = text(&done.stdout);
    assert_eq!(steps.matches("   expect: ").count(), 12, "{steps}");
    assert!(
        steps.contains("torch_neuronx.trace") && steps.contains("--backend neuron-trace@neuron:0"),
        "{steps}"
    );
    assert!(steps.contains("conformance --engine") && steps.contains("mlp-training"), "{steps}");
    for wrong in [&["--from", "two"][..], &["--from"]] {
        let done = run(wrong);
        assert_eq!(done.status.code(), Some(2));
        assert!(text(&done.stderr).contains("--from needs the number of a step"));
    }
    let done = run(&["--dry-run", "--from", "99"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("there is no step 99: the last one is 12"));
    assert_eq!(run(&["--fast"]).status.code(), Some(2));
}

/// Makes the doubles of a session. Bash writes them, so that no program is open for writing in this process when it is started.
const SESSION: &str = r#"
mkdir -p scripts target/release bin dev
cp "$1" scripts/neuron-first-run
touch dev/neuron0
put() { cat >"$1"; chmod +x "$1"; }
put target/release/portbench <<'END'
#!/bin/sh
case "$1" in
doctor) cat doctor.txt ;;
plan) echo 'a table' ;;
run) echo "cell  single-stream  $5  f32  measured  1 sample/s on ip-10-0-0-7.ec2.internal as i-0123456789abcdef0" ;;
*) exit 2 ;;
esac
END
put target/release/portbench-neff <<'END'
#!/bin/sh
echo "$1 ok"
END
put bin/neuron-monitor <<'END'
#!/bin/sh
echo '{"neuron_hardware_info": {}, "instance_info": {"instance_id": "i-0123456789abcdef0", "subnet_id": "subnet-0123456789abcdef0"}}'
END
put bin/python <<'END'
#!/bin/sh
case "$1" in
-c) echo xla ;;
-m) echo "386 cases passed" ;;
*) cat >/dev/null; echo neff >"$2/graph.neff"; echo "ok from 10.0.0.7" ;;
esac
END
"#;

struct Session {
    directory: TempDir,
}

impl Session {
    fn new(doctor: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut make = Command::new("bash");
        make.args(["-euc", SESSION, "bash"]).arg(script("neuron-first-run")).current_dir(directory.path());
        assert!(make.status().unwrap().success());
        let session = Self { directory };
        session.doctor(doctor);
        session
    }

    fn doctor(&self, said: &str) {
        fs::write(self.directory.path().join("doctor.txt"), said).unwrap();
    }

    fn run(&self, args: &[&str]) -> Output {
        let at = |name: &str| self.directory.path().join(name);
        let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap());
        Command::new(at("scripts/neuron-first-run"))
            .args(args)
            .env("PATH", path)
            .env("PORTBENCH_PYTHON", at("bin/python"))
            .env("PORTBENCH_HOST_ROOT", self.directory.path())
            .output()
            .unwrap()
    }

    fn packs(&self) -> usize {
        let files = fs::read_dir(self.directory.path().join("target")).unwrap().flatten();
        files.filter(|f| f.file_name().to_string_lossy().ends_with(".tar.gz")).count()
    }

    /// Everything that is kept in text.
    fn kept(&self) -> String {
        let out = self.directory.path().join("target/neuron-first-run");
        let files = fs::read_dir(out).unwrap().flatten().filter(|f| f.path().is_file());
        files.map(|f| fs::read_to_string(f.path()).unwrap()).collect()
    }
}

const WELL: &str = "what            state  detail\nNeuron devices  ok     1 device file(s)\nNeuron runtime  ok     libnrt\nbackend tch     missing  no\n";

#[test]
fn a_session_goes_through_every_step_and_packs_no_ids() {
    let session = Session::new(WELL);
    let done = session.run(&[]);
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
    let kept = session.kept();
    assert_eq!(kept.matches(": ok\n").count(), 12, "{kept}");
    assert_eq!(session.packs(), 1);
    assert!(
        kept.contains("i-removed") && kept.contains("subnet-removed") && kept.contains("host-removed"),
        "{kept}"
    );
    assert!(kept.contains("ok from address-removed"), "{kept}");
    for id in ["0123456789abcdef0", "10.0.0.7", "ec2.internal"] {
        assert!(!kept.contains(id) && !text(&done.stdout).contains(id), "{id} was kept");
    }
}

#[test]
fn a_step_that_fails_is_named_packed_and_can_be_continued() {
    let session = Session::new("Neuron driver  missing  scripts/setup-neuron installs aws-neuronx-dkms\n");
    let done = session.run(&[]);
    assert_eq!(done.status.code(), Some(1));
    let error = text(&done.stderr);
    assert!(error.contains("step 1 (what is here) did not end as expected"), "{error}");
    assert!(error.contains("scripts/neuron-first-run --from 1"), "{error}");
    assert_eq!(session.packs(), 1);
    assert!(session.kept().contains("1 what is here: failed"));
    assert!(!session.kept().contains("2 what it will not take"));
    let done = session.run(&["--from", "2"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(session.kept().matches(": ok\n").count(), 11);
}
