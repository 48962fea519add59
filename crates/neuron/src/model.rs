//! Models: a NEFF on a core, what tensors it takes, executing it, and keeping several executions in flight.
#![expect(unsafe_code, reason = "calls into libnrt")]

use std::fmt;
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::error::NeuronError;
use crate::library::{Open, Runtime, text};
use crate::raw::{ANY_COUNT, Handle, RawTensorInfo, RawTensorInfos};
use crate::tensor::{Placement, Tensor, TensorSet, unfit};

/// More tensors than a model can have; a larger count is not one.
const MOST_TENSORS: u64 = 1 << 20;
/// More dimensions than a tensor can have.
const MOST_DIMENSIONS: u32 = 64;

/// Element types of a NEFF. There is no 64-bit float among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named by its C name below")]
pub enum NeffType {
    Unknown,
    U64,
    I8,
    U8,
    I16,
    U16,
    Bf16,
    F16,
    I32,
    U32,
    F32,
    /// `f32` rounded for the matrix engine.
    F32R,
    I64,
    F8E3,
    F8E4,
    F8E5,
}

impl NeffType {
    const ALL: [(Self, &str); 16] = [
        (Self::Unknown, "unknown"),
        (Self::U64, "u64"),
        (Self::I8, "i8"),
        (Self::U8, "u8"),
        (Self::I16, "i16"),
        (Self::U16, "u16"),
        (Self::Bf16, "bf16"),
        (Self::F16, "f16"),
        (Self::I32, "i32"),
        (Self::U32, "u32"),
        (Self::F32, "f32"),
        (Self::F32R, "f32r"),
        (Self::I64, "i64"),
        (Self::F8E3, "f8e3"),
        (Self::F8E4, "f8e4"),
        (Self::F8E5, "f8e5"),
    ];

    /// The type of a value of `nrt_dtype_t`: they count from 0 in the order above.
    #[must_use]
    pub fn from_code(code: i32) -> Self {
        usize::try_from(code).ok().and_then(|i| Self::ALL.get(i)).map_or(Self::Unknown, |row| row.0)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|row| row.0 == self).map_or("unknown", |row| row.1)
    }
}

impl fmt::Display for NeffType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which way a tensor of a model goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Read by an execution.
    Input,
    /// Written by it.
    Output,
}

/// What a model says of one of its tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name in the model.
    pub name: String,
    /// Input or output.
    pub usage: Usage,
    /// Element type.
    pub dtype: NeffType,
    /// Dimensions, outermost first.
    pub shape: Vec<u32>,
    /// Bytes it takes.
    pub bytes: usize,
}

/// A NEFF between `nrt_load` and `nrt_unload`.
struct Loaded {
    handle: Handle,
    name: String,
    core: u32,
    tensors: Vec<TensorInfo>,
    open: Arc<Open>,
}

// SAFETY: a handle is an address inside libnrt; several threads executing one model at once is how its documents say to keep a device busy.
unsafe impl Send for Loaded {}
// SAFETY: as above; nothing but `drop` ends the model.
unsafe impl Sync for Loaded {}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: loaded, unloaded once, and no execution runs: each holds a reference. What it answers changes nothing any more: the device is
        // given back when the process ends.
        let _ = unsafe { (self.open.library.functions.nrt_unload)(self.handle) };
    }
}

/// A loaded model. Copies are the same model; it is unloaded with the last of them.
#[derive(Clone)]
pub struct Model {
    loaded: Arc<Loaded>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("name", &self.loaded.name)
            .field("tensors", &self.loaded.tensors)
            .finish_non_exhaustive()
    }
}

impl Model {
    /// Loads a NEFF (the bytes of the whole file) on this logical core, counted among the visible ones. `name` is for messages.
    ///
    /// # Errors
    /// [`NeuronError::Status`] if libnrt refuses it, [`NeuronError::Nonsense`] if it says nothing sensible of its tensors.
    pub fn load(runtime: &Runtime, name: &str, neff: &[u8], core: u32) -> Result<Self, NeuronError> {
        const CALL: &str = "nrt_load";
        let place = || format!("model `{name}`");
        let start = i32::try_from(core)
            .map_err(|_| NeuronError::Unfit { place: place(), what: format!("core {core} is no core") })?;
        let library = runtime.library();
        let mut handle: Handle = ptr::null_mut();
        let load = library.functions.nrt_load;
        // SAFETY: the buffer has that many bytes, and libnrt keeps no pointer into it; the last pointer is good for one handle.
        let code = unsafe { load(neff.as_ptr().cast(), neff.len(), start, ANY_COUNT, &raw mut handle) };
        library.check(CALL, place, code)?;
        if handle.is_null() {
            return Err(NeuronError::Nonsense { call: CALL, place: place(), what: "no model".into() });
        }
        // From here on `drop` unloads it, whatever it says of its tensors.
        let open = Arc::clone(&runtime.open);
        let mut loaded = Loaded { handle, name: name.to_owned(), core, tensors: Vec::new(), open };
        loaded.tensors = tensor_infos(&loaded)?;
        Ok(Self { loaded: Arc::new(loaded) })
    }

    /// The name it was loaded under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.loaded.name
    }

    /// Its inputs and outputs, in libnrt's order.
    #[must_use]
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.loaded.tensors
    }

    /// Allocates one set with a tensor for each input or for each output, on the model's core.
    ///
    /// # Errors
    /// [`NeuronError::Status`] if there is no room.
    pub fn allocate(&self, runtime: &Runtime, usage: Usage) -> Result<TensorSet, NeuronError> {
        let mut set = TensorSet::new(runtime)?;
        let placement = Placement::Device(self.loaded.core);
        for info in self.tensors().iter().filter(|t| t.usage == usage) {
            let tensor = Tensor::allocate(runtime, placement, &info.name, info.bytes)?;
            set.insert(&info.name, Arc::new(tensor))?;
        }
        Ok(set)
    }

    /// The model with the tensors of an execution, checked once so that executing checks nothing.
    ///
    /// # Errors
    /// [`NeuronError::Unfit`] for a tensor that is missing, has another size, or is none of the model's.
    pub fn bind(&self, inputs: TensorSet, outputs: TensorSet) -> Result<Bound, NeuronError> {
        for (set, usage) in [(&inputs, Usage::Input), (&outputs, Usage::Output)] {
            if !Arc::ptr_eq(&self.loaded.open, set.open()) {
                let what = "the tensors belong to another runtime".into();
                return Err(NeuronError::Unfit { place: format!("model `{}`", self.name()), what });
            }
            self.check(set, usage)?;
        }
        Ok(Bound { inputs, outputs, model: self.clone() })
    }

    fn check(&self, set: &TensorSet, usage: Usage) -> Result<(), NeuronError> {
        let expected = || self.tensors().iter().filter(|t| t.usage == usage);
        let way = if usage == Usage::Input { "input" } else { "output" };
        for info in expected() {
            let Some(tensor) = set.get(&info.name) else {
                return Err(unfit(
                    &info.name,
                    format!("this {way} of model `{}` is not in the set", self.name()),
                ));
            };
            if tensor.bytes() != info.bytes {
                let what = format!(
                    "{} bytes, but this {way} of model `{}` has {} ({}{:?})",
                    tensor.bytes(),
                    self.name(),
                    info.bytes,
                    info.dtype,
                    info.shape
                );
                return Err(unfit(&info.name, what));
            }
        }
        let known = |name: &str| expected().any(|t| t.name == name);
        match set.iter().find(|(name, _)| !known(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let names: Vec<&str> = expected().map(|t| t.name.as_str()).collect();
                let what =
                    format!("model `{}` has no such {way}; its own: {}", self.name(), names.join(", "));
                Err(unfit(name, what))
            }
        }
    }
}

/// What the model says of its tensors, copied out of libnrt's memory, which is given back.
fn tensor_infos(loaded: &Loaded) -> Result<Vec<TensorInfo>, NeuronError> {
    const CALL: &str = "nrt_get_model_tensor_info";
    let library = &loaded.open.library;
    let place = || format!("model `{}`", loaded.name);
    let mut array: *mut RawTensorInfos = ptr::null_mut();
    // SAFETY: the model is live and the pointer is good for one address.
    let code = unsafe { (library.functions.nrt_get_model_tensor_info)(loaded.handle, &raw mut array) };
    library.check(CALL, place, code)?;
    let nonsense = |what: String| NeuronError::Nonsense { call: CALL, place: place(), what };
    if array.is_null() {
        return Err(nonsense("no list of tensors".into()));
    }
    // SAFETY: libnrt gave the address of a list, which lives until it is freed below.
    let infos = unsafe { copy_infos(array) }.map_err(nonsense);
    // SAFETY: libnrt's own list, freed once; nothing points into it.
    let code = unsafe { (library.functions.nrt_free_model_tensor_info)(array) };
    let infos = infos?;
    library.check("nrt_free_model_tensor_info", place, code)?;
    Ok(infos)
}

/// # Safety
/// `array` is a live list: a count and that many infos after it, each with a shape of `ndim` elements.
unsafe fn copy_infos(array: *const RawTensorInfos) -> Result<Vec<TensorInfo>, String> {
    // SAFETY: the caller's promise.
    let count = unsafe { (*array).count };
    if count > MOST_TENSORS {
        return Err(format!("{count} tensors"));
    }
    // SAFETY: the caller's promise; the count is small, so the length does not overflow.
    let raw = unsafe { slice::from_raw_parts((&raw const (*array).infos).cast(), count as usize) };
    raw.iter().map(copy_info).collect()
}

fn copy_info(info: &RawTensorInfo) -> Result<TensorInfo, String> {
    let name = text(&info.name);
    let usage = match info.usage {
        0 => Usage::Input,
        1 => Usage::Output,
        other => return Err(format!("usage {other} for tensor `{name}`")),
    };
    let shape = match (info.shape.is_null(), info.ndim) {
        (_, 0) => Vec::new(),
        (true, ndim) => return Err(format!("{ndim} dimensions and no shape for tensor `{name}`")),
        (false, ndim) if ndim > MOST_DIMENSIONS => {
            return Err(format!("{ndim} dimensions for tensor `{name}`"));
        }
        // SAFETY: libnrt points to that many dimensions, and the list is live while `info` is borrowed.
        (false, ndim) => unsafe { slice::from_raw_parts(info.shape, ndim as usize) }.to_vec(),
    };
    Ok(TensorInfo { name, usage, dtype: NeffType::from_code(info.dtype), shape, bytes: info.size })
}

/// A model with the inputs and outputs of its executions.
#[derive(Debug)]
pub struct Bound {
    inputs: TensorSet,
    outputs: TensorSet,
    model: Model,
}

impl Bound {
    /// The inputs; write to them between executions.
    #[must_use]
    pub fn inputs(&self) -> &TensorSet {
        &self.inputs
    }

    /// The outputs; read them after an execution.
    #[must_use]
    pub fn outputs(&self) -> &TensorSet {
        &self.outputs
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Executes once and returns when the outputs are written.
    ///
    /// # Errors
    /// [`NeuronError::Status`]: NaN in the outputs is one of them.
    pub fn execute(&mut self) -> Result<(), NeuronError> {
        let loaded = &self.model.loaded;
        let library = &loaded.open.library;
        let execute = library.functions.nrt_execute;
        // SAFETY: model, sets and their tensors are live, and `&mut` keeps every other execution off these outputs.
        let code = unsafe { execute(loaded.handle, self.inputs.handle(), self.outputs.handle()) };
        library.check("nrt_execute", || format!("model `{}`", loaded.name), code)
    }
}

/// How executions in flight went.
#[derive(Debug)]
pub struct Flight {
    /// Executions that ended well, for each lane.
    pub completed: Vec<u64>,
    /// The first error of the lowest lane that had one. The others stopped after the execution they were in.
    pub error: Option<NeuronError>,
}

/// Executes every lane `each` times, all lanes at once, one thread a lane.
///
/// `nrt_execute` returns when its execution is over, so one thread leaves the device idle between executions; the runtime's guide asks for two
/// or more. (The switch for asynchronous executions, `NEURON_RT_ASYNC_EXEC_MAX_INFLIGHT_REQUESTS`, is gone since SDK 2.31.)
#[must_use]
pub fn in_flight(lanes: &mut [Bound], each: u64) -> Flight {
    let stop = AtomicBool::new(false);
    let run = |lane: &mut Bound| {
        let mut completed = 0;
        while completed < each && !stop.load(Ordering::Relaxed) {
            if let Err(error) = lane.execute() {
                stop.store(true, Ordering::Relaxed);
                return (completed, Some(error));
            }
            completed += 1;
        }
        (completed, None)
    };
    let done: Vec<(u64, Option<NeuronError>)> = thread::scope(|scope| {
        let threads: Vec<_> = lanes.iter_mut().map(|lane| scope.spawn(|| run(lane))).collect();
        threads
            .into_iter()
            .map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let completed = done.iter().map(|d| d.0).collect();
    Flight { completed, error: done.into_iter().find_map(|d| d.1) }
}
