//! Rooflines of graphs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_catalog::roofline::{Bound, Limit, Roofline};
use portbench_catalog::{Catalog, Precision};
use portbench_graph::{DType, Graph, ProgramBuilder, Type, Work};
use proptest::prelude::*;

fn matmul(m: usize, k: usize, n: usize) -> Graph {
    let mut builder = ProgramBuilder::new("product", DType::F32);
    builder.entry("forward", |g| {
        let a = g.input("a", Type::new(DType::F32, [m, k]));
        let b = g.input("b", Type::new(DType::F32, [k, n]));
        let c = g.matmul(a, b);
        g.output("c", c);
    });
    builder.finish().unwrap().entry("forward").unwrap().clone()
}

#[test]
fn an_op_takes_the_longer_of_its_arithmetic_and_its_traffic() {
    let roofline = Roofline::new(100.0, 10.0).unwrap();
    let work = |flops, bytes_read| Work { flops, bytes_read, bytes_written: 0 };
    assert_eq!(roofline.time(work(1000, 10)), (10.0, Limit::Compute));
    assert_eq!(roofline.time(work(1000, 200)), (20.0, Limit::Memory));
    // min(peak, intensity x bandwidth), on either side of the ridge at 10 operations a byte.
    assert_eq!(roofline.attainable(5.0), 50.0);
    assert_eq!(roofline.attainable(20.0), 100.0);
    assert!(Roofline::new(0.0, 1.0).is_err());
    assert!(Roofline::new(1.0, f64::NAN).is_err());
}

#[test]
fn a_large_product_waits_for_arithmetic_and_a_thin_one_for_memory() {
    let catalog = Catalog::built_in().unwrap();
    let trn2 = Roofline::of(catalog.accelerator("trn2").unwrap(), Precision::Fp32).unwrap();
    let mut bound = Bound::new(trn2);
    bound.add(&matmul(4096, 4096, 4096), None);
    // 2 n^3 operations at 181 TFLOPS.
    let golden = 2.0 * 4096.0_f64.powi(3) / 181e12;
    assert!((bound.seconds() / golden - 1.0).abs() < 1e-12);
    assert_eq!(bound.memory_share(), 0.0);
    let mut thin = Bound::new(trn2);
    thin.add(&matmul(1, 4096, 4096), None);
    // The matrix, the row and the result, each once, at 2.9 TB/s.
    let golden = (4096.0 * 4096.0 + 2.0 * 4096.0) * 4.0 / 2.9e12;
    assert!((thin.seconds() / golden - 1.0).abs() < 1e-12);
    assert_eq!(thin.memory_share(), 1.0);
    let both = {
        let mut both = bound.clone();
        both.add(&matmul(1, 4096, 4096), None);
        both
    };
    assert!((both.seconds() - bound.seconds() - thin.seconds()).abs() < 1e-15);
    let names: Vec<_> = both.ops().iter().map(|(name, limit, op)| (*name, *limit, op.executions)).collect();
    assert_eq!(names, [("matmul", Limit::Compute, 1), ("matmul", Limit::Memory, 1)]);
}

#[test]
fn efficiency_is_the_bound_over_what_was_measured() {
    let mut bound = Bound::new(Roofline::new(1e9, 1e9).unwrap());
    bound.add(&matmul(64, 64, 64), None);
    let seconds = bound.seconds();
    assert!((bound.efficiency(2.0 * seconds).unwrap() - 0.5).abs() < 1e-12);
    assert!((bound.at(0.5).unwrap() - 2.0 * seconds).abs() < 1e-12);
    // Faster than the roofline: not this work, or not on this accelerator.
    assert!(bound.efficiency(0.5 * seconds).unwrap_err().to_string().contains("share of the roofline"));
    assert!(bound.at(0.0).is_err());
    assert!(bound.at(1.1).is_err());
}

proptest! {
    #[test]
    fn a_better_accelerator_never_takes_longer(m in 1..64_usize, k in 1..64_usize, n in 1..64_usize, p in 1e6..1e12_f64, b in 1e6..1e12_f64, more in 1.0..10.0_f64) {
        let graph = matmul(m, k, n);
        let seconds = |peak: f64, bandwidth: f64| {
            let mut bound = Bound::new(Roofline::new(peak, bandwidth).unwrap());
            bound.add(&graph, None);
            bound.seconds()
        };
        let base = seconds(p, b);
        prop_assert!(base > 0.0);
        prop_assert!(seconds(p * more, b) <= base && seconds(p, b * more) <= base);
        prop_assert!(seconds(p * more, b * more) < base * (1.0 + 1e-12));
    }
}
