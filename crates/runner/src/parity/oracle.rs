//! What a right backend answers.

use std::path::{Path, PathBuf};

use portbench_backend::{Backend, CompileOptions, save_tensors, with_causes};
use portbench_measure::execute_parity;
use portbench_reference::Reference;
use portbench_workload::ParityCheck;

use super::arithmetic::Arithmetic;
use super::cache::{key, read};
use super::gate::Tensors;

/// In exact arithmetic.
const EXACT: &str = "exact";

/// Computes goldens, or reads those computed before.
#[derive(Debug)]
pub(crate) struct Oracle {
    cache: PathBuf,
}

/// Outputs of the oracle.
#[derive(Debug)]
pub(crate) struct Answers {
    /// In exact arithmetic.
    pub(crate) golden: Tensors,
    /// With every result rounded to its declared type, and the operands of products as the numerics round them.
    pub(crate) same_dtype: Tensors,
}

impl Oracle {
    pub(crate) fn new(cache: PathBuf) -> Self {
        Self { cache }
    }

    /// What its answers to a check are called in the cache.
    pub(crate) fn keys(
        &self,
        check: &ParityCheck,
        fingerprint: &str,
        arithmetic: Arithmetic,
    ) -> [PathBuf; 2] {
        [EXACT, &arithmetic.name()].map(|precision| self.path(check, fingerprint, precision))
    }

    fn path(&self, check: &ParityCheck, fingerprint: &str, precision: &str) -> PathBuf {
        let key = key(fingerprint, &check.params, &check.inputs, &check.task, precision);
        self.cache.join(format!("{key}.safetensors"))
    }

    /// Both answers to a check. Whatever the cache holds is taken; whatever it does not is computed, and kept there if it can be.
    pub(crate) fn answers(
        &self,
        check: &ParityCheck,
        fingerprint: &str,
        arithmetic: Arithmetic,
    ) -> Result<Answers, String> {
        let ask = |precision: &str, reference: Reference| {
            let path = self.path(check, fingerprint, precision);
            compute(check, &path, reference).map_err(|e| format!("the oracle ({precision}) failed: {e}"))
        };
        let (golden, same_dtype) = std::thread::scope(|scope| {
            let golden = scope.spawn(|| ask(EXACT, Reference::exact()));
            let same_dtype = ask(&arithmetic.name(), Reference::new(arithmetic.precision()));
            (golden.join().unwrap_or_else(|_| Err("the oracle ended early".to_owned())), same_dtype)
        });
        Ok(Answers { golden: golden?, same_dtype: same_dtype? })
    }
}

fn compute(check: &ParityCheck, path: &Path, mut reference: Reference) -> Result<Tensors, String> {
    if let Ok(known) = read(path) {
        return Ok(known);
    }
    let ParityCheck { program, params, inputs, task, .. } = check;
    let mut executable =
        reference.compile(program, params, &CompileOptions::default()).map_err(|e| with_causes(&e))?;
    let outputs = execute_parity(executable.as_mut(), program, params, inputs, task);
    let outputs: Tensors = outputs.map_err(|e| with_causes(&e))?.into_iter().collect();
    // A cache that cannot be written costs time, not the run.
    let _ = save_tensors(path, &outputs);
    Ok(outputs)
}
