//! What a plan needs of a tensor library.

use portbench_graph::{Op, Type};

use crate::contract::Use;
use crate::error::BackendError;
use crate::tensor::HostTensor;

/// A tensor library on one device, called op by op. Its tensors are handles: two may share memory.
pub trait Library: Send {
    /// A tensor on the device.
    type Tensor: Send;
    /// One prepared call: everything that is known before execution.
    type Kernel: Send;
    /// What kernels share during one execution.
    type Context: Default + Send;
    /// The library's error.
    type Error;

    /// Copies a host tensor to the device.
    ///
    /// # Errors
    /// The library's.
    fn upload(&self, value: &HostTensor) -> Result<Self::Tensor, Self::Error>;

    /// Copies a tensor of this declared type to the host.
    ///
    /// # Errors
    /// The library's.
    fn download(tensor: &Self::Tensor, ty: &Type) -> Result<HostTensor, Self::Error>;

    /// Whether a kernel refuses an index out of range by an error. If not, indices among the inputs are held against the program before they reach the device.
    fn checks_indices(&self) -> bool {
        true
    }

    /// Waits until nothing is pending on the device.
    ///
    /// # Errors
    /// What went wrong there meanwhile.
    fn synchronize(&self) -> Result<(), BackendError>;

    /// Does work that autograd need not follow.
    fn inference<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    /// The tensor of a node that needs no operands (constants, literals, counting sequences); `None` for any other op.
    ///
    /// # Errors
    /// The library's.
    fn constant(&self, op: &Op) -> Result<Option<Self::Tensor>, Self::Error>;

    /// Prepares the kernel of a node whose operands and result have these types. `in_place` says that an update may write into
    /// its base.
    ///
    /// # Errors
    /// The library's, when a prepared tensor cannot be made.
    fn prepare(
        &self,
        op: &Op,
        args: &[&Type],
        result: &Type,
        use_: Use,
        in_place: bool,
    ) -> Result<Self::Kernel, Self::Error>;

    /// Position of the scalar operand that a kernel wants on the host.
    fn host_operand(kernel: &Self::Kernel) -> Option<usize>;

    /// Readies the context for another execution.
    fn begin(context: &mut Self::Context);

    /// Runs a kernel. `scalar` is the host value of the operand that it wants there, where it is known without reading the device.
    ///
    /// # Errors
    /// The library's.
    fn run(
        kernel: &Self::Kernel,
        args: &[&Self::Tensor],
        scalar: Option<i64>,
        context: &mut Self::Context,
    ) -> Result<Self::Tensor, Self::Error>;

    /// Whether the kernel of an op may answer with its first operand's memory.
    fn shares_memory(op: &Op, operands: usize) -> bool;

    /// Another handle to the same memory.
    fn share(tensor: &Self::Tensor) -> Self::Tensor;

    /// Another handle to the same memory, which autograd does not follow.
    fn detach(tensor: &Self::Tensor) -> Self::Tensor;

    /// The tensor in row-major order, itself if it lies so already.
    ///
    /// # Errors
    /// The library's.
    fn contiguous(tensor: Self::Tensor) -> Result<Self::Tensor, Self::Error>;

    /// The tensor in row-major memory of its own.
    ///
    /// # Errors
    /// The library's.
    fn copy(tensor: &Self::Tensor) -> Result<Self::Tensor, Self::Error>;

    /// The harness's error for the library's error at `place`.
    fn error(place: String, error: Self::Error) -> BackendError;
}
