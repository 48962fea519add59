//! `libnrt.so.1`, opened at run time, and the runtime once it is initialised.
//!
//! Why not the crate `neuronx`, which binds the same library: it generates its bindings from the headers of `aws-neuronx-runtime-lib` when it
//! is built and links against the library, so whatever depends on it builds on Neuron hosts only. This harness is built anywhere, one binary
//! says on a laptop what is missing and runs on a Trn instance, and its tests put a double in the library's place. Twenty functions are used;
//! their signatures are declared in `raw` and held against a C double by the tests.
#![expect(unsafe_code, reason = "calls into libnrt")]

use std::collections::BTreeSet;
use std::env;
use std::ffi::c_char;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::NeuronError;
use crate::raw::{Functions, NO_FRAMEWORK, RawInstance, RawMemory, RawVersion};
use crate::status::NrtStatus;

/// Name of the library, as the loader knows it.
pub const LIBNRT: &str = "libnrt.so.1";
/// Where `aws-neuronx-runtime-lib` installs it.
pub const INSTALLED: &str = "/opt/aws/neuron/lib";
/// The environment variable that names the file to open instead.
pub const LIBNRT_VARIABLE: &str = "PORTBENCH_LIBNRT";

/// Libraries that this process initialised. libnrt keeps its state for the life of the process.
static INITIALISED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The opened library. Opening takes no NeuronCore; [`Library::initialise`] does.
pub struct Library {
    pub(crate) functions: Functions,
    path: PathBuf,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Library {
    /// Opens the library where it is installed: the file in `PORTBENCH_LIBNRT` if that is set, else `/opt/aws/neuron/lib`, else along
    /// `LD_LIBRARY_PATH`.
    ///
    /// # Errors
    /// [`NeuronError::NoLibrary`] if no place has it; what [`Library::open`] says of the file.
    pub fn find() -> Result<Self, NeuronError> {
        Self::open(&locate()?)
    }

    /// Opens this file.
    ///
    /// # Errors
    /// [`NeuronError::Library`] if it does not load, [`NeuronError::Symbol`] if it lacks a function that is used.
    pub fn open(path: &Path) -> Result<Self, NeuronError> {
        Ok(Self { functions: Functions::open(path)?, path: path.to_owned() })
    }

    /// The file it was opened from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the functions that the library must have.
    #[must_use]
    pub fn functions() -> &'static [&'static str] {
        Functions::NAMES
    }

    /// Version of the library.
    ///
    /// # Errors
    /// [`NeuronError::Status`] if libnrt refuses.
    pub fn version(&self) -> Result<RuntimeVersion, NeuronError> {
        let mut raw =
            RawVersion { major: 0, minor: 0, patch: 0, maintenance: 0, detail: [0; 128], git_hash: [0; 64] };
        // SAFETY: the struct has the layout and the size that are told.
        let code = unsafe { (self.functions.nrt_get_version)(&raw mut raw, size_of::<RawVersion>()) };
        self.check("nrt_get_version", || "the runtime".into(), code)?;
        Ok(RuntimeVersion {
            number: [raw.major, raw.minor, raw.patch, raw.maintenance],
            detail: text(&raw.detail),
            git_hash: text(&raw.git_hash),
        })
    }

    /// What kind of instance this is, as libnrt sees it.
    ///
    /// # Errors
    /// [`NeuronError::Status`] if libnrt refuses, as it does without a device.
    pub fn instance(&self) -> Result<InstanceInfo, NeuronError> {
        let mut raw = RawInstance { family: 0, size: 0, arch_name: [0; 16], device_revision: [0; 8] };
        // SAFETY: the struct has the layout and the size that are told.
        let code = unsafe { (self.functions.nrt_get_instance_info)(&raw mut raw, size_of::<RawInstance>()) };
        self.check("nrt_get_instance_info", || "this machine".into(), code)?;
        Ok(InstanceInfo {
            family: Family::from_code(raw.family),
            architecture: text(&raw.arch_name),
            revision: text(&raw.device_revision),
        })
    }

    /// Logical NeuronCores of the machine. Takes none of them.
    ///
    /// # Errors
    /// [`NeuronError::Status`] if libnrt refuses.
    pub fn total_cores(&self) -> Result<u32, NeuronError> {
        let mut count = 0;
        // SAFETY: the pointer is good for one `u32`.
        let code = unsafe { (self.functions.nrt_get_total_vnc_count)(&raw mut count) };
        self.check("nrt_get_total_vnc_count", || "this machine".into(), code)?;
        Ok(count)
    }

    /// Logical NeuronCores that `NEURON_RT_VISIBLE_CORES` and `NEURON_RT_NUM_CORES` leave to this process. Takes none of them.
    ///
    /// # Errors
    /// [`NeuronError::Status`] if libnrt refuses.
    pub fn visible_cores(&self) -> Result<u32, NeuronError> {
        let mut count = 0;
        // SAFETY: the pointer is good for one `u32`.
        let code = unsafe { (self.functions.nrt_get_visible_vnc_count)(&raw mut count) };
        self.check("nrt_get_visible_vnc_count", || "this process".into(), code)?;
        Ok(count)
    }

    /// Initialises the runtime, which reserves every visible NeuronCore for this process until it ends.
    ///
    /// # Errors
    /// [`NeuronError::InitialisedBefore`] for a second time in one process, [`NeuronError::Status`] if libnrt refuses: no driver, no device, cores held by another process.
    pub fn initialise(self) -> Result<Runtime, NeuronError> {
        let key = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let mut initialised = INITIALISED.lock().unwrap_or_else(PoisonError::into_inner);
        if initialised.contains(&key) {
            return Err(NeuronError::InitialisedBefore { path: self.path });
        }
        // SAFETY: both texts are literals that end with NUL; libnrt copies them.
        let code = unsafe { (self.functions.nrt_init)(NO_FRAMEWORK, c"".as_ptr(), c"".as_ptr()) };
        self.check("nrt_init", || "this process".into(), code)?;
        initialised.insert(key);
        Ok(Runtime { open: Arc::new(Open { library: self }) })
    }

    /// An error unless `code` is success.
    pub(crate) fn check(
        &self,
        call: &'static str,
        place: impl FnOnce() -> String,
        code: i32,
    ) -> Result<(), NeuronError> {
        match NrtStatus::from_code(code) {
            None => Ok(()),
            Some(status) => Err(NeuronError::Status { call, place: place(), status }),
        }
    }
}

/// The library between `nrt_init` and `nrt_close`.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) library: Library,
}

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: initialised, and every model, tensor and set is gone: each of them keeps this alive.
        unsafe { (self.library.functions.nrt_close)() };
    }
}

/// The initialised runtime. Models, tensors and sets keep it open; when the last of them and of its copies is dropped it is closed, for good.
#[derive(Clone, Debug)]
pub struct Runtime {
    pub(crate) open: Arc<Open>,
}

impl Runtime {
    /// The library.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.open.library
    }

    /// Memory of a logical core's part of the device, in bytes.
    ///
    /// # Errors
    /// [`NeuronError::Status`] if libnrt refuses, [`NeuronError::Nonsense`] if it fills less than both figures.
    pub fn memory(&self, core: u32) -> Result<MemoryUse, NeuronError> {
        const CALL: &str = "nrt_get_vnc_memory_stats";
        let library = self.library();
        let place = || format!("core {core}");
        let (mut raw, mut filled) = (RawMemory { bytes_used: 0, bytes_limit: 0 }, 0);
        let size = size_of::<RawMemory>();
        // SAFETY: the struct has the layout and the size that are told; a newer library fills no more than that.
        let code = unsafe {
            (library.functions.nrt_get_vnc_memory_stats)(core, &raw mut raw, size, &raw mut filled)
        };
        library.check(CALL, place, code)?;
        if filled < size {
            let what = format!("{filled} bytes of the {size} that were asked for");
            return Err(NeuronError::Nonsense { call: CALL, place: place(), what });
        }
        Ok(MemoryUse { used: raw.bytes_used as u64, limit: raw.bytes_limit as u64 })
    }
}

/// Version of libnrt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeVersion {
    /// Major, minor, patch, maintenance.
    pub number: [u64; 4],
    /// What the build adds to it.
    pub detail: String,
    /// The commit it was built from.
    pub git_hash: String,
}

impl fmt::Display for RuntimeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch, maintenance] = self.number;
        write!(f, "{major}.{minor}.{patch}.{maintenance}")
    }
}

/// Memory of a core's part of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes in use.
    pub used: u64,
    /// Bytes there are.
    pub limit: u64,
}

/// The instance as libnrt sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceInfo {
    /// Family of the instance.
    pub family: Family,
    /// Name of the architecture.
    pub architecture: String,
    /// Revision of the device.
    pub revision: String,
}

/// Instance families of `nrt_get_instance_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family(u32);

impl Family {
    const NAMES: [&str; 16] = [
        "unknown",
        "inf1",
        "trn1",
        "trn1n",
        "inf2",
        "trn2",
        "trn2n",
        "inf2e",
        "trn2p",
        "trn2u",
        "trn2e",
        "trn2eu",
        "trn2ac",
        "trn2uac",
        "trn3",
        "trn3pds98",
    ];

    /// The family of a code.
    #[must_use]
    pub const fn from_code(code: u32) -> Self {
        Self(code)
    }

    /// Its name; `unknown` for a code that SDK 2.32 does not have.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self.0 as usize).copied().unwrap_or("unknown")
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where the library is, without opening it.
///
/// # Errors
/// [`NeuronError::NoLibrary`] with the places that were looked at.
pub fn locate() -> Result<PathBuf, NeuronError> {
    if let Some(named) = env::var_os(LIBNRT_VARIABLE) {
        return first(vec![PathBuf::from(named)]);
    }
    let path = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let along = env::split_paths(&path).filter(|p| !p.as_os_str().is_empty());
    first([PathBuf::from(INSTALLED)].into_iter().chain(along).map(|p| p.join(LIBNRT)).collect())
}

fn first(tried: Vec<PathBuf>) -> Result<PathBuf, NeuronError> {
    tried.iter().find(|p| p.is_file()).cloned().ok_or(NeuronError::NoLibrary { tried })
}

/// Text of a fixed field up to its NUL, or all of it where there is none.
pub(crate) fn text(field: &[c_char]) -> String {
    let bytes: Vec<u8> = field.iter().take_while(|c| **c != 0).map(|c| c.cast_unsigned()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
