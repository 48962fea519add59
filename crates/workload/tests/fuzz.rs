//! Whatever a file holds, reading it gives a workload, a suite or an error, never a panic.

use portbench_workload::{Suite, Workload};
use proptest::prelude::*;

const WORKLOAD: &str = include_str!("../../../workloads/shakespeare-char-training.toml");
const SUITE: &str = include_str!("../../../workloads/suites/cpu.toml");

fn read(bytes: &[u8]) {
    let workload = Workload::from_bytes("fuzz.toml", None, bytes.to_vec()).err();
    let suite = Suite::from_bytes("fuzz.toml", None, bytes.to_vec()).err();
    for error in workload.into_iter().chain(suite) {
        let text = error.to_string();
        assert!(text.contains("fuzz.toml"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
    }

    #[test]
    fn files_with_a_part_replaced(
        suite in any::<bool>(),
        at in any::<prop::sample::Index>(),
        length in 0usize..40,
        new in "[ -~\n\u{e9}\u{4e2d}]{0,20}",
    ) {
        let text: Vec<char> = if suite { SUITE } else { WORKLOAD }.chars().collect();
        let at = at.index(text.len());
        let end = (at + length).min(text.len());
        let mutated: String = text[..at].iter().copied().chain(new.chars()).chain(text[end..].iter().copied()).collect();
        read(mutated.as_bytes());
    }
}
