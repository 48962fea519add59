//! The C interface of `libnrt.so.1`, as far as it is used: types by their layout, and the table of functions.
//!
//! Written from the published documents of SDK 2.32 (headers `nrt.h`, `nrt_experimental.h`, `nrt_version.h`); no header is copied.
#![expect(unsafe_code, reason = "functions of a C library are looked up by name and called")]

use std::ffi::{c_char, c_int, c_void};
use std::path::{Path, PathBuf};

use libloading::Library;

use crate::error::NeuronError;

/// `nrt_model_t`, `nrt_tensor_t`, `nrt_tensor_set_t`: never looked into.
pub(crate) type Handle = *mut c_void;

/// `NRT_FRAMEWORK_TYPE_NO_FW`.
pub(crate) const NO_FRAMEWORK: c_int = 1;
/// `NRT_TENSOR_PLACEMENT_DEVICE`, `NRT_TENSOR_PLACEMENT_HOST`.
pub(crate) const PLACEMENT: [c_int; 2] = [0, 1];
/// `vnc_count` of `nrt_load`: deprecated, always this.
pub(crate) const ANY_COUNT: i32 = -1;

/// `nrt_tensor_info_t`, 296 bytes.
#[repr(C)]
pub(crate) struct RawTensorInfo {
    pub(crate) name: [c_char; 256],
    pub(crate) usage: c_int,
    pub(crate) size: usize,
    pub(crate) dtype: c_int,
    pub(crate) shape: *const u32,
    pub(crate) ndim: u32,
}

/// The head of `nrt_tensor_info_array_t`; `count` infos follow.
#[repr(C)]
pub(crate) struct RawTensorInfos {
    pub(crate) count: u64,
    pub(crate) infos: [RawTensorInfo; 0],
}

/// `nrt_version_t`.
#[repr(C)]
pub(crate) struct RawVersion {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) patch: u64,
    pub(crate) maintenance: u64,
    pub(crate) detail: [c_char; 128],
    pub(crate) git_hash: [c_char; 64],
}

/// `nrt_instance_info_t`.
#[repr(C)]
pub(crate) struct RawInstance {
    pub(crate) family: u32,
    pub(crate) size: u32,
    pub(crate) arch_name: [c_char; 16],
    pub(crate) device_revision: [c_char; 8],
}

/// `nrt_vnc_memory_stats_t`. Newer libraries append fields and are told this size.
#[repr(C)]
pub(crate) struct RawMemory {
    pub(crate) bytes_used: usize,
    pub(crate) bytes_limit: usize,
}

const _: () = assert!(size_of::<RawTensorInfo>() == 296, "nrt_tensor_info_t has 296 bytes");
const _: () = assert!(std::mem::offset_of!(RawTensorInfos, infos) == 8, "the infos follow the count");

macro_rules! functions {
    ($($name:ident: fn($($arg:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions that are used, and the library they belong to.
        pub(crate) struct Functions {
            $(pub(crate) $name: unsafe extern "C" fn($($arg),*) $(-> $result)?,)*
            // Last: the pointers are good as long as the library is open.
            _library: Library,
        }

        impl Functions {
            /// Opens the library and looks every function up.
            ///
            /// # Errors
            /// [`NeuronError::Library`] if it does not load, [`NeuronError::Symbol`] for the first function that it lacks.
            pub(crate) fn open(path: &Path) -> Result<Self, NeuronError> {
                // SAFETY: the initialisers of the file run; it is the installed runtime, or the one that the user named.
                let library = unsafe { Library::new(path) }
                    .map_err(|source| NeuronError::Library { path: path.to_owned(), source })?;
                $(
                    // SAFETY: the signature is the one that the runtime's documents give for this name.
                    let $name = *unsafe {
                        library.get::<unsafe extern "C" fn($($arg),*) $(-> $result)?>(concat!(stringify!($name), "\0").as_bytes())
                    }
                    .map_err(|source| NeuronError::Symbol { path: PathBuf::from(path), symbol: stringify!($name), source })?;
                )*
                Ok(Self { $($name,)* _library: library })
            }

            /// Names of the functions, for documents and tests.
            pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];
        }
    };
}

functions! {
    nrt_init: fn(c_int, *const c_char, *const c_char) -> c_int;
    nrt_close: fn();
    nrt_get_version: fn(*mut RawVersion, usize) -> c_int;
    nrt_get_instance_info: fn(*mut RawInstance, usize) -> c_int;
    nrt_get_total_vnc_count: fn(*mut u32) -> c_int;
    nrt_get_visible_vnc_count: fn(*mut u32) -> c_int;
    nrt_get_vnc_memory_stats: fn(u32, *mut RawMemory, usize, *mut usize) -> c_int;
    nrt_load: fn(*const c_void, usize, i32, i32, *mut Handle) -> c_int;
    nrt_unload: fn(Handle) -> c_int;
    nrt_get_model_tensor_info: fn(Handle, *mut *mut RawTensorInfos) -> c_int;
    nrt_free_model_tensor_info: fn(*mut RawTensorInfos) -> c_int;
    nrt_tensor_allocate: fn(c_int, c_int, usize, *const c_char, *mut Handle) -> c_int;
    nrt_tensor_free: fn(*mut Handle);
    nrt_tensor_get_size: fn(Handle) -> usize;
    nrt_tensor_write: fn(Handle, *const c_void, usize, usize) -> c_int;
    nrt_tensor_read: fn(Handle, *mut c_void, usize, usize) -> c_int;
    nrt_allocate_tensor_set: fn(*mut Handle) -> c_int;
    nrt_destroy_tensor_set: fn(*mut Handle);
    nrt_add_tensor_to_tensor_set: fn(Handle, *const c_char, Handle) -> c_int;
    nrt_execute: fn(Handle, Handle, Handle) -> c_int;
}
