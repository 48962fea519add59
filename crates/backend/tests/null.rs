//! The null backend: zeros, the contract's errors, and a barrier that is honest or lies as told.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use portbench_backend::null::{Completion, NullBackend};
use portbench_backend::{
    Backend, BackendError, CompileOptions, EntryId, Executable, HostTensor, ParamSource,
};
use portbench_graph::{DType, Program, ProgramBuilder, Type};

fn program() -> Program {
    let mut p = ProgramBuilder::new("twice", DType::F32);
    p.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [2, 3]));
        let y = g.affine(x, 2.0, 1.0);
        g.output("y", y);
    });
    p.finish().unwrap()
}

fn compiled(mut backend: NullBackend) -> Box<dyn Executable> {
    let source = ParamSource::Generated { seed: 1 };
    backend.compile(&program(), &source, &CompileOptions::default()).unwrap()
}

fn bound(backend: NullBackend) -> Box<dyn Executable> {
    let mut executable = compiled(backend);
    let x = HostTensor::zeros(Type::new(DType::F32, [2, 3]));
    executable.bind(EntryId(0), &[("x", &x)]).unwrap();
    executable
}

#[test]
fn outputs_are_zeros_of_the_declared_type() {
    let mut executable = bound(NullBackend::new());
    executable.execute(EntryId(0)).unwrap();
    executable.synchronize().unwrap();
    let y = executable.fetch(EntryId(0), "y").unwrap();
    assert_eq!(y, HostTensor::zeros(Type::new(DType::F32, [2, 3])));
    assert_eq!(executable.lowering().counts(), (1, 0));
}

#[test]
fn the_contracts_errors_are_raised() {
    let mut executable = compiled(NullBackend::new());
    assert!(matches!(executable.execute(EntryId(0)), Err(BackendError::Input { input, .. }) if input == "x"));
    assert!(matches!(executable.execute(EntryId(7)), Err(BackendError::UnknownEntry { .. })));
    let wrong = HostTensor::zeros(Type::new(DType::F32, [3, 2]));
    assert!(matches!(executable.bind(EntryId(0), &[("x", &wrong)]), Err(BackendError::Input { .. })));
    assert!(matches!(executable.bind(EntryId(0), &[("z", &wrong)]), Err(BackendError::Input { .. })));
    assert!(matches!(executable.fetch(EntryId(0), "y"), Err(BackendError::Output { .. })));
    assert!(matches!(executable.fetch_param("w"), Err(BackendError::Output { .. })));
}

/// Time of four executions, and of the synchronisation after them.
fn phases(completion: Completion, busy: Duration) -> (Duration, Duration, Duration) {
    let mut executable = bound(NullBackend::busy(busy, completion));
    let start = Instant::now();
    for _ in 0..4 {
        executable.execute(EntryId(0)).unwrap();
    }
    let executed = start.elapsed();
    executable.synchronize().unwrap();
    let synchronised = start.elapsed();
    executable.fetch(EntryId(0), "y").unwrap();
    (executed, synchronised, start.elapsed())
}

#[test]
fn completion_decides_who_waits() {
    let busy = Duration::from_millis(10);
    let (executed, _, _) = phases(Completion::Blocking, busy);
    assert!(executed >= 4 * busy);
    let (_, synchronised, _) = phases(Completion::Queued, busy);
    assert!(synchronised >= 4 * busy);
    // Upper bounds on time depend on the machine's mood; one quiet attempt in ten is enough to show that nothing waited.
    let quiet = |early: &dyn Fn() -> bool| (0..10).any(|_| early());
    assert!(quiet(&|| phases(Completion::Queued, busy).0 < 4 * busy));
    assert!(quiet(&|| phases(Completion::QueuedWithoutBarrier, busy).1 < 4 * busy));
    let (_, _, fetched) = phases(Completion::QueuedWithoutBarrier, busy);
    assert!(fetched >= 4 * busy, "a read-back waits even where the barrier lies");
}
