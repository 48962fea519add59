//! candle as plans need it.

use candle_core::{Device, Error, Result, Tensor};
use portbench_backend::plan::Library;
use portbench_backend::{BackendError, HostTensor, Use};
use portbench_graph::{Op, Type};

use crate::convert::{to_device, to_host};
use crate::error;
use crate::kernels::{self, Context, Kernel};

/// candle on this device.
pub(crate) struct Candle(pub(crate) Device);

/// An entry as candle runs it.
pub(crate) type Plan = portbench_backend::plan::Plan<Candle>;

impl Library for Candle {
    type Tensor = Tensor;
    type Kernel = Kernel;
    type Context = Context;
    type Error = Error;

    fn upload(&self, value: &HostTensor) -> Result<Tensor> {
        to_device(value, &self.0)
    }

    fn download(tensor: &Tensor, ty: &Type) -> Result<HostTensor> {
        to_host(tensor, ty)
    }

    fn checks_indices(&self) -> bool {
        // Kernels on a GPU read whatever lies there.
        self.0.is_cpu()
    }

    fn synchronize(&self) -> std::result::Result<(), BackendError> {
        self.0.synchronize().map_err(error::placed(|| "synchronize"))
    }

    fn constant(&self, op: &Op) -> Result<Option<Tensor>> {
        kernels::constant(op, &self.0)
    }

    fn prepare(&self, op: &Op, args: &[&Type], result: &Type, use_: Use, in_place: bool) -> Result<Kernel> {
        kernels::prepare(op, args, result, use_, in_place, &self.0)
    }

    fn host_operand(kernel: &Kernel) -> Option<usize> {
        kernel.host_operand()
    }

    fn begin(context: &mut Context) {
        context.masks.begin();
    }

    fn run(kernel: &Kernel, args: &[&Tensor], scalar: Option<i64>, context: &mut Context) -> Result<Tensor> {
        kernel.run(args, scalar, context)
    }

    fn shares_memory(op: &Op, operands: usize) -> bool {
        op.is_view()
            || matches!(op, Op::Cast { .. } | Op::Pad { .. })
            || (matches!(op, Op::Concat { .. }) && operands == 1)
    }

    fn share(tensor: &Tensor) -> Tensor {
        tensor.clone()
    }

    fn detach(tensor: &Tensor) -> Tensor {
        tensor.detach()
    }

    fn contiguous(tensor: Tensor) -> Result<Tensor> {
        tensor.contiguous()
    }

    fn copy(tensor: &Tensor) -> Result<Tensor> {
        tensor.force_contiguous()
    }

    fn error(place: String, error: Error) -> BackendError {
        error::at(place, &error)
    }
}
