//! candle on the CPU passes the conformance suite.

use portbench_backend::conformance;
use portbench_candle::CandleBackend;
use portbench_reference::Reference;

#[test]
fn candle_passes() {
    conformance::run(&mut CandleBackend::cpu(), &mut Reference::exact()).assert_passed();
}
