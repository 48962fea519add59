//! The parity gate decides by its rule, and describes what it sees.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_backend::HostTensor;
use portbench_graph::{DType, Type};
use portbench_measure::Numerics;
use portbench_records::OutputParity;
use portbench_runner::{Tensors, judge, tolerance};
use proptest::prelude::*;

fn floats(dtype: DType, dims: &[usize], values: &[f64]) -> HostTensor {
    HostTensor::from_f64(Type::new(dtype, dims), values).unwrap()
}

fn tensors<const N: usize>(list: [(&str, HostTensor); N]) -> Tensors {
    list.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect()
}

fn one(values: &[f64]) -> Tensors {
    tensors([("y", floats(DType::F64, &[values.len()], values))])
}

fn judge_one(target: &[f64], same: &[f64], golden: &[f64], numerics: Numerics) -> OutputParity {
    let outputs = judge(&one(target), &one(same), &one(golden), numerics);
    assert_eq!(outputs.len(), 1);
    outputs.into_iter().next().unwrap()
}

#[test]
fn an_error_like_that_of_the_type_passes() {
    // Errors of the norm 10: 3 % and 2 %, beyond the tolerance of f32; R = 1.5.
    let seen = judge_one(&[6.0, 8.3], &[6.0, 8.2], &[6.0, 8.0], Numerics::F32);
    assert!(seen.passed);
    assert!((seen.error.unwrap() - 0.03).abs() < 1e-12);
    assert!((seen.same_dtype_error.unwrap() - 0.02).abs() < 1e-12);
    assert!((seen.ratio.unwrap() - 1.5).abs() < 1e-9);
    assert!((seen.max_abs.unwrap() - 0.3).abs() < 1e-12);
}

#[test]
fn an_error_beyond_both_limits_fails() {
    let seen = judge_one(&[6.0, 8.7], &[6.0, 8.2], &[6.0, 8.0], Numerics::F32);
    assert!((seen.ratio.unwrap() - 3.5).abs() < 1e-9);
    assert!(!seen.passed);
}

#[test]
fn a_small_error_passes_whatever_the_type_does() {
    for numerics in Numerics::ALL {
        let at = tolerance(numerics);
        assert!(judge_one(&[1.0 + 0.99 * at], &[1.0], &[1.0], numerics).passed, "{numerics}");
        assert!(!judge_one(&[1.0 + 1.01 * at], &[1.0], &[1.0], numerics).passed, "{numerics}");
    }
}

#[test]
fn what_is_not_finite_fails_on_either_side() {
    let seen = judge_one(&[1.0, f64::NAN, f64::INFINITY], &[1.0; 3], &[1.0; 3], Numerics::Bf16);
    assert_eq!((seen.non_finite, seen.error, seen.passed), (2, None, false));
    assert!(!judge_one(&[1.0], &[1.0], &[f64::NAN], Numerics::Bf16).passed);
    assert!(!judge_one(&[f64::NAN], &[1.0], &[f64::NAN], Numerics::Bf16).passed);
}

#[test]
fn zeros_are_right_if_all_are() {
    assert!(judge_one(&[0.0, 0.0], &[0.0, 0.0], &[0.0, 0.0], Numerics::F64).passed);
    assert!(!judge_one(&[0.0, 1e-30], &[0.0, 0.0], &[0.0, 0.0], Numerics::Bf16).passed);
    assert!(!judge_one(&[0.0, 0.0], &[1.0, 2.0], &[1.0, 2.0], Numerics::Bf16).passed, "a dead output");
}

#[test]
fn outputs_must_be_those_of_the_golden() {
    let golden =
        tensors([("a", floats(DType::F64, &[2], &[1.0, 2.0])), ("b", floats(DType::F64, &[1], &[1.0]))]);
    let target =
        tensors([("a", floats(DType::F32, &[2, 1], &[1.0, 2.0])), ("c", floats(DType::F32, &[1], &[1.0]))]);
    let seen: Vec<_> =
        judge(&target, &golden, &golden, Numerics::F32).into_iter().map(|o| (o.name, o.passed)).collect();
    assert_eq!(seen, [("a".into(), false), ("b".into(), false), ("c".into(), false)]);
}

#[test]
fn logits_are_described() {
    let logits = |rows: [[f64; 3]; 2]| {
        let values: Vec<f64> = rows.concat().iter().map(|p: &f64| p.ln()).collect();
        tensors([("decode.1.logits", floats(DType::F64, &[2, 3], &values))])
    };
    let golden = logits([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]]);
    let target = logits([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]]);
    let seen = &judge(&target, &golden, &golden, Numerics::Bf16)[0];
    assert_eq!(seen.top1_agreement, Some(0.5));
    // KL([.7,.2,.1] || [.6,.3,.1]) = .026812454257; KL([.7,.2,.1] || [.2,.7,.1]) = .5 ln 3.5.
    let kl = (0.026_812_454_257 + 0.5 * 3.5f64.ln()) / 2.0;
    assert!((seen.kl.unwrap() - kl).abs() < 1e-11);
    assert!(!seen.passed);
}

/// Two rows at two positions; the best two classes of the last positions are `gap` apart in the golden.
fn decoded(gap: f64, error: f64, next: [i64; 2]) -> Tensors {
    let last = [1.0, 1.0 + gap, -3.0];
    let mut values = [[9.0, 0.0, 0.0], last, [0.0, 9.0, 0.0], last].concat();
    values[3] += error;
    tensors([
        ("prefill.logits", floats(DType::F64, &[2, 2, 3], &values)),
        ("prefill.next", HostTensor::from_i64(&[2], &next).unwrap()),
    ])
}

fn next_passes(gap: f64, error: f64, next: [i64; 2]) -> bool {
    let golden = decoded(gap, 0.0, [1, 1]);
    let outputs = judge(&decoded(gap, error, next), &golden, &golden, Numerics::F32);
    outputs.iter().find(|o| o.name == "prefill.next").unwrap().passed
}

#[test]
fn a_token_may_differ_only_where_the_error_explains_it() {
    assert!(next_passes(0.5, 0.0, [1, 1]));
    assert!(!next_passes(0.5, 0.1, [0, 1]));
    assert!(next_passes(0.001, 0.002, [0, 1]), "a near-tie");
    assert!(!next_passes(0.001, 0.0004, [0, 1]), "the error is smaller than half the gap");
    assert!(!next_passes(0.001, 0.002, [2, 1]), "another token than those tied");
    assert!(!next_passes(0.001, 0.002, [7, 1]) && !next_passes(0.001, 0.002, [-1, 1]), "no token at all");
}

#[test]
fn integers_are_equal_or_wrong() {
    let tokens =
        |values: &[i64]| tensors([("greedy", HostTensor::from_i64(&[1, values.len()], values).unwrap())]);
    let golden = tokens(&[5, 6, 7, 8]);
    let same = &judge(&golden, &golden, &golden, Numerics::F32)[0];
    assert_eq!((same.passed, same.top1_agreement), (true, Some(1.0)));
    let other = &judge(&tokens(&[5, 6, 7, 9]), &golden, &golden, Numerics::F32)[0];
    assert_eq!((other.passed, other.top1_agreement), (false, Some(0.75)));
    let floats = tensors([("greedy", floats(DType::F64, &[1, 4], &[5.0, 6.0, 7.0, 8.0]))]);
    assert!(!judge(&floats, &golden, &golden, Numerics::F32)[0].passed, "floats are no tokens");
}

proptest! {
    #[test]
    fn the_golden_itself_passes_and_scaling_it_fails(
        values in prop::collection::vec(-1e3..1e3f64, 1..40),
        scale in prop::sample::select(vec![0.0, 0.5, 1.2, -1.0, 2.0]),
    ) {
        prop_assume!(values.iter().any(|v| v.abs() > 1e-3));
        let scaled: Vec<f64> = values.iter().map(|v| v * scale).collect();
        for numerics in Numerics::ALL {
            prop_assert!(judge_one(&values, &values, &values, numerics).passed);
            prop_assert!(!judge_one(&scaled, &values, &values, numerics).passed);
        }
    }

    #[test]
    fn the_gate_answers_whatever_the_numbers_are(
        target in prop::collection::vec(prop::num::f64::ANY, 6),
        same in prop::collection::vec(prop::num::f64::ANY, 6),
        golden in prop::collection::vec(prop::num::f64::ANY, 6),
    ) {
        let named = |v: &[f64]| tensors([("logits", floats(DType::F64, &[2, 3], v))]);
        let seen = &judge(&named(&target), &named(&same), &named(&golden), Numerics::F16)[0];
        let finite = |v: Option<f64>| v.is_none_or(f64::is_finite);
        prop_assert!(finite(seen.error) && finite(seen.ratio) && finite(seen.kl) && finite(seen.max_abs));
        if seen.passed {
            prop_assert!(target.iter().chain(&golden).all(|v| v.is_finite()));
        }
    }
}
