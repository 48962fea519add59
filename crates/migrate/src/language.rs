//! What a file is written in, by its name and first line.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Python.
    Python,
    /// A Jupyter notebook, of which the Python cells count.
    Notebook,
    /// C, C++, CUDA.
    Cpp,
    /// CMake.
    Cmake,
    /// Rust.
    Rust,
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
    /// A shell's script.
    Shell,
    /// A Dockerfile.
    Docker,
    /// A makefile.
    Make,
    /// A list of Python packages, one a line.
    Requirements,
    /// `setup.cfg` and its like.
    Ini,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 12] = [
        Self::Python,
        Self::Notebook,
        Self::Cpp,
        Self::Cmake,
        Self::Rust,
        Self::Toml,
        Self::Yaml,
        Self::Shell,
        Self::Docker,
        Self::Make,
        Self::Requirements,
        Self::Ini,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Notebook => "notebook",
            Self::Cpp => "cpp",
            Self::Cmake => "cmake",
            Self::Rust => "rust",
            Self::Toml => "toml",
            Self::Yaml => "yaml",
            Self::Shell => "shell",
            Self::Docker => "docker",
            Self::Make => "make",
            Self::Requirements => "requirements",
            Self::Ini => "ini",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What it is written in.
    pub language: Language,
    /// Whether it says which Python packages a project needs.
    pub requirements: bool,
}

impl Kind {
    /// By the last part of its path; `None` for what is not read (prose, data, lock files), unless its first line names an interpreter.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let (stem, ending) = lower.rsplit_once('.').unwrap_or((&lower, ""));
        if lower.contains("lock") && matches!(ending, "lock" | "json" | "toml" | "yaml" | "yml") {
            return None;
        }
        let lists = |words: &[&str]| words.iter().any(|word| stem.contains(word));
        let (language, requirements) = match ending {
            "py" | "pyi" => (Language::Python, lower == "setup.py"),
            "ipynb" => (Language::Notebook, false),
            "c" | "cc" | "cpp" | "cxx" | "cu" | "cuh" | "h" | "hh" | "hpp" | "hxx" | "inl" | "inc"
            | "hip" => (Language::Cpp, false),
            "cmake" => (Language::Cmake, false),
            "rs" => (Language::Rust, false),
            "toml" => (Language::Toml, lower == "pyproject.toml"),
            "yml" | "yaml" => (Language::Yaml, lists(&["environment", "conda", "requirement"])),
            "sh" | "bash" | "zsh" | "slurm" | "sbatch" => (Language::Shell, false),
            "dockerfile" => (Language::Docker, false),
            "mk" => (Language::Make, false),
            "cfg" => (Language::Ini, lower == "setup.cfg"),
            "txt" if lower == "cmakelists.txt" => (Language::Cmake, false),
            "txt" | "in" if lists(&["requirement", "constraint", "dependencies"]) => {
                (Language::Requirements, true)
            }
            _ if lower.starts_with("dockerfile") || lower.starts_with("containerfile") => {
                (Language::Docker, false)
            }
            _ if matches!(lower.as_str(), "makefile" | "gnumakefile") => (Language::Make, false),
            _ if lower == "pipfile" => (Language::Toml, true),
            _ => return None,
        };
        Some(Self { language, requirements })
    }

    /// By the whole path: text files of a folder `requirements` are lists of packages as well.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let mut parts = path.rsplit(['/', '\\']);
        let name = parts.next().unwrap_or_default();
        Self::of_name(name).or_else(|| {
            let listed = name.ends_with(".txt") && parts.next() == Some("requirements");
            listed.then_some(Self { language: Language::Requirements, requirements: true })
        })
    }

    /// By the first line of a file without an ending.
    #[must_use]
    pub fn of_interpreter(text: &[u8]) -> Option<Self> {
        let line = text.split(|b| *b == b'\n').next()?.strip_prefix(b"#!")?;
        let line = String::from_utf8_lossy(line);
        let language = if line.contains("python") {
            Language::Python
        } else if line.trim_end().ends_with("sh") {
            Language::Shell
        } else {
            return None;
        };
        Some(Self { language, requirements: false })
    }
}
