//! The barrier check tells an honest device from a lying one. These tests run on the system's clock for some milliseconds; what they assert holds under any load.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{Recipe, forward, forward_program, generated, spec};
use portbench_backend::null::{Completion, NullBackend};
use portbench_backend::{Backend, CompileOptions, ParamSource};
use portbench_measure::{BarrierCheck, Scenario, SystemClock, measure, overhead};

fn check(mut backend: NullBackend) -> BarrierCheck {
    let program = forward_program();
    let params = ParamSource::Generated { seed: 1 };
    let mut executable = backend.compile(&program, &params, &CompileOptions::default()).unwrap();
    let inputs = generated(&[("x", Recipe::Normal { std: 1.0 })]);
    let mut spec = spec(forward(), Scenario::SingleStream);
    spec.warmup.max_seconds = 0.02;
    spec.sampling.seconds = 0.0;
    let timed =
        measure(executable.as_mut(), &program, &inputs, &spec, &SystemClock::new(), &mut |_| {}).unwrap();
    timed.measurement.barrier.unwrap()
}

#[test]
fn a_barrier_that_does_not_wait_is_caught() {
    let busy = Duration::from_millis(1);
    let lie = check(NullBackend::busy(busy, Completion::QueuedWithoutBarrier));
    assert!(!lie.honest && lie.read_back_seconds > 0.0005, "{lie:?}");
}

#[test]
fn a_barrier_that_waits_leaves_nothing_pending() {
    let busy = Duration::from_millis(1);
    for completion in [Completion::Queued, Completion::Blocking] {
        let truth = check(NullBackend::busy(busy, completion));
        assert!(truth.read_back_seconds < 0.005, "{completion:?}: {truth:?}");
        assert!(truth.doubling > 1.2, "{completion:?}: {truth:?}");
    }
}

#[test]
fn a_device_that_does_nothing_is_not_accused() {
    let nothing = check(NullBackend::new());
    assert!(nothing.honest, "{nothing:?}");
}

#[test]
fn overhead_is_found_with_the_clock() {
    let found = overhead(&SystemClock::new()).unwrap();
    assert!(found.sample_ns > 0.0 && found.timer_resolution_ns > 0, "{found:?}");
}
