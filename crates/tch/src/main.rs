//! `portbench-worker-tch --device DEVICE`: serves one job over libtorch.

use std::process::ExitCode;

use portbench_backend::with_causes;
use portbench_tch::TchBackend;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let device = match (args.next().as_deref(), args.next(), args.next()) {
        (Some("--device"), Some(device), None) => device,
        _ => return usage("portbench-worker-tch --device DEVICE, DEVICE being cpu, cuda:N or neuron:N"),
    };
    match portbench_worker::serve_process(|| Ok(Box::new(TchBackend::new(&device)?))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => usage(&format!("error: {}", with_causes(&error))),
    }
}

#[expect(clippy::print_stderr, reason = "a program's last words")]
fn usage(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::from(2)
}
