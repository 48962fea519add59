//! libtorch as plans need it.

use portbench_backend::plan::Library;
use portbench_backend::{BackendError, HostTensor, Use};
use portbench_graph::{Op, Type};
use tch::{Device, TchError, Tensor};

use crate::convert::{to_device, to_host};
use crate::device;
use crate::error;
use crate::kernels::{self, Kernel, Shared};

/// libtorch on this device.
pub(crate) struct Torch(pub(crate) Device);

/// An entry as libtorch runs it.
pub(crate) type Plan = portbench_backend::plan::Plan<Torch>;

impl Library for Torch {
    type Tensor = Tensor;
    type Kernel = Kernel;
    type Context = Shared;
    type Error = TchError;

    fn upload(&self, value: &HostTensor) -> Result<Tensor, TchError> {
        to_device(value, self.0)
    }

    fn download(tensor: &Tensor, ty: &Type) -> Result<HostTensor, TchError> {
        to_host(tensor, ty)
    }

    fn checks_indices(&self) -> bool {
        // A kernel on a GPU asserts, and takes the process's context with it.
        self.0 == Device::Cpu
    }

    fn synchronize(&self) -> Result<(), BackendError> {
        device::synchronize(self.0)
    }

    fn inference<R>(work: impl FnOnce() -> R) -> R {
        tch::no_grad(work)
    }

    fn constant(&self, op: &Op) -> Result<Option<Tensor>, TchError> {
        kernels::constant(op, self.0)
    }

    fn prepare(
        &self,
        op: &Op,
        args: &[&Type],
        result: &Type,
        use_: Use,
        in_place: bool,
    ) -> Result<Kernel, TchError> {
        kernels::prepare(op, args, result, use_, in_place, self.0)
    }

    fn host_operand(kernel: &Kernel) -> Option<usize> {
        kernel.host_operand()
    }

    fn begin(shared: &mut Shared) {
        shared.begin();
    }

    fn run(
        kernel: &Kernel,
        args: &[&Tensor],
        scalar: Option<i64>,
        shared: &mut Shared,
    ) -> Result<Tensor, TchError> {
        kernel.run(args, scalar, shared)
    }

    fn shares_memory(op: &Op, _operands: usize) -> bool {
        op.is_view() || matches!(op, Op::Cast { .. } | Op::Pad { .. })
    }

    fn share(tensor: &Tensor) -> Tensor {
        tensor.shallow_clone()
    }

    fn detach(tensor: &Tensor) -> Tensor {
        tensor.detach()
    }

    fn contiguous(tensor: Tensor) -> Result<Tensor, TchError> {
        tensor.f_contiguous()
    }

    fn copy(tensor: &Tensor) -> Result<Tensor, TchError> {
        if tensor.is_contiguous() { tensor.f_detach_copy() } else { tensor.f_contiguous() }
    }

    fn error(place: String, error: TchError) -> BackendError {
        error::at(place, &error)
    }
}
