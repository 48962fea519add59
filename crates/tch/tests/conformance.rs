//! libtorch passes the conformance suite on the CPU, and with `PORTBENCH_CUDA=1` on the first GPU too, which then has to be there.

use portbench_backend::conformance;
use portbench_reference::Reference;
use portbench_tch::TchBackend;

/// What `PORTBENCH_CUDA` asks for.
fn devices() -> Vec<&'static str> {
    match std::env::var("PORTBENCH_CUDA").as_deref() {
        Err(_) | Ok("" | "0") => vec!["cpu"],
        Ok(_) => vec!["cpu", "cuda:0"],
    }
}

#[test]
fn libtorch_passes_on_every_device_asked_for() {
    let devices = devices();
    eprintln!("conformance of tch on {}; PORTBENCH_CUDA=1 adds cuda:0", devices.join(", "));
    for device in devices {
        conformance::run(&mut TchBackend::new(device).unwrap(), &mut Reference::exact()).assert_passed();
    }
}
