//! The double of libnrt as a file, and NEFFs that it reads.

use std::path::Path;
use std::process::Command;

use portbench_neuron::HEADER_BYTES;

/// Compiles the double (`../double/nrt.c`) with these flags.
pub(crate) fn libnrt(path: &Path, flags: &[&str]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../neuron/tests/double/nrt.c");
    let done = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1"])
        .args(flags)
        .arg("-o")
        .args([path, &source])
        .args(["-lm", "-lpthread"])
        .output()
        .expect("the tests compile a C file: install a C compiler as `cc` (apt-get install build-essential)");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A NEFF for the double: a head as the documents lay it out, and this text. The fields are set at their offsets, not by the code under test.
pub(crate) fn neff(text: &str) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &2u64.to_le_bytes());
    put(8, &1024u64.to_le_bytes());
    put(16, &(text.len() as u64).to_le_bytes());
    put(24, &2u64.to_le_bytes());
    put(32, &7u64.to_le_bytes());
    put(40, b"2.27.5334.0+double");
    put(168, &2u32.to_le_bytes());
    put(172, &[0xab; 32]);
    put(204, &[0xcd; 16]);
    put(220, b"double.neff");
    put(544, &5u64.to_le_bytes());
    put(552, &2u32.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// Two outputs of one input: `y = 2 x`, `z = -x`, and a token input that is copied.
pub(crate) const PROGRAM: &str =
    "in x 10 2x3\nin token 8 -\nout y 10 2x3 2 x\nout z 10 6 -1 x\nout same 8 - 1 token\n";
