//! The value generator against golden values of its Python twin (tests/generate.py), and its distribution.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_backend::generate::{Recipe, Stream, tensor};
use portbench_graph::{DType, Type};

const NAME: &str = "h.0.attn.c_attn.weight";
const SEED: u64 = 7;

#[test]
fn draws_equal_the_python_twin() {
    let s = Stream::new(SEED, NAME);
    let expected =
        [0x0b46_c8ac_d52f_b154, 0x06b7_c978_75e8_67da, 0x67bd_c003_12cd_4d6a, 0x31de_a939_d179_a779];
    assert_eq!([0, 1, 2, 1_000_000].map(|i| s.draw(i)), expected);
}

fn f32_bits(recipe: Recipe) -> Vec<u32> {
    let t = tensor(SEED, NAME, &Type::new(DType::F32, [3]), recipe).unwrap();
    t.bytes().as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect()
}

#[test]
fn floats_equal_the_python_twin_bit_for_bit() {
    assert_eq!(f32_bits(Recipe::Normal { std: 0.02 }), [0x3c48_9015, 0xbc35_e89c, 0xbc85_0d44]);
    assert_eq!(f32_bits(Recipe::Uniform { bound: 0.5 }), [0xbee9_726f, 0xbef2_906d, 0xbdc2_1200]);
}

#[test]
fn integers_equal_the_python_twin() {
    let t = tensor(SEED, NAME, &Type::new(DType::I64, [3]), Recipe::Integers { low: 0, high: 50257 });
    assert_eq!(t.unwrap().to_i64(), [2213, 1318, 20366]);
}

#[test]
fn normal_has_the_moments_it_promises() {
    let t = tensor(1, "w", &Type::new(DType::F64, [200_000]), Recipe::Normal { std: 2.0 }).unwrap();
    let x = t.to_f64();
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let var = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    assert!(mean.abs() < 4.0 * 2.0 / n.sqrt(), "mean {mean}");
    assert!((var.sqrt() - 2.0).abs() < 0.02, "standard deviation {}", var.sqrt());
    assert!(x.iter().all(|v| v.abs() <= 3.47 * 2.0));
}

#[test]
fn names_and_seeds_give_other_values() {
    let ty = Type::new(DType::F32, [64]);
    let of = |seed, name| tensor(seed, name, &ty, Recipe::Uniform { bound: 1.0 }).unwrap();
    assert_eq!(of(1, "a"), of(1, "a"));
    assert_ne!(of(1, "a"), of(2, "a"));
    assert_ne!(of(1, "a"), of(1, "b"));
}

#[test]
fn impossible_recipes_are_refused() {
    let ty = Type::new(DType::I64, [2]);
    for recipe in [
        Recipe::Integers { low: 5, high: 5 },
        Recipe::Integers { low: 0, high: i64::MAX },
        Recipe::Integers { low: i64::MIN, high: i64::MAX },
        Recipe::Normal { std: f64::NAN },
        Recipe::Constant { value: f64::INFINITY },
    ] {
        let message = tensor(1, "ids", &ty, recipe).unwrap_err().to_string();
        assert!(message.contains("`ids`"), "{message}");
    }
}

#[test]
fn a_tensor_filled_by_many_cores_is_the_one_of_a_single_core() {
    const N: usize = 3 * (1 << 18) + 17;
    let made = tensor(7, "w", &Type::new(DType::F64, [N]), Recipe::Uniform { bound: 2.0 }).unwrap().to_f64();
    let stream = Stream::new(7, "w");
    let expected = |i: usize| ((stream.draw(i as u64) >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0) * 2.0;
    assert_eq!(made.len(), N);
    assert!(made.iter().enumerate().all(|(i, v)| *v == expected(i)));
}
