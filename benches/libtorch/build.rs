//! Lets the benchmark find the libtorch that it was linked with.

fn main() {
    // torch-sys says where it is.
    if let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
