//! The interpreter with the package and the extension module that cargo has just built.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses its own share")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// `PORTBENCH_PYTHON`, else the environment that `scripts/setup-python` makes.
pub(crate) fn interpreter() -> PathBuf {
    let made = root().join(".venv/bin/python");
    let python = env::var_os("PORTBENCH_PYTHON").map_or(made, PathBuf::from);
    assert!(python.is_file(), "{} is not there: run scripts/setup-python", python.display());
    python
}

/// The extension module, beside the test's own program: `cargo build` puts it there, `cargo test` alone does not.
pub(crate) fn extension() -> PathBuf {
    let test = env::current_exe().unwrap();
    let file = format!("{}portbench_python{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let built = test.parent().unwrap().join(file);
    assert!(
        built.is_file(),
        "{} is not there: run cargo build --release -p portbench-python",
        built.display()
    );
    built
}

/// `python -m portbench_torch ...`.
pub(crate) fn python(arguments: &[&str]) -> Command {
    let mut command = Command::new(interpreter());
    command.args(["-m", "portbench_torch"]).args(arguments);
    command.env("PYTHONPATH", env!("CARGO_MANIFEST_DIR")).env("PORTBENCH_PYTHON_EXTENSION", extension());
    command.current_dir(root());
    command
}
