//! How weights of linear layers lie in memory.
//!
//! Products of one row, which decoding consists of, read each weight once, and BLAS libraries read it faster in one of its two layouts; which one differs from processor
//! to processor (MKL 2024.2 on an AMD EPYC: 17 and 27 GB/s). So both are tried when a program is loaded, and the record says what was chosen.

use std::time::{Duration, Instant};

use portbench_graph::{DType, Op, ParamSpec, Program};
use tch::{Kind, TchError, Tensor};

/// How often each layout is tried.
const ROUNDS: usize = 5;
/// Bytes of the smallest weight worth trying: what caches hold says nothing.
const SMALLEST: u64 = 4 << 20;

/// Lays the weights of linear layers that only see one row input-major where that is faster, `weights` being the parameters in the program's order. What it found, in words;
/// `None` where there was nothing to choose.
///
/// # Errors
/// libtorch's, where it has no memory for it.
pub(crate) fn lay(program: &Program, weights: &mut [Tensor]) -> Result<Option<&'static str>, TchError> {
    if program.training.is_some() {
        return Ok(None);
    }
    let free: Vec<usize> = (0..weights.len()).filter(|&i| is_free(program, &program.params[i])).collect();
    let largest = free.iter().copied().max_by_key(|&i| program.params[i].ty.bytes());
    let Some(tried) = largest.filter(|&i| program.params[i].ty.bytes() >= SMALLEST) else { return Ok(None) };
    if !faster_turned(&weights[tried])? {
        return Ok(Some("output-major, as stored"));
    }
    for i in free {
        weights[i] = turned(&weights[i])?;
    }
    Ok(Some("input-major: faster here with one row"))
}

/// The same matrix, its columns contiguous.
fn turned(weight: &Tensor) -> Result<Tensor, TchError> {
    weight.f_transpose(0, 1)?.f_contiguous()?.f_transpose(0, 1)
}

fn faster_turned(weight: &Tensor) -> Result<bool, TchError> {
    let turned = turned(weight)?;
    let row = Tensor::f_ones([1, weight.size()[1]], (Kind::Float, weight.device()))?;
    let time = |weight: &Tensor| -> Result<Duration, TchError> {
        let start = Instant::now();
        let product = row.f_linear(weight, None::<&Tensor>);
        let taken = start.elapsed();
        product.map(|_| taken)
    };
    let (mut as_stored, mut other) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        as_stored = as_stored.min(time(weight)?);
        other = other.min(time(&turned)?);
    }
    Ok(other.as_secs_f64() < 0.9 * as_stored.as_secs_f64())
}

/// Whether a parameter is an `f32` matrix that linear layers multiply by, one of them one row, and that nothing else reads but look-ups of rows.
fn is_free(program: &Program, spec: &ParamSpec) -> bool {
    let mut one_row = false;
    for graph in &program.entries {
        let own = |op: &Op| matches!(op, Op::Param { name } if *name == spec.name);
        for node in &graph.nodes {
            let reads = node.args.iter().position(|arg| own(&graph.nodes[arg.0 as usize].op));
            match (&node.op, reads) {
                (_, None) => {}
                (Op::Linear { in_out: false }, Some(1)) => {
                    let rows = &graph.nodes[node.args[0].0 as usize].ty;
                    one_row |= rows.shape.elements() == spec.ty.dims()[1];
                }
                (Op::Embedding, Some(1)) => {}
                _ => return false,
            }
        }
        if graph.outputs.iter().any(|(_, value)| own(&graph.nodes[value.0 as usize].op)) {
            return false;
        }
    }
    one_row && spec.ty.dtype == DType::F32 && spec.ty.shape.rank() == 2
}
