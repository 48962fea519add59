//! The interpreter against values worked out by hand, and its behaviour at the edges.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_backend::{
    Backend, BackendError, CompileOptions, EntryId, Executable, HostTensor, ParamSource, generate,
};
use portbench_graph::{
    AttentionOptions, BinaryKind, DType, GraphBuilder, Init, Program, ProgramBuilder, Type, UnaryKind, Value,
};
use portbench_reference::{Narrow, Precision, Reference};

const FORWARD: EntryId = EntryId(0);

fn compile(program: &Program, precision: Precision, decompose_all: bool) -> Box<dyn Executable> {
    let options = CompileOptions { decompose_all, threads: Some(2), ..CompileOptions::default() };
    Reference::new(precision).compile(program, &ParamSource::Generated { seed: 3 }, &options).unwrap()
}

fn f64s(shape: &[usize], values: &[f64]) -> HostTensor {
    HostTensor::from_f64(Type::new(DType::F64, shape), values).unwrap()
}

/// Runs one entry that has the given inputs `x0, x1, ...` and returns its only output.
fn try_run(
    inputs: &[HostTensor],
    precision: Precision,
    decompose_all: bool,
    build: impl Fn(&mut GraphBuilder<'_>, &[Value]) -> Value,
) -> Result<HostTensor, BackendError> {
    let mut p = ProgramBuilder::new("case", DType::F64);
    p.entry("forward", |g| {
        let args: Vec<Value> =
            inputs.iter().enumerate().map(|(i, t)| g.input(&format!("x{i}"), t.ty().clone())).collect();
        let y = build(g, &args);
        g.output("y", y);
    });
    let mut executable = compile(&p.finish().unwrap(), precision, decompose_all);
    for (i, t) in inputs.iter().enumerate() {
        executable.bind(FORWARD, &[(&format!("x{i}"), t)])?;
    }
    executable.execute(FORWARD)?;
    executable.synchronize()?;
    executable.fetch(FORWARD, "y")
}

fn run(inputs: &[HostTensor], build: impl Fn(&mut GraphBuilder<'_>, &[Value]) -> Value) -> Vec<f64> {
    let direct = try_run(inputs, Precision::Exact, false, &build).unwrap().to_f64();
    let decomposed = try_run(inputs, Precision::Exact, true, &build).unwrap().to_f64();
    close(&direct, &decomposed);
    direct
}

fn close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (g, e) in got.iter().zip(expected) {
        let same = g == e || (g.is_nan() && e.is_nan()) || (g - e).abs() <= 1e-12 * (1.0 + e.abs());
        assert!(same, "{got:?} instead of {expected:?}");
    }
}

#[test]
fn products_are_sums_of_products() {
    let a = f64s(&[2, 3], &[1., 2., 3., 4., 5., 6.]);
    let b = f64s(&[3, 2], &[7., 8., 9., 10., 11., 12.]);
    close(&run(&[a, b], |g, x| g.matmul(x[0], x[1])), &[58., 64., 139., 154.]);
}

#[test]
fn large_products_agree_with_the_three_loops() {
    let (m, k, n) = (37, 29, 23);
    let value = |i: usize, f: usize| ((i * f % 19) as f64 - 9.0) / 4.0;
    let a: Vec<f64> = (0..m * k).map(|i| value(i, 7)).collect();
    let b: Vec<f64> = (0..k * n).map(|i| value(i, 5)).collect();
    let mut expected = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            expected[i * n + j] = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
        }
    }
    let inputs = [f64s(&[m, k], &a), f64s(&[k, n], &b)];
    close(&run(&inputs, |g, x| g.matmul(x[0], x[1])), &expected);
    close(&run(&inputs, |g, x| g.linear_in_out(x[0], x[1], None)), &expected);
    let turned = |g: &mut GraphBuilder<'_>, x: &[Value]| {
        let w = g.permute(x[1], &[1, 0]);
        g.linear(x[0], w, None)
    };
    close(&run(&inputs, turned), &expected);
}

#[test]
fn softmax_survives_large_logits() {
    let x = f64s(&[1, 3], &[1e4, 1e4 - 1.0, -1e4]);
    let e = (-1.0f64).exp();
    close(&run(&[x], |g, x| g.softmax(x[0])), &[1. / (1. + e), e / (1. + e), 0.0]);
}

/// Query and keys are zero, so that the weights are uniform over what is visible, and values are `1, 10, 100, ...`.
fn visible(s: usize, t: usize, mask: Option<&[f64]>, position: Option<i64>) -> Vec<f64> {
    let values: Vec<f64> = (0..t).map(|j| 10f64.powi(j as i32)).collect();
    let mut inputs = vec![f64s(&[1, 2, s, 2], &vec![0.0; 4 * s]), f64s(&[1, 1, t, 2], &vec![0.0; 2 * t])];
    inputs.push(f64s(&[1, 1, t, 1], &values));
    let rows = mask.map(|m| m.len() / t);
    if let Some(m) = mask {
        inputs.push(HostTensor::from_f64(Type::new(DType::Bool, [1, 1, m.len() / t, t]), m).unwrap());
    }
    if let Some(p) = position {
        inputs.push(HostTensor::scalar_i64(p));
    }
    let out = run(&inputs, |g, x| {
        let mask = rows.map(|_| x[3]);
        let position = position.map(|_| x[x.len() - 1]);
        let causal = mask.is_none() || position.is_some();
        g.attention([x[0], x[1], x[2]], AttentionOptions { scale: 0.5, causal, mask, position })
    });
    // Both query heads read the one key head.
    assert_eq!(out[..s], out[s..]);
    out[..s].to_vec()
}

#[test]
fn causal_attention_is_aligned_at_the_bottom_right() {
    close(&visible(3, 3, None, None), &[1., 5.5, 37.]);
    close(&visible(2, 4, None, None), &[37., 277.75]);
    close(&visible(1, 4, None, None), &[277.75]);
}

#[test]
fn a_position_moves_the_causal_edge() {
    close(&visible(2, 4, None, Some(0)), &[1., 5.5]);
    close(&visible(2, 4, None, Some(1)), &[5.5, 37.]);
    close(&visible(1, 4, None, Some(2)), &[37.]);
}

#[test]
fn masks_hide_keys_and_a_row_that_sees_nothing_is_uniform() {
    close(&visible(2, 2, Some(&[1., 0., 0., 1.]), None), &[1., 10.]);
    close(&visible(2, 2, Some(&[0., 1.]), None), &[10., 10.]);
    close(&visible(2, 2, Some(&[0., 0.]), None), &[5.5, 5.5]);
    close(&visible(2, 3, Some(&[1., 0., 1.]), Some(1)), &[1., 50.5]);
}

#[test]
fn indices_out_of_range_are_errors() {
    let table = f64s(&[3, 2], &[1., 2., 3., 4., 5., 6.]);
    let ids = |v: &[i64]| HostTensor::from_i64(&[v.len()], v).unwrap();
    let gather = |g: &mut GraphBuilder<'_>, x: &[Value]| g.gather(x[0], x[1], 0);
    let embed = |g: &mut GraphBuilder<'_>, x: &[Value]| g.embedding(x[1], x[0]);
    close(&run(&[table.clone(), ids(&[2, 0])], gather), &[5., 6., 1., 2.]);
    for bad in [3, -1, i64::MAX, i64::MIN] {
        for decompose in [false, true] {
            let inputs = [table.clone(), ids(&[bad])];
            let error = try_run(&inputs, Precision::Exact, decompose, gather).unwrap_err();
            assert!(
                matches!(&error, BackendError::Value { message, .. } if message.contains("outside 0..3"))
            );
            let error = try_run(&inputs, Precision::Exact, decompose, embed).unwrap_err();
            assert!(matches!(error, BackendError::Value { .. }));
            let logits = f64s(&[1, 3], &[0., 0., 0.]);
            let lost = |g: &mut GraphBuilder<'_>, x: &[Value]| g.cross_entropy(x[0], x[1]);
            let error = try_run(&[logits, ids(&[bad])], Precision::Exact, decompose, lost).unwrap_err();
            assert!(matches!(error, BackendError::Value { .. }));
        }
    }
}

#[test]
fn slices_that_do_not_fit_are_errors() {
    let base = f64s(&[4], &[0.; 4]);
    let update = f64s(&[2], &[1., 2.]);
    let write = |g: &mut GraphBuilder<'_>, x: &[Value]| g.update_slice(x[0], x[1], x[2], 0);
    let at = |start| [base.clone(), update.clone(), HostTensor::scalar_i64(start)];
    close(&run(&at(2), write), &[0., 0., 1., 2.]);
    for start in [3, -1, i64::MAX] {
        let error = try_run(&at(start), Precision::Exact, false, write).unwrap_err();
        assert!(error.to_string().contains("do not fit"), "{error}");
    }
}

#[test]
fn integers_are_exact_beyond_the_floats_and_wrap() {
    let big = (1i64 << 60) + 1;
    let x = HostTensor::from_i64(&[2], &[big, i64::MAX]).unwrap();
    let y = try_run(&[x], Precision::Exact, false, |g, x| {
        let two = g.constant(2.0, Type::new(DType::I64, [2]));
        g.add(x[0], two)
    });
    assert_eq!(y.unwrap().to_i64(), [big + 2, i64::MIN + 1]);
}

#[test]
fn nan_wins_maxima() {
    let x = f64s(&[3], &[1., f64::NAN, f64::NAN]);
    let y = f64s(&[3], &[f64::NAN, 2., 3.]);
    close(&run(std::slice::from_ref(&x), |g, x| g.max(x[0], &[0])), &[f64::NAN]);
    close(&run(std::slice::from_ref(&x), |g, x| g.arg_max(x[0], 0)), &[1.]);
    close(&run(std::slice::from_ref(&y), |g, x| g.max(x[0], &[0])), &[f64::NAN]);
    let both = |kind| run(&[x.clone(), y.clone()], move |g, x| g.binary(kind, x[0], x[1]));
    close(&both(BinaryKind::Maximum), &[f64::NAN; 3]);
    close(&both(BinaryKind::Minimum), &[f64::NAN; 3]);
    close(&run(&[x], |g, x| g.relu(x[0])), &[1., f64::NAN, f64::NAN]);
}

#[test]
fn routing_ties_go_to_the_lowest_index() {
    let x = f64s(&[2, 4], &[1., 1., 1., 1., 0., 2., 2., 2.]);
    close(&run(&[x], |g, x| g.top_k_routing(x[0], 2, true)), &[0.5, 0.5, 0., 0., 0., 0.5, 0.5, 0.]);
}

#[test]
fn rounding_is_to_the_declared_type_after_every_op() {
    let third = |precision| {
        let x = HostTensor::from_f64(Type::new(DType::Bf16, [1]), &[3.0]).unwrap();
        try_run(&[x], precision, false, |g, x| g.unary(UnaryKind::Recip, x[0])).unwrap()
    };
    assert_eq!(third(Precision::Rounded).ty().dtype, DType::Bf16);
    close(&third(Precision::Rounded).to_f64(), &[0.333_984_375]);
    assert_eq!(third(Precision::Exact).ty().dtype, DType::F64);
    close(&third(Precision::Exact).to_f64(), &[1.0 / 3.0]);
    // 1 added 300 times in bf16 would stop at 256; the accumulator is f32.
    let ones = HostTensor::from_f64(Type::new(DType::Bf16, [300]), &[1.0; 300]).unwrap();
    let sum = try_run(&[ones], Precision::Rounded, false, |g, x| g.sum(x[0], &[0])).unwrap();
    close(&sum.to_f64(), &[300.0]);
}

#[test]
fn tf32_rounds_the_operands_of_products_and_nothing_else() {
    // Ten bits of significand are kept: steps of 2^-10 at 1, and halves go away from zero.
    let (step, half) = (2f64.powi(-10), 2f64.powi(-11));
    let x = [1.0 + half, -1.0 - half, 1.0 + half - 2f64.powi(-20), f64::INFINITY];
    let column = HostTensor::from_f64(Type::new(DType::F32, [4, 1]), &x).unwrap();
    let one = HostTensor::from_f64(Type::new(DType::F32, [1, 1]), &[1.0]).unwrap();
    let of = |precision| {
        try_run(&[column.clone(), one.clone()], precision, false, |g, x| g.matmul(x[0], x[1]))
            .unwrap()
            .to_f64()
    };
    assert_eq!(of(Precision::NarrowProducts(Narrow::Tf32)), [1.0 + step, -1.0 - step, 1.0, f64::INFINITY]);
    assert_eq!(of(Precision::Rounded), x);
    let sum = try_run(&[column.clone(), column], Precision::NarrowProducts(Narrow::Tf32), false, |g, x| {
        g.add(x[0], x[1])
    })
    .unwrap();
    assert_eq!(sum.to_f64(), x.map(|v| v + v));
}

#[test]
fn a_rounded_linear_is_its_decomposition_to_the_bit() {
    for (rows, dtype) in
        [(1, DType::Bf16), (3, DType::F32), (4, DType::F16), (9, DType::Bf16), (6, DType::F64)]
    {
        let make = |seed: u64, shape: &[usize]| {
            let ty = Type::new(dtype, shape);
            generate::tensor(seed, "x", &ty, generate::Recipe::Normal { std: 1.0 }).unwrap()
        };
        let inputs = [make(1, &[rows, 37]), make(2, &[11, 37]), make(3, &[37, 11]), make(4, &[11])];
        for in_out in [false, true] {
            let build = |g: &mut GraphBuilder<'_>, x: &[Value]| match in_out {
                false => g.linear(x[0], x[1], Some(x[3])),
                true => g.linear_in_out(x[0], x[2], Some(x[3])),
            };
            let direct = try_run(&inputs, Precision::Rounded, false, build).unwrap();
            let decomposed = try_run(&inputs, Precision::Rounded, true, build).unwrap();
            assert!(direct == decomposed, "{rows} rows of {dtype}, in-out {in_out}");
            // And both accumulate one by one, in the accumulator type.
            let [x, w, b] = [0, 1 + usize::from(in_out), 3].map(|i| inputs[i].to_f64());
            let at = |k: usize| if in_out { w[k * 11] } else { w[k] };
            let sum = if dtype == DType::F64 {
                (0..37).fold(0.0, |s, k| s + x[k] * at(k))
            } else {
                f64::from((0..37).fold(0f32, |s, k| s + x[k] as f32 * at(k) as f32))
            };
            let round = |v: f64| HostTensor::from_f64(Type::scalar(dtype), &[v]).unwrap().to_f64()[0];
            assert_eq!(direct.to_f64()[0], round(round(sum) + b[0]));
        }
    }
}

#[test]
fn state_lives_between_executions_and_entries_until_reset() {
    let mut p = ProgramBuilder::new("cache", DType::F32);
    for (name, rows) in [("prefill", 2), ("decode", 1)] {
        p.entry(name, |g| {
            let x = g.input("x", Type::new(DType::F32, [rows, 1]));
            let position = g.input("position", Type::scalar(DType::I64));
            let cache = g.state("cache", Type::new(DType::F32, [4, 1]));
            let written = g.update_slice(cache, x, position, 0);
            let total = g.sum(written, &[0, 1]);
            g.update("cache", written);
            g.output("total", total);
            g.output("cache", written);
        });
    }
    let mut executable = compile(&p.finish().unwrap(), Precision::Exact, false);
    let step = |executable: &mut dyn Executable, entry: usize, x: &[f32], at: i64| {
        let x = HostTensor::from_f32(&[x.len(), 1], x).unwrap();
        let position = HostTensor::scalar_i64(at);
        executable.bind(EntryId(entry), &[("x", &x), ("position", &position)]).unwrap();
        executable.execute(EntryId(entry)).unwrap();
        executable.fetch(EntryId(entry), "total").unwrap().to_f64()[0]
    };
    assert_eq!(step(&mut *executable, 0, &[1., 2.], 0), 3.);
    assert_eq!(step(&mut *executable, 1, &[4.], 2), 7.);
    let kept = executable.fetch(EntryId(1), "cache").unwrap();
    assert_eq!(step(&mut *executable, 1, &[8.], 3), 15.);
    assert_eq!(kept.to_f64(), [1., 2., 4., 0.]);
    assert_eq!(executable.fetch(EntryId(0), "cache").unwrap().to_f64(), [1., 2., 0., 0.]);
    executable.reset_state().unwrap();
    assert_eq!(step(&mut *executable, 1, &[5.], 0), 5.);
    // A failed execution may take the state with it, and says so until the state is reset.
    let position = HostTensor::scalar_i64(4);
    executable.bind(EntryId(1), &[("position", &position)]).unwrap();
    assert!(executable.execute(EntryId(1)).unwrap_err().to_string().contains("do not fit"));
    assert!(executable.execute(EntryId(0)).unwrap_err().to_string().contains("reset the state"));
    executable.reset_state().unwrap();
    assert_eq!(step(&mut *executable, 1, &[6.], 3), 6.);
}

#[test]
fn misuse_is_told_apart() {
    let mut p = ProgramBuilder::new("misuse", DType::F32);
    p.entry("forward", |g| {
        let x = g.input("x", Type::new(DType::F32, [2]));
        let w = g.param("w", &[2], Init::Constant { value: 3.0 });
        let y = g.mul(x, w);
        g.output("y", y);
    });
    let mut e = compile(&p.finish().unwrap(), Precision::Exact, false);
    assert!(matches!(e.fetch(FORWARD, "y"), Err(BackendError::Output { .. })));
    assert!(matches!(e.execute(FORWARD), Err(BackendError::Input { input, .. }) if input == "x"));
    let wrong = f64s(&[2], &[1., 2.]);
    assert!(matches!(e.bind(FORWARD, &[("x", &wrong)]), Err(BackendError::Input { .. })));
    assert!(matches!(e.bind(FORWARD, &[("q", &wrong)]), Err(BackendError::Input { .. })));
    assert!(matches!(e.execute(EntryId(1)), Err(BackendError::UnknownEntry { .. })));
    assert!(matches!(e.fetch_param("v"), Err(BackendError::Output { .. })));
    let x = HostTensor::from_f32(&[2], &[1., 2.]).unwrap();
    e.bind(FORWARD, &[("x", &x)]).unwrap();
    e.execute(FORWARD).unwrap();
    close(&e.fetch(FORWARD, "y").unwrap().to_f64(), &[3., 6.]);
    assert!(matches!(e.fetch(FORWARD, "z"), Err(BackendError::Output { .. })));
    close(&e.fetch_param("w").unwrap().to_f64(), &[3., 3.]);
}
