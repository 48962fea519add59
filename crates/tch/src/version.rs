//! Which libtorch is loaded.

use std::fs;
use std::path::Path;

/// Version of tch this crate is built with; a test holds it against the lock file.
pub(crate) const TCH: &str = "0.22.0";

/// Version of the libtorch in this process, from the files beside the library that is mapped into it; `unknown` where there are none.
pub(crate) fn libtorch() -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let library =
        maps.lines().filter_map(|l| l.split_once('/')).find(|(_, p)| p.ends_with("libtorch_cpu.so"));
    let root = library.and_then(|(_, p)| Path::new("/").join(p).parent()?.parent().map(Path::to_owned));
    let Some(root) = root else { return "unknown".to_owned() };
    // A stand-alone libtorch has `build-version`, a Python wheel `version.py`.
    if let Ok(text) = fs::read_to_string(root.join("build-version")) {
        return text.trim().to_owned();
    }
    let text = fs::read_to_string(root.join("version.py")).unwrap_or_default();
    text.lines().find_map(python_version).unwrap_or_else(|| "unknown".to_owned())
}

/// Reads `__version__ = '2.9.0+cu128'`.
fn python_version(line: &str) -> Option<String> {
    let value = line.strip_prefix("__version__")?.split(['\'', '"']).nth(1)?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binding_is_the_locked_one() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"tch\"\nversion = \"{TCH}\"")));
    }

    #[test]
    fn the_loaded_library_is_found() {
        assert!(tch::get_num_threads() > 0);
        assert!(libtorch().starts_with("2."), "{}", libtorch());
    }

    #[test]
    fn a_wheel_says_its_version() {
        assert_eq!(python_version("__version__ = '2.9.0+cu128'").as_deref(), Some("2.9.0+cu128"));
        assert_eq!(python_version("debug = False"), None);
    }
}
