//! Process-wide switches of libtorch that change results, set explicitly and recorded.
//!
//! The bindings do not reach them, so the functions of `at::Context` are looked up in the library that is already loaded.
#![expect(unsafe_code, reason = "the switches are C++ functions looked up by name")]

use portbench_backend::BackendError;
use std::ffi::c_void;

/// `at::globalContext()`.
const CONTEXT: &[u8] = b"_ZN2at13globalContextEv\0";
/// Setters of `at::Context` that take one `bool`, with the setting they are recorded under.
const TF32: [(&str, &[u8]); 2] = [
    ("tf32.cublas", b"_ZN2at7Context18setAllowTF32CuBLASEb\0"),
    ("tf32.cudnn", b"_ZN2at7Context17setAllowTF32CuDNNEb\0"),
];

/// Sets whether `f32` products and convolutions on a GPU may round their operands to TF32.
///
/// # Errors
/// [`BackendError::Unavailable`] where this libtorch has no such switch.
pub(crate) fn set_tf32(allow: bool) -> Result<Vec<(&'static str, bool)>, BackendError> {
    let unavailable = |error: libloading::Error| BackendError::Unavailable {
        what: format!("libtorch's TF32 switch ({error})"),
        hint: "use libtorch 2.9, which scripts/setup-libtorch installs".into(),
    };
    // SAFETY: the library is loaded already (this program is linked to it); opening it again runs nothing.
    let library = unsafe { libloading::Library::new("libtorch_cpu.so") }.map_err(unavailable)?;
    // SAFETY: the mangled name fixes the signature: no arguments, a reference to a static object.
    let context =
        unsafe { library.get::<unsafe extern "C" fn() -> *mut c_void>(CONTEXT) }.map_err(unavailable)?;
    let mut set = Vec::new();
    for (name, symbol) in TF32 {
        // SAFETY: the mangled name fixes the signature: a member function with one `bool`, which takes `this` first (Itanium C++ ABI).
        let switch =
            unsafe { library.get::<unsafe extern "C" fn(*mut c_void, bool)>(symbol) }.map_err(unavailable)?;
        // SAFETY: the context lives as long as the process; the switch is a store into it.
        unsafe { switch(context(), allow) };
        set.push((name, allow));
    }
    Ok(set)
}
