//! Tensors of the runtime, and named sets of them.
#![expect(unsafe_code, reason = "calls into libnrt")]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fmt;
use std::ptr;
use std::sync::Arc;

use crate::error::NeuronError;
use crate::library::{Open, Runtime};
use crate::raw::{Handle, PLACEMENT};

/// Where a tensor's memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Memory of this logical core's device.
    Device(u32),
    /// Memory of the host.
    Host,
}

/// A piece of memory that executions read and write. Its bytes have the element type and row-major order of the model's tensor.
///
/// Reading and writing take `&self`, so that one tensor can be in the inputs and in the outputs of an execution, as state is. Nothing orders
/// them against an execution in another thread: whoever reads has to know that the execution is over.
pub struct Tensor {
    handle: Handle,
    name: String,
    bytes: usize,
    open: Arc<Open>,
}

// SAFETY: a handle is an address inside libnrt, which tracks executions and copies of a tensor itself and is called from several threads by design.
unsafe impl Send for Tensor {}
// SAFETY: as above; no function that is called with a shared tensor frees or moves it.
unsafe impl Sync for Tensor {}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tensor").field("name", &self.name).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Tensor {
    /// Allocates `bytes` bytes.
    ///
    /// # Errors
    /// [`NeuronError::Status`] if there is no room, [`NeuronError::Unfit`] for a name with a NUL or a core number that is none.
    pub fn allocate(
        runtime: &Runtime,
        placement: Placement,
        name: &str,
        bytes: usize,
    ) -> Result<Self, NeuronError> {
        const CALL: &str = "nrt_tensor_allocate";
        let (place, core) = match placement {
            Placement::Device(core) => (
                PLACEMENT[0],
                i32::try_from(core).map_err(|_| unfit(name, format!("core {core} is no core")))?,
            ),
            Placement::Host => (PLACEMENT[1], -1),
        };
        let c_name = c_name(name)?;
        let library = runtime.library();
        let mut handle: Handle = ptr::null_mut();
        let allocate = library.functions.nrt_tensor_allocate;
        // SAFETY: the name ends with NUL and libnrt copies it; the last pointer is good for one handle.
        let code = unsafe { allocate(place, core, bytes, c_name.as_ptr(), &raw mut handle) };
        library.check(CALL, || format!("tensor `{name}` of {bytes} bytes"), code)?;
        if handle.is_null() {
            return Err(NeuronError::Nonsense {
                call: CALL,
                place: format!("tensor `{name}`"),
                what: "no tensor".into(),
            });
        }
        let tensor = Self { handle, name: name.to_owned(), bytes, open: Arc::clone(&runtime.open) };
        // SAFETY: the handle is that of a live tensor.
        let size = unsafe { (library.functions.nrt_tensor_get_size)(handle) };
        if size != bytes {
            let what = format!("a tensor of {size} bytes where {bytes} were asked for");
            return Err(NeuronError::Nonsense { call: CALL, place: format!("tensor `{name}`"), what });
        }
        Ok(tensor)
    }

    /// The name it was allocated under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Size in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Copies host bytes into it, from its byte `offset` on.
    ///
    /// # Errors
    /// [`NeuronError::Unfit`] if they go past its end, [`NeuronError::Status`] if the copy fails.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), NeuronError> {
        self.hold(offset, bytes.len())?;
        let library = &self.open.library;
        let write = library.functions.nrt_tensor_write;
        // SAFETY: the tensor is live, the buffer has that many bytes, and they fit the tensor.
        let code = unsafe { write(self.handle, bytes.as_ptr().cast(), offset, bytes.len()) };
        library.check("nrt_tensor_write", || format!("tensor `{}`", self.name), code)
    }

    /// Copies its bytes from `offset` on into `buffer`, all of which is filled.
    ///
    /// # Errors
    /// [`NeuronError::Unfit`] if the buffer goes past its end, [`NeuronError::Status`] if the copy fails.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> Result<(), NeuronError> {
        self.hold(offset, buffer.len())?;
        let library = &self.open.library;
        let read = library.functions.nrt_tensor_read;
        // SAFETY: the tensor is live, the buffer is ours alone and has that many bytes, and the tensor has them.
        let code = unsafe { read(self.handle, buffer.as_mut_ptr().cast(), offset, buffer.len()) };
        library.check("nrt_tensor_read", || format!("tensor `{}`", self.name), code)
    }

    fn hold(&self, offset: usize, len: usize) -> Result<(), NeuronError> {
        match offset.checked_add(len) {
            Some(end) if end <= self.bytes => Ok(()),
            _ => Err(unfit(
                &self.name,
                format!("{len} bytes from byte {offset} on do not fit its {} bytes", self.bytes),
            )),
        }
    }
}

impl Drop for Tensor {
    fn drop(&mut self) {
        // SAFETY: allocated by libnrt and freed once; sets that hold the handle own a reference to this tensor.
        unsafe { (self.open.library.functions.nrt_tensor_free)(&raw mut self.handle) };
    }
}

/// Tensors under the names that a model gives them.
pub struct TensorSet {
    handle: Handle,
    // libnrt keeps their addresses until the set is destroyed, which `drop` does before this map goes.
    tensors: BTreeMap<String, Arc<Tensor>>,
    open: Arc<Open>,
}

// SAFETY: as for tensors: the handle is libnrt's, and a set is changed through `&mut` only.
unsafe impl Send for TensorSet {}
// SAFETY: shared sets are only read: as the inputs of executions, which take them as const.
unsafe impl Sync for TensorSet {}

impl fmt::Debug for TensorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorSet").field("tensors", &self.tensors).finish_non_exhaustive()
    }
}

impl TensorSet {
    /// An empty set.
    ///
    /// # Errors
    /// [`NeuronError::Status`] if libnrt refuses.
    pub fn new(runtime: &Runtime) -> Result<Self, NeuronError> {
        const CALL: &str = "nrt_allocate_tensor_set";
        let library = runtime.library();
        let mut handle: Handle = ptr::null_mut();
        // SAFETY: the pointer is good for one handle.
        let code = unsafe { (library.functions.nrt_allocate_tensor_set)(&raw mut handle) };
        library.check(CALL, || "a tensor set".into(), code)?;
        if handle.is_null() {
            let (place, what) = ("a tensor set".into(), "no set".into());
            return Err(NeuronError::Nonsense { call: CALL, place, what });
        }
        Ok(Self { handle, tensors: BTreeMap::new(), open: Arc::clone(&runtime.open) })
    }

    /// Adds a tensor under the model's name for it, in place of one that has the name.
    ///
    /// # Errors
    /// [`NeuronError::Unfit`] for a name with a NUL or a tensor of another runtime, [`NeuronError::Status`] if libnrt refuses.
    pub fn insert(&mut self, name: &str, tensor: Arc<Tensor>) -> Result<(), NeuronError> {
        if !Arc::ptr_eq(&self.open, &tensor.open) {
            return Err(unfit(name, "the tensor belongs to another runtime".into()));
        }
        let c_name = c_name(name)?;
        let library = &self.open.library;
        let add = library.functions.nrt_add_tensor_to_tensor_set;
        // SAFETY: set and tensor are live; the name ends with NUL and libnrt copies it; the map below keeps the tensor as long as the set.
        let code = unsafe { add(self.handle, c_name.as_ptr(), tensor.handle) };
        library.check("nrt_add_tensor_to_tensor_set", || format!("tensor `{name}`"), code)?;
        self.tensors.insert(name.to_owned(), tensor);
        Ok(())
    }

    /// The tensor of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Tensor>> {
        self.tensors.get(name)
    }

    /// Names and tensors, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Tensor>)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle
    }

    pub(crate) fn open(&self) -> &Arc<Open> {
        &self.open
    }
}

impl Drop for TensorSet {
    fn drop(&mut self) {
        // SAFETY: allocated by libnrt and destroyed once, before the tensors it points to.
        unsafe { (self.open.library.functions.nrt_destroy_tensor_set)(&raw mut self.handle) };
    }
}

pub(crate) fn unfit(name: &str, what: String) -> NeuronError {
    NeuronError::Unfit { place: format!("tensor `{name}`"), what }
}

fn c_name(name: &str) -> Result<CString, NeuronError> {
    CString::new(name)
        .map_err(|_| unfit(&name.escape_default().to_string(), "a name cannot have a NUL".into()))
}
