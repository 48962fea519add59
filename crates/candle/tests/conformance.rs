//! candle passes the conformance suite on the CPU; with `PORTBENCH_CUDA=1` on the first GPU instead, which then has to be there.

use portbench_backend::conformance;
use portbench_candle::CandleBackend;
use portbench_reference::Reference;

#[test]
fn candle_passes_on_the_device_asked_for() {
    let device = match std::env::var("PORTBENCH_CUDA").as_deref() {
        Err(_) | Ok("" | "0") => "cpu",
        Ok(_) => "cuda:0",
    };
    let report = conformance::run(&mut CandleBackend::new(device).unwrap(), &mut Reference::exact());
    eprintln!("{report}");
    report.assert_passed();
}
