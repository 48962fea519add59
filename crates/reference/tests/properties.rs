//! Laws the interpreter keeps for any shape: products and convolutions are the plain loops to the bit, moves undo each other.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_backend::{Backend, CompileOptions, EntryId, HostTensor, ParamSource};
use portbench_graph::{Conv2dAttrs, DType, GraphBuilder, Op, ProgramBuilder, Type, Value};
use portbench_reference::{Precision, Reference};
use proptest::prelude::*;

fn run(
    precision: Precision,
    threads: usize,
    inputs: &[HostTensor],
    build: impl Fn(&mut GraphBuilder<'_>, &[Value]) -> Value,
) -> HostTensor {
    let mut p = ProgramBuilder::new("law", DType::F64);
    p.entry("forward", |g| {
        let args: Vec<Value> =
            inputs.iter().enumerate().map(|(i, t)| g.input(&format!("x{i}"), t.ty().clone())).collect();
        let y = build(g, &args);
        g.output("y", y);
    });
    let options = CompileOptions { threads: Some(threads), ..CompileOptions::default() };
    let source = ParamSource::Generated { seed: 0 };
    let mut executable = Reference::new(precision).compile(&p.finish().unwrap(), &source, &options).unwrap();
    for (i, t) in inputs.iter().enumerate() {
        executable.bind(EntryId(0), &[(&format!("x{i}"), t)]).unwrap();
    }
    executable.execute(EntryId(0)).unwrap();
    executable.fetch(EntryId(0), "y").unwrap()
}

fn exact(inputs: &[HostTensor], build: impl Fn(&mut GraphBuilder<'_>, &[Value]) -> Value) -> Vec<f64> {
    run(Precision::Exact, 1, inputs, build).to_f64()
}

/// Values that no short sum represents exactly in `f32`.
fn values(dtype: DType, shape: &[usize], seed: u64) -> HostTensor {
    let n: usize = shape.iter().product();
    let v: Vec<f64> =
        (0..n as u64).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f64 / 331.0 - 1.5).collect();
    HostTensor::from_f64(Type::new(dtype, shape), &v).unwrap()
}

/// Whole numbers, whose sums are exact.
fn whole(shape: &[usize], seed: u64) -> HostTensor {
    let n: usize = shape.iter().product();
    let v: Vec<f64> = (0..n as u64).map(|i| ((i * 7919 + seed * 104_729) % 23) as f64 - 11.0).collect();
    HostTensor::from_f64(Type::new(DType::F64, shape), &v).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn products_are_the_three_loops_to_the_bit(
        m in 1usize..14, k in 1usize..20, n in 1usize..14, batch in 1usize..3, threads in 1usize..4,
    ) {
        let loops = |a: &[f64], b: &[f64], step: fn(f64, f64, f64) -> f64| -> Vec<f64> {
            (0..batch * m * n)
                .map(|i| {
                    let (block, row, column) = (i / (m * n), i / n % m, i % n);
                    let a = &a[(block * m + row) * k..][..k];
                    let b = |l: usize| b[(block * k + l) * n + column];
                    (0..k).fold(0.0, |sum, l| step(sum, a[l], b(l)))
                })
                .collect()
        };
        for dtype in [DType::F64, DType::F32] {
            let [a, b] = [values(dtype, &[batch, m, k], 1), values(dtype, &[batch, k, n], 2)];
            let got = run(Precision::Rounded, threads, &[a.clone(), b.clone()], |g, x| g.matmul(x[0], x[1]));
            let step = match dtype {
                DType::F64 => |s, a, b| s + a * b,
                _ => |s: f64, a: f64, b: f64| f64::from(s as f32 + a as f32 * b as f32),
            };
            prop_assert_eq!(got.to_f64(), loops(&a.to_f64(), &b.to_f64(), step));
        }
    }

    #[test]
    fn convolutions_are_the_seven_loops(
        images in 1usize..3, groups in 1usize..3, channels in 1usize..3, filters in 1usize..3,
        kernel in [1usize..4, 1usize..4], extra in [0usize..4, 0usize..4], stride in [1usize..4, 1usize..4],
        padding in [0usize..3, 0usize..3],
    ) {
        let input = [kernel[0] + extra[0], kernel[1] + extra[1]];
        let x = whole(&[images, groups * channels, input[0], input[1]], 3);
        let w = whole(&[groups * filters, channels, kernel[0], kernel[1]], 4);
        let attrs = Conv2dAttrs { stride, padding, groups };
        let got = run(Precision::Exact, 2, &[x.clone(), w.clone()], |g, v| g.conv2d(v[0], v[1], None, attrs));
        let (xs, ws) = (x.to_f64(), w.to_f64());
        let [height, width] = [got.dims()[2], got.dims()[3]];
        let mut expected = Vec::new();
        for image in 0..images {
            for filter in 0..groups * filters {
                for y in 0..height {
                    for z in 0..width {
                        let mut sum = 0.0;
                        for c in 0..channels {
                            for i in 0..kernel[0] {
                                for j in 0..kernel[1] {
                                    let row = (y * stride[0] + i).wrapping_sub(padding[0]);
                                    let column = (z * stride[1] + j).wrapping_sub(padding[1]);
                                    if row < input[0] && column < input[1] {
                                        let plane = image * groups * channels + filter / filters * channels + c;
                                        let tap = (filter * channels + c) * kernel[0] + i;
                                        sum += xs[(plane * input[0] + row) * input[1] + column]
                                            * ws[tap * kernel[1] + j];
                                    }
                                }
                            }
                        }
                        expected.push(sum);
                    }
                }
            }
        }
        prop_assert_eq!(got.to_f64(), expected);
    }

    #[test]
    fn moves_undo_each_other(
        dims in prop::collection::vec(1usize..5, 1..5), axis in 0usize..5, turn in 0usize..24, cut in 0usize..5,
    ) {
        let axis = axis % dims.len();
        let x = whole(&dims, 5);
        let mut axes: Vec<usize> = (0..dims.len()).collect();
        let mut left = turn;
        for i in (1..dims.len()).rev() {
            axes.swap(i, left % (i + 1));
            left /= i + 1;
        }
        let mut back = vec![0; axes.len()];
        axes.iter().enumerate().for_each(|(to, &from)| back[from] = to);
        let turned = exact(std::slice::from_ref(&x), |g, v| {
            let y = g.permute(v[0], &axes);
            g.permute(y, &back)
        });
        prop_assert_eq!(turned, x.to_f64());
        let cut = cut % dims[axis];
        let rejoined = exact(std::slice::from_ref(&x), |g, v| {
            let tail = g.slice(v[0], axis, cut, dims[axis] - cut);
            if cut == 0 {
                return tail;
            }
            let head = g.slice(v[0], axis, 0, cut);
            g.concat(&[head, tail], axis)
        });
        prop_assert_eq!(rejoined, x.to_f64());
        let padded = exact(std::slice::from_ref(&x), |g, v| {
            let y = g.op(Op::Pad { axis, before: cut, after: 2, value: 7.0 }, &[v[0]]);
            g.slice(y, axis, cut, dims[axis])
        });
        prop_assert_eq!(padded, x.to_f64());
        let gathered = exact(std::slice::from_ref(&x), |g, v| {
            let ids = g.iota(0, Type::new(DType::I64, [dims[axis]]));
            g.gather(v[0], ids, axis)
        });
        prop_assert_eq!(gathered, x.to_f64());
        let mut wide = dims.clone();
        wide.insert(axis, 1);
        let summed = exact(std::slice::from_ref(&x), |g, v| {
            let y = g.reshape(v[0], &wide);
            let mut repeated = wide.clone();
            repeated[axis] = 3;
            let y = g.broadcast(y, &repeated);
            let y = g.sum(y, &[axis]);
            let y = g.affine(y, 1.0 / 3.0, 0.0);
            g.reshape(y, &dims)
        });
        let thirds: Vec<f64> = x.to_f64().iter().map(|v| 1.0 / 3.0 * (3.0 * v)).collect();
        prop_assert_eq!(summed, thirds);
    }

    #[test]
    fn softmax_rows_sum_to_one_wherever_they_lie(n in 1usize..40, shift in -1e6f64..1e6) {
        let x = values(DType::F64, &[2, n], 6);
        let at = |add: f64| exact(std::slice::from_ref(&x), move |g, v| {
            let y = g.affine(v[0], 1.0, add);
            g.softmax(y)
        });
        let (here, there) = (at(0.0), at(shift));
        for row in here.chunks(n) {
            prop_assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        }
        for (a, b) in here.iter().zip(&there) {
            // Shifting rounds the logits themselves, by up to 1e6 * 2^-53.
            prop_assert!((a - b).abs() < 1e-9 * a);
        }
    }
}
