//! Lets programs and tests of this crate find the libtorch that they were linked with, and compiles what the bindings leave out.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/optimizer/fused.cpp");
    // torch-sys says where it is.
    let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") else { return };
    println!("cargo:rustc-env=PORTBENCH_LIBTORCH_LIB={folder}");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    let include = Path::new(&folder).join("../include");
    cc::Build::new()
        .cpp(true)
        .pic(true)
        .std("c++17")
        .warnings(false)
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .file("src/optimizer/fused.cpp")
        .compile("portbench_fused");
}
