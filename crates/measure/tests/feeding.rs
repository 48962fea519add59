//! Inputs from their sources, and the parity execution.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{Recipe, Scripted, forward_program, generate_program, generated, training_program};
use portbench_backend::{HostTensor, ParamSource, generate};
use portbench_graph::{DType, Type};
use portbench_measure::{
    Batch, Corpus, FakeClock, Feeder, InputSource, Inputs, MeasureError, ParityTask, Split, execute_parity,
};
use proptest::prelude::*;

const PARAMS: ParamSource = ParamSource::Generated { seed: 1 };

fn tensor(batch: &Batch, name: &str) -> HostTensor {
    batch.refs().into_iter().find(|(n, _)| *n == name).map(|(_, t)| t.clone()).unwrap()
}

fn corpus(text: &str, validation: f64) -> (tempfile::NamedTempFile, Inputs) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let inputs = Inputs {
        seed: 5,
        sources: [
            ("input_ids".to_owned(), InputSource::CorpusTokens),
            ("labels".to_owned(), InputSource::CorpusNextTokens),
        ]
        .into(),
        corpus: Some(Corpus { path: file.path().to_owned(), validation }),
        trial: 0,
    };
    (file, inputs)
}

#[test]
fn generated_inputs_are_those_of_the_generator_under_the_steps_name() {
    let feeder = Feeder::open(&generated(&[("x", Recipe::Normal { std: 2.0 })])).unwrap();
    let program = forward_program();
    let ty = Type::new(DType::F32, [2, 3]);
    for (step, name) in [(0, "x"), (3, "x#3")] {
        let batch = feeder.batch(&program.entries[0], step, Split::Training).unwrap();
        let wanted = generate::tensor(7, name, &ty, Recipe::Normal { std: 2.0 }).unwrap();
        assert_eq!(tensor(&batch, "x"), wanted);
    }
}

#[test]
fn characters_are_numbered_by_code_point_and_the_last_part_is_held_out() {
    // Code points in order: a, b, y, z, and one outside ASCII.
    let (_file, inputs) = corpus(&("zaé".repeat(30) + &"yb".repeat(5)), 0.1);
    let feeder = Feeder::open(&inputs).unwrap();
    let program = training_program();
    let graph = program.entry("train").unwrap();
    for step in 0..50 {
        let training = tensor(&feeder.batch(graph, step, Split::Training).unwrap(), "input_ids").to_i64();
        assert!(training.iter().all(|t| [0, 3, 4].contains(t)), "{training:?}");
        let held_out = tensor(&feeder.batch(graph, step, Split::Validation).unwrap(), "input_ids").to_i64();
        assert!(held_out.iter().all(|t| [1, 2].contains(t)), "{held_out:?}");
    }
}

#[test]
fn a_corpus_that_is_too_short_says_which_part() {
    let (file, inputs) = corpus("abcdefghijkl", 0.2);
    let feeder = Feeder::open(&inputs).unwrap();
    let program = training_program();
    let error = feeder.batch(program.entry("train").unwrap(), 0, Split::Validation).unwrap_err().to_string();
    assert!(error.contains("validation part has 3 characters, a window takes 4"), "{error}");
    assert!(error.contains(&file.path().display().to_string()), "{error}");
}

#[test]
fn a_corpus_that_is_no_text_is_named() {
    let (file, inputs) = corpus("", 0.1);
    std::fs::write(file.path(), [0xFF, 0xFE, 0x00]).unwrap();
    assert!(
        matches!(Feeder::open(&inputs), Err(MeasureError::CorpusFile { path, .. }) if path == file.path())
    );
    let mut inputs = inputs;
    inputs.corpus = Some(Corpus { path: file.path().to_owned(), validation: 1.5 });
    std::fs::write(file.path(), "text").unwrap();
    assert!(matches!(Feeder::open(&inputs), Err(MeasureError::Corpus { .. })));
}

#[test]
fn a_missing_file_names_input_and_file() {
    let mut inputs = Inputs::default();
    let path = std::path::PathBuf::from("no/such.safetensors");
    inputs.sources.insert("x".into(), InputSource::File { path, tensor: "x".into() });
    let feeder = Feeder::open(&inputs).unwrap();
    let error = feeder.batch(&forward_program().entries[0], 0, Split::Training).unwrap_err();
    assert_eq!(error.to_string(), "input `x` of entry `forward`");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("no/such.safetensors"), "{cause}");
}

proptest! {
    #[test]
    fn labels_are_the_tokens_one_later(text in "[a-f]{20,60}", step in 0u64..1000, seed in any::<u64>()) {
        let (_file, mut inputs) = corpus(&text, 0.3);
        inputs.seed = seed;
        let feeder = Feeder::open(&inputs).unwrap();
        let program = training_program();
        let graph = program.entry("train").unwrap();
        for split in [Split::Training, Split::Validation] {
            let batch = feeder.batch(graph, step, split).unwrap();
            let (ids, labels) = (tensor(&batch, "input_ids").to_i64(), tensor(&batch, "labels").to_i64());
            for row in 0..2 {
                prop_assert_eq!(&ids[row * 3 + 1..row * 3 + 3], &labels[row * 3..row * 3 + 2]);
            }
        }
    }
}

#[test]
fn forced_decoding_reads_given_tokens_and_names_every_output() {
    let program = generate_program();
    let mut scripted = Scripted::new(&program, &FakeClock::new()).taking(|_, _| Duration::ZERO);
    let inputs = generated(&[("input_ids", Recipe::Integers { low: 0, high: 50 })]);
    let task =
        ParityTask::Generate { prefill: "prefill".into(), decode: "decode".into(), prompt: 4, steps: 2 };
    let out = execute_parity(&mut scripted, &program, &PARAMS, &inputs, &task).unwrap();
    assert_eq!(out.keys().collect::<Vec<_>>(), ["prefill.next", "decode.1.next", "decode.2.next"]);
    let script = scripted.script.lock().unwrap();
    let fed: Vec<&HostTensor> =
        script.bound.iter().filter(|(n, _)| n == "decode/input_ids").map(|(_, t)| t).collect();
    let ty = Type::new(DType::I64, [2, 1]);
    for (step, tensor) in fed.iter().enumerate() {
        let name = format!("input_ids#{}", step + 1);
        let wanted = generate::tensor(7, &name, &ty, Recipe::Integers { low: 0, high: 50 }).unwrap();
        assert_eq!(**tensor, wanted);
    }
    let positions: Vec<i64> =
        script.bound.iter().filter(|(n, _)| n == "decode/position").map(|(_, t)| t.to_i64()[0]).collect();
    assert_eq!(positions, [4, 5]);
}

#[test]
fn greedy_decoding_collects_each_rows_tokens() {
    let program = generate_program();
    let mut scripted = Scripted::new(&program, &FakeClock::new())
        .answering(|entry, _, n| Some(if entry == "prefill" { 7.0 } else { 10.0 + n as f64 }));
    let inputs = generated(&[("input_ids", Recipe::Integers { low: 0, high: 50 })]);
    let task = ParityTask::Greedy { prefill: "prefill".into(), decode: "decode".into(), new_tokens: 3 };
    let out = execute_parity(&mut scripted, &program, &PARAMS, &inputs, &task).unwrap();
    assert_eq!(out["greedy"], HostTensor::from_i64(&[2, 3], &[7, 11, 12, 7, 11, 12]).unwrap());
}

#[test]
fn the_gradient_is_how_far_parameters_moved() {
    let (_file, inputs) = corpus(&"abcdef".repeat(20), 0.1);
    let program = training_program();
    // Answers zeros for the parameter that was 0.5 everywhere: it moved down by 0.5.
    let mut scripted = Scripted::new(&program, &FakeClock::new()).answering(|_, _, _| Some(3.0));
    let task = ParityTask::Train { entry: "train".into(), loss: "loss".into() };
    let out = execute_parity(&mut scripted, &program, &PARAMS, &inputs, &task).unwrap();
    assert_eq!(out.keys().collect::<Vec<_>>(), ["loss", "gradient"]);
    assert_eq!(out["loss"].to_f64(), [3.0]);
    assert_eq!((out["gradient"].ty().dtype, out["gradient"].to_f64()), (DType::F64, vec![0.5; 6]));
}

#[test]
fn a_prompt_of_another_length_is_refused() {
    let program = generate_program();
    let mut scripted = Scripted::new(&program, &FakeClock::new());
    let task =
        ParityTask::Generate { prefill: "prefill".into(), decode: "decode".into(), prompt: 9, steps: 2 };
    let Err(MeasureError::Task(text)) =
        execute_parity(&mut scripted, &program, &PARAMS, &Inputs::default(), &task)
    else {
        panic!()
    };
    assert_eq!(text, "entry `prefill` reads 4 tokens a row, the task says 9");
}
