//! libtorch passes the conformance suite: on the CPU, and on a GPU where `--include-ignored` asks for it, which then has to be there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_backend::conformance;
use portbench_reference::Reference;
use portbench_tch::TchBackend;

fn passes(device: &str) {
    conformance::run(&mut TchBackend::new(device).unwrap(), &mut Reference::exact()).assert_passed();
}

#[test]
fn libtorch_passes_on_the_cpu() {
    passes("cpu");
}

#[test]
#[ignore = "needs a GPU: run with --include-ignored where there is one"]
fn libtorch_passes_on_a_gpu() {
    passes("cuda:0");
}
