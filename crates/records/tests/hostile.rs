//! Fuzzing of the record reader: whatever the bytes are, it answers with a record or an error.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::Path;

use portbench_records::{StoreError, parse_head, parse_record};
use proptest::prelude::*;

fn text() -> Vec<u8> {
    serde_json::to_vec(&common::record("gpt2")).unwrap()
}

/// Both readers answer, and a failure names the file.
fn read(text: &[u8]) -> Option<()> {
    let path = Path::new("cells/x.json");
    let named = |error: StoreError| assert!(error.to_string().starts_with("cells/x.json:"), "{error}");
    let head = parse_head(path, text).map_err(named);
    let record = parse_record(path, text).map_err(named);
    if let (Ok(head), Ok(record)) = (&head, &record) {
        assert_eq!(head.cell, record.cell);
        assert_eq!(head.figures, record.figures);
    }
    // The head is a part of the record: what reads as a whole reads in part.
    assert!(record.is_err() || head.is_ok());
    record.ok().map(|_| ())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn truncated(cut in 0.0..1.0f64) {
        let text = text();
        let length = (cut * text.len() as f64) as usize;
        prop_assert!(read(&text[..length]).is_none());
    }

    #[test]
    fn bytes_changed(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut text = text();
        for (at, byte) in changes {
            *at.get_mut::<u8>(&mut text) = byte;
        }
        read(&text);
    }

    #[test]
    fn pieces_moved(from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), length in 1..200usize) {
        let mut text = text();
        let (from, to) = (from.index(text.len()), to.index(text.len()));
        let piece = text[from..(from + length).min(text.len())].to_vec();
        text.splice(to..to, piece);
        read(&text);
    }

    #[test]
    fn anything(text in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&text).is_none());
    }

    #[test]
    fn deep_nesting(depth in 1..5000usize, kind in prop::sample::select(vec!["[", "{\"version\":"])) {
        prop_assert!(read(kind.repeat(depth).as_bytes()).is_none());
    }
}
