//! The conformance suite: what a backend has to pass.
//!
//! ```text
//! let report = conformance::run(&mut MyBackend::new()?, &mut Reference::exact());
//! report.assert_passed();
//! ```
//!
//! Each case is a small program executed by the backend and by an oracle that computes in `f64` without rounding. It passes, fails,
//! or is unsupported: then [`Backend::support`] has to say so of one of its ops, and [`Backend::compile`] has to agree.
//! Composites run twice where the backend has a native form: natively, and decomposed. A panic fails its case only.
//!
//! # Tolerance
//! Integers and booleans are equal, and so are floats after ops that only move or choose them. Other floats pass when
//! `|got - expected| <= steps * u * (|expected| + rms)`, with `u` the unit roundoff of the element type (`2^-53`, `2^-24`,
//! `2^-8`, `2^-11` for `f64`, `f32`, `bf16`, `f16`; of the narrower one in mixed programs), `rms` the root mean square of the
//! expected tensor, and `steps` what the case grants:
//!
//! - 2 for one correctly rounded operation, 8 for one call into a mathematical library;
//! - `8 + 2 sqrt(n)` for a sum of `n` products, 4 where it accumulates in a wider type;
//! - 16 to 64 for a composite or a gradient, which rounds several times on its way;
//! - 1024 for several training steps, 4096 for a random program.
//!
//! A gradient is what one step of gradient descent at rate 1 takes from a parameter; the parameter's own rounding is granted on
//! top. NaN and infinities have to be where the oracle has them; what a maximum makes of NaN is not examined, because the ops
//! leave it open.

mod case;
mod chains;
mod composites;
mod executables;
mod gradients;
mod misuse;
mod ops;
mod report;
mod state;
mod training;

use std::collections::BTreeSet;

use portbench_graph::DType;

use crate::contract::Backend;

use case::{Case, FLOATS};

pub use gradients::{GradientCase, cases as gradient_cases};
pub use report::{CaseReport, Report, Verdict};

/// Runs every case on `backend` and compares with `oracle`.
pub fn run(backend: &mut dyn Backend, oracle: &mut dyn Backend) -> Report {
    examine(backend, oracle, &programs(), &FLOATS)
}

/// As [`run`], with one case of each form of an op or of a gradient, for backends that take long to compile: in `f32` where it exists in several
/// element types, at the last shape, which has the most dimensions. State, executables, misuse and training are as in [`run`].
pub fn run_brief(backend: &mut dyn Backend, oracle: &mut dyn Backend) -> Report {
    let form = |case: &Case| case.name.split(" (").next().unwrap_or_default().to_owned();
    let all = programs();
    let in_f32: BTreeSet<String> = all.iter().filter(|c| c.dtype == DType::F32).map(form).collect();
    let mut seen = BTreeSet::new();
    let mut chosen: Vec<Case> = all
        .into_iter()
        .rev()
        .filter(|c| (c.dtype == DType::F32 || !in_f32.contains(&form(c))) && seen.insert(form(c)))
        .collect();
    chosen.reverse();
    examine(backend, oracle, &chosen, &[DType::F32])
}

/// The cases that are one program with one output.
fn programs() -> Vec<Case> {
    [ops::cases(), composites::cases(), chains::cases()].into_iter().flatten().collect()
}

fn examine(
    backend: &mut dyn Backend,
    oracle: &mut dyn Backend,
    programs: &[Case],
    gradients_in: &[DType],
) -> Report {
    let mut cases: Vec<CaseReport> = programs.iter().map(|case| case.check(backend, oracle)).collect();
    cases.extend(state::check(backend, oracle));
    cases.extend(executables::check(backend, oracle));
    cases.extend(misuse::check(backend));
    cases.extend(gradients::check(backend, oracle, gradients_in));
    cases.extend(training::check(backend, oracle));
    Report { backend: backend.info(), cases }
}
