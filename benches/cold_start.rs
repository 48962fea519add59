//! Process start to end of `portbench list`. Needs `cargo build --release` first.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};

fn list(c: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let program = root.join("target/release/portbench");
    c.bench_function("portbench list", |b| {
        b.iter(|| {
            let status = Command::new(&program).arg("list").current_dir(&root).stdout(Stdio::null()).status();
            assert!(status.unwrap().success());
        });
    });
}

criterion_group!(benches, list);
criterion_main!(benches);
