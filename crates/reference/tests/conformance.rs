//! The reference passes the suite it is the oracle of, in both precisions; backends with planted faults do not.

use portbench_backend::conformance;
use portbench_reference::Reference;

#[test]
fn the_exact_interpreter_passes() {
    conformance::run(&mut Reference::exact(), &mut Reference::exact()).assert_passed();
}

#[test]
fn the_rounding_interpreter_passes() {
    conformance::run(&mut Reference::rounded(), &mut Reference::exact()).assert_passed();
}
