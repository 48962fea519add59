//! The readers survive whatever arrives.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Cursor;

use portbench_worker::{
    Failure, FromWorker, Phase, ProtocolError, VERSION, read_job, read_message, write_line,
};
use proptest::prelude::*;

fn messages() -> Vec<FromWorker> {
    vec![
        FromWorker::Hello { protocol: VERSION, worker: "w 1".into() },
        FromWorker::Phase { phase: Phase::FirstExecute },
        FromWorker::Progress { fraction: Some(0.25), detail: Some("step 12, loss 2.013\u{1F680}".into()) },
        FromWorker::Failed { failure: Failure::OutOfMemory, text: "a\nb".into() },
        FromWorker::Done,
    ]
}

fn written(messages: &[FromWorker]) -> Vec<u8> {
    let mut bytes = Vec::new();
    messages.iter().for_each(|message| write_line(&mut bytes, message).unwrap());
    bytes
}

#[test]
fn messages_come_back_as_they_were() {
    let mut reader = Cursor::new(written(&messages()));
    for message in messages() {
        assert_eq!(read_message(&mut reader).unwrap(), message);
    }
    assert!(matches!(read_message(&mut reader), Err(ProtocolError::End)));
}

#[test]
fn every_message_is_one_line() {
    let bytes = written(&messages());
    assert_eq!(bytes.iter().filter(|&&b| b == b'\n').count(), messages().len());
}

#[test]
fn another_version_is_told_apart_from_garbage() {
    let read = |text: &str| read_message(&mut Cursor::new(text.as_bytes())).unwrap_err();
    let hello = read("{\"message\":\"hello\",\"protocol\":7,\"worker\":\"w\"}\n");
    assert!(matches!(hello, ProtocolError::Version { got: 7 }), "{hello}");
    let newer = read("{\"message\":\"hello\",\"protocol\":2,\"worker\":\"w\",\"host\":\"new\"}\n");
    assert!(matches!(newer, ProtocolError::Version { got: 2 }), "{newer}");
    let garbage = read("Loading \u{7}lib\n");
    assert_eq!(garbage.to_string(), "\"Loading \\u{7}lib\" is no message of protocol 1");
    let long = read(&("x".repeat(5000) + "\n")).to_string();
    assert!(long.len() < 250 && long.contains("(5000 bytes)"), "{long}");
}

#[test]
fn a_line_without_an_end_is_truncated() {
    let mut bytes = written(&messages()[..1]);
    bytes.pop();
    let error = read_message(&mut Cursor::new(bytes)).unwrap_err();
    assert!(matches!(error, ProtocolError::Truncated { .. }), "{error}");
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let error = read_message(&mut std::io::BufReader::new(std::io::repeat(b'x'))).unwrap_err();
    assert!(matches!(error, ProtocolError::TooLong), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read_message(&mut Cursor::new(&bytes));
        let _ = read_job(&mut Cursor::new(&bytes));
    }

    #[test]
    fn mutated_messages_are_read_or_refused(
        which in 0..5usize,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = written(&messages()[which..=which]);
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let mut reader = Cursor::new(&bytes);
        while let Ok(message) = read_message(&mut reader) {
            // What was read can be said again.
            prop_assert_eq!(read_message(&mut Cursor::new(written(std::slice::from_ref(&message)))).unwrap(), message);
        }
    }

    #[test]
    fn json_of_any_shape_is_no_reason_to_panic(json in "[\\[\\]{}\":,a-z0-9 ]{0,200}\n") {
        let _ = read_message(&mut Cursor::new(json.as_bytes()));
        let _ = read_job(&mut Cursor::new(json.as_bytes()));
    }
}
