//! Process-wide switches of libtorch that change results, set explicitly and recorded.
//!
//! The bindings do not reach them, so the functions of `at::Context` are looked up in the library that is already loaded.
#![expect(unsafe_code, reason = "the switches are C++ functions looked up by name")]

use std::ffi::c_void;

use libloading::Library;
use portbench_backend::BackendError;

/// `at::globalContext()`.
const CONTEXT: &[u8] = b"_ZN2at13globalContextEv\0";
/// A setting as it is recorded, and the setter of `at::Context` that takes it, up to the types of its arguments.
type Switch = (&'static str, &'static str);
/// Whether `f32` products and convolutions on a GPU may round their operands to TF32.
const TF32: [Switch; 2] = [
    ("tf32.cublas", "_ZN2at7Context18setAllowTF32CuBLASE"),
    ("tf32.cudnn", "_ZN2at7Context17setAllowTF32CuDNNE"),
];
/// Whether products of 16-bit floats on a GPU may add partial sums in 16 bits. libtorch's default is that they may.
const REDUCTIONS: [Switch; 2] = [
    ("bf16-reduction.cublas", "_ZN2at7Context27setAllowBF16ReductionCuBLASE"),
    ("f16-reduction.cublas", "_ZN2at7Context27setAllowFP16ReductionCuBLASE"),
];

/// Sets the switches that decide how a GPU rounds: TF32 as asked, sums of 16-bit products in `f32` always. Returns all of them with their values.
///
/// # Errors
/// [`BackendError::Unavailable`] where this libtorch lacks one of them.
pub(crate) fn set(tf32: bool) -> Result<Vec<(&'static str, bool)>, BackendError> {
    let unavailable = |name: &str, error: libloading::Error| BackendError::Unavailable {
        what: format!("libtorch's switch `{name}` ({error})"),
        hint: "use libtorch 2.9, which scripts/setup-libtorch installs".into(),
    };
    // SAFETY: the library is loaded already (this program is linked to it); opening it again runs nothing.
    let library =
        unsafe { Library::new("libtorch_cpu.so") }.map_err(|e| unavailable("libtorch_cpu.so", e))?;
    // SAFETY: the mangled name fixes the signature: no arguments, a reference to a static object.
    let context = unsafe { library.get::<unsafe extern "C" fn() -> *mut c_void>(CONTEXT) }
        .map_err(|e| unavailable("at::globalContext", e))?;
    // SAFETY: as above.
    let context = unsafe { context() };
    let wanted = TF32.map(|s| (s, tf32)).into_iter().chain(REDUCTIONS.map(|s| (s, false)));
    wanted
        .map(|((name, setter), on)| {
            store(&library, context, setter, on).map_err(|e| unavailable(name, e))?;
            Ok((name, on))
        })
        .collect()
}

/// Calls a setter of the context with `on`. Libraries after 2.9 have a second `bool` in some: whether a sum may be split, which is their default.
fn store(library: &Library, context: *mut c_void, setter: &str, on: bool) -> Result<(), libloading::Error> {
    type One = unsafe extern "C" fn(*mut c_void, bool);
    type Two = unsafe extern "C" fn(*mut c_void, bool, bool);
    // SAFETY: the mangled name fixes the signature: a member function with one `bool`, which takes `this` first (Itanium C++ ABI).
    if let Ok(set) = unsafe { library.get::<One>(format!("{setter}b\0").as_bytes()) } {
        // SAFETY: the context lives as long as the process; the switch is a store into it.
        unsafe { set(context, on) };
        return Ok(());
    }
    // SAFETY: as above, with two.
    let set = unsafe { library.get::<Two>(format!("{setter}bb\0").as_bytes()) }?;
    // SAFETY: as above.
    unsafe { set(context, on, true) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_libtorch_has_every_switch() {
        // The functions are those of libtorch_cpu.so, so they are there without a GPU.
        assert!(tch::get_num_threads() > 0);
        let expected = vec![
            ("tf32.cublas", true),
            ("tf32.cudnn", true),
            ("bf16-reduction.cublas", false),
            ("f16-reduction.cublas", false),
        ];
        assert_eq!(set(true).map_err(|e| e.to_string()), Ok(expected));
    }
}
