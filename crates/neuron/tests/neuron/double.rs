//! The double of libnrt, compiled from `double/nrt.c`.
#![expect(unsafe_code, reason = "the double's own functions are called by name")]

use std::ffi::{CString, c_char};
use std::path::{Path, PathBuf};

use crate::files;
use libloading::Library as Dynamic;
use portbench_neuron::{Library, Runtime};
use tempfile::TempDir;

/// A copy of the double for one test: its state is its own, as a process's libnrt has its own.
pub(crate) struct Double {
    control: Dynamic,
    path: PathBuf,
    // Last: the file goes when nothing has it open.
    _directory: TempDir,
}

impl Double {
    /// Compiles the double with these flags.
    pub(crate) fn compile(flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("libnrt.so.1");
        files::libnrt(&path, flags);
        // SAFETY: the file was compiled above; it has no initialisers.
        let control = unsafe { Dynamic::new(&path) }.unwrap();
        Self { control, path, _directory: directory }
    }

    pub(crate) fn new() -> Self {
        Self::compile(&[])
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn library(&self) -> Library {
        Library::open(&self.path).unwrap()
    }

    pub(crate) fn runtime(&self) -> Runtime {
        self.library().initialise().unwrap()
    }

    /// From its `after`-th call on (0: the first), `call` answers `status`; 0 ends that.
    pub(crate) fn answer(&self, call: &str, status: i32, after: i64) {
        let name = CString::new(call).unwrap();
        // SAFETY: the signature stands in nrt.c.
        unsafe {
            let answer = self
                .control
                .get::<unsafe extern "C" fn(*const c_char, i32, i64)>(b"nrt_double_answer\0")
                .unwrap();
            answer(name.as_ptr(), status, after);
        }
    }

    pub(crate) fn calls(&self, call: &str) -> i64 {
        let name = CString::new(call).unwrap();
        // SAFETY: the signature stands in nrt.c.
        unsafe {
            let calls = self
                .control
                .get::<unsafe extern "C" fn(*const c_char) -> i64>(b"nrt_double_calls\0")
                .unwrap();
            calls(name.as_ptr())
        }
    }

    /// Objects of the double that are alive.
    pub(crate) fn live(&self) -> i64 {
        // SAFETY: the signature stands in nrt.c.
        unsafe { self.control.get::<unsafe extern "C" fn() -> i64>(b"nrt_double_live\0").unwrap()() }
    }

    /// 0 never initialised, 1 initialised, 2 closed.
    pub(crate) fn state(&self) -> i32 {
        // SAFETY: the signature stands in nrt.c.
        unsafe { self.control.get::<unsafe extern "C" fn() -> i32>(b"nrt_double_state\0").unwrap()() }
    }

    /// Bytes of device memory from now on.
    pub(crate) fn memory(&self, bytes: usize) {
        // SAFETY: the signature stands in nrt.c.
        unsafe { self.control.get::<unsafe extern "C" fn(usize)>(b"nrt_double_memory\0").unwrap()(bytes) }
    }

    /// The first executions wait until `lanes` of them are inside.
    pub(crate) fn hold(&self, lanes: i32) {
        // SAFETY: the signature stands in nrt.c.
        unsafe { self.control.get::<unsafe extern "C" fn(i32)>(b"nrt_double_hold\0").unwrap()(lanes) }
    }

    /// The most executions that were inside at once.
    pub(crate) fn most_inside(&self) -> i32 {
        // SAFETY: the signature stands in nrt.c.
        unsafe { self.control.get::<unsafe extern "C" fn() -> i32>(b"nrt_double_most_inside\0").unwrap()() }
    }

    /// Nothing of it lives, it was closed once, and nothing was done in a wrong order.
    pub(crate) fn assert_clean(&self) {
        // SAFETY: the signature stands in nrt.c.
        let misuses =
            unsafe { self.control.get::<unsafe extern "C" fn() -> u64>(b"nrt_double_misuses\0").unwrap()() };
        assert_eq!((self.live(), self.state(), misuses), (0, 2, 0), "live objects, state, misuses");
        assert_eq!(self.calls("nrt_close"), 1);
    }
}
