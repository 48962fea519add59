//! What two problems do not share.
mod common;

use portbench_measure::Unit;
use portbench_records::{Problem, unlike};

fn problem() -> Problem {
    let mut problem = common::record("gpt2").problem;
    problem.shape = [("batch".to_owned(), 1), ("prompt".to_owned(), 64)].into();
    problem
}

#[test]
fn the_same_problem_differs_in_nothing() {
    assert_eq!(unlike(&problem(), &problem()), [""; 0]);
}

#[test]
fn each_difference_is_named() {
    let mut other = problem();
    other.fingerprint = "ffffffffffffffffffffffff".to_owned();
    other.model = "llama 1b".to_owned();
    other.shape.insert("prompt".to_owned(), 128);
    other.shape.remove("batch");
    other.shape.insert("sequence".to_owned(), 9);
    other.unit = Unit::Executions;
    let one = problem();
    assert_eq!(
        unlike(&one, &other),
        [
            format!("models {} and llama 1b", one.model),
            format!(
                "programs {} and ffffffffffff (fingerprints)",
                &one.fingerprint[..12.min(one.fingerprint.len())]
            ),
            "batch 1 and none".to_owned(),
            "prompt 64 and 128".to_owned(),
            "sequence none and 9".to_owned(),
            format!("counted in {} and executions", one.unit),
        ]
    );
}

#[test]
fn one_program_at_two_lengths_is_two_problems() {
    let mut other = problem();
    other.shape.insert("new-tokens".to_owned(), 16);
    assert_eq!(unlike(&problem(), &other), ["new-tokens none and 16"]);
}
