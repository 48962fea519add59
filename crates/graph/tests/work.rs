//! Work rules against formulas worked out by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_graph::{
    AttentionOptions, Conv2dAttrs, DType, Init, Program, ProgramBuilder, Schedule, Type, Value, Work,
};

fn one_op(dtype: DType, build: impl FnOnce(&mut portbench_graph::GraphBuilder<'_>) -> Value) -> Program {
    let mut p = ProgramBuilder::new("one", dtype);
    p.entry("forward", |g| {
        let y = build(g);
        g.output("y", y);
    });
    p.finish().unwrap()
}

fn work(p: &Program, position: Option<usize>) -> Work {
    p.entries[0].work(position)
}

#[test]
fn matmul_counts_two_flops_a_multiply_add() {
    let p = one_op(DType::F32, |g| {
        let a = g.input("a", Type::new(DType::F32, [3, 5, 7]));
        let b = g.input("b", Type::new(DType::F32, [3, 7, 11]));
        g.matmul(a, b)
    });
    let expected = Work {
        flops: 2 * 3 * 5 * 7 * 11,
        bytes_read: 4 * (3 * 5 * 7 + 3 * 7 * 11),
        bytes_written: 4 * 3 * 5 * 11,
    };
    assert_eq!(work(&p, None), expected);
}

#[test]
fn convolution_counts_kernel_times_output() {
    let p = one_op(DType::F32, |g| {
        let x = g.input("x", Type::new(DType::F32, [2, 6, 9, 9]));
        let w = g.param("w", &[8, 3, 3, 3], Init::Normal { std: 0.1 });
        g.conv2d(x, w, None, Conv2dAttrs { stride: [2, 2], padding: [1, 1], groups: 2 })
    });
    assert_eq!(p.entries[0].output("y"), Some(&Type::new(DType::F32, [2, 8, 5, 5])));
    assert_eq!(work(&p, None).flops, 2 * (2 * 8 * 5 * 5) * (3 * 3 * 3));
}

#[test]
fn causal_attention_counts_visible_pairs() {
    let build = |s: usize, t: usize, positioned: bool| {
        one_op(DType::Bf16, |g| {
            let q = g.input("q", Type::new(DType::Bf16, [1, 4, s, 8]));
            let k = g.input("k", Type::new(DType::Bf16, [1, 2, t, 8]));
            let v = g.input("v", Type::new(DType::Bf16, [1, 2, t, 8]));
            let position = positioned.then(|| g.input("position", Type::scalar(DType::I64)));
            g.attention([q, k, v], AttentionOptions { scale: 0.3, causal: true, mask: None, position })
        })
    };
    // 3 queries over 5 keys, bottom-right aligned: 3 + 4 + 5 visible pairs a head.
    assert_eq!(work(&build(3, 5, false), None).flops, 4 * 12 * (4 * 8 + 5));
    // One query at position 9 of a cache of 64 sees 10 keys and reads only those.
    let at = work(&build(1, 64, true), Some(9));
    assert_eq!(at.flops, 4 * 10 * (4 * 8 + 5));
    assert_eq!(at.bytes_read, 2 * (4 * 8) + 2 * (2 * 10 * 16) + 8);
    assert_eq!(work(&build(1, 64, true), None).flops, 4 * 64 * (4 * 8 + 5));
}

#[test]
fn views_and_sources_are_free_and_a_slice_update_moves_the_slice() {
    let p = one_op(DType::F32, |g| {
        let x = g.input("x", Type::new(DType::F32, [1, 4]));
        let start = g.input("start", Type::scalar(DType::I64));
        let cache = g.state("cache", Type::new(DType::F32, [100, 4]));
        let y = g.update_slice(cache, x, start, 0);
        let y = g.slice(y, 0, 3, 7);
        g.permute(y, &[1, 0])
    });
    assert_eq!(work(&p, None), Work { flops: 0, bytes_read: 16, bytes_written: 16 });
}

/// nanoGPT's recipe: warm-up to 1e-3 over 100 steps, cosine to 1e-4 at step 2000. Values computed with Python's math.cos.
#[test]
fn warm_up_and_cosine() {
    let s = Schedule::WarmupCosine { rate: 1e-3, floor: 1e-4, warmup: 100, steps: 2000 };
    let close = |step: u64, expected: f64| {
        assert!((s.rate(step) - expected).abs() < 1e-15, "step {step}: {}", s.rate(step));
    };
    close(0, 1e-3 / 101.0);
    close(99, 1e-3 * 100.0 / 101.0);
    close(100, 1e-3);
    close(1050, 0.00055);
    close(2000, 1e-4);
    close(9999, 1e-4);
}
