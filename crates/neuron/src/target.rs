//! What one compiles for: the target, the line of PyTorch on Neuron, the SDK.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::error::NeuronError;

/// Families of devices that the compiler knows (its `--target`). AWS's names of instances and their families (`trn1n`, `trn2u.48xlarge`) are read as the family's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Trainium.
    Trn1,
    /// Trainium2.
    Trn2,
    /// Trainium3.
    Trn3,
    /// Inferentia2.
    Inf2,
}

impl Target {
    /// Every target.
    pub const ALL: [Self; 4] = [Self::Trn1, Self::Trn2, Self::Trn3, Self::Inf2];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trn1 => "trn1",
            Self::Trn2 => "trn2",
            Self::Trn3 => "trn3",
            Self::Inf2 => "inf2",
        }
    }

    /// The target of an instance type or family, such as `trn1n.32xlarge`, `trn2u` or `Inf2`; `None` for other instances.
    #[must_use]
    pub fn of_instance(instance: &str) -> Option<Self> {
        let family = instance.split('.').next().unwrap_or_default().to_ascii_lowercase();
        Self::ALL.into_iter().find(|t| {
            family
                .strip_prefix(t.name())
                .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphabetic()) || rest.starts_with("pds"))
        })
    }

    /// The line that AWS offers for it: TorchNeuron where it runs, else PyTorch/XLA.
    #[must_use]
    pub const fn line(self) -> Line {
        match self {
            Self::Trn2 | Self::Trn3 => Line::Native,
            Self::Trn1 | Self::Inf2 => Line::Xla,
        }
    }

    /// Physical cores to a logical one that the compiler and the runtime take for granted: 2 where cores can be joined, else 1.
    #[must_use]
    pub const fn default_lnc(self) -> u32 {
        match self {
            Self::Trn2 | Self::Trn3 => 2,
            Self::Trn1 | Self::Inf2 => 1,
        }
    }

    /// Whether logical cores of two physical ones exist.
    #[must_use]
    pub const fn joins_cores(self) -> bool {
        self.default_lnc() == 2
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Target {
    type Err = NeuronError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::of_instance(s).ok_or_else(|| NeuronError::Word {
            what: "target",
            given: s.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// The two products that are called torch-neuronx. They share a package name and are never mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// torch-neuronx up to 2.9, over PyTorch/XLA.
    Xla,
    /// TorchNeuron (torch-neuronx 2.13 and later), with a device `neuron`.
    Native,
}

impl Line {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xla => "xla",
            Self::Native => "native",
        }
    }

    /// The line that a back end belongs to, where it belongs to one.
    #[must_use]
    pub fn of_backend(name: &str) -> Option<Self> {
        match name {
            "neuron-trace" => Some(Self::Xla),
            "neuron-native" => Some(Self::Native),
            _ => None,
        }
    }

    /// The newest SDK that ships it, as known when this was written.
    #[must_use]
    pub const fn newest_sdk(self) -> Sdk {
        match self {
            Self::Xla => Sdk { major: 2, minor: 31 },
            Self::Native => Sdk { major: 2, minor: 33 },
        }
    }
}

impl FromStr for Line {
    type Err = NeuronError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        [Self::Xla, Self::Native].into_iter().find(|line| line.name() == s).ok_or_else(|| NeuronError::Word {
            what: "line of torch-neuronx",
            given: s.to_owned(),
            known: "xla, native".into(),
        })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Version of the Neuron SDK: major, minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Sdk {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
}

impl FromStr for Sdk {
    type Err = NeuronError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let mut numbers = s.split('.').map(|n| n.parse().ok());
        let (major, minor) = (numbers.next().flatten(), numbers.next().flatten());
        let rest = numbers.all(|n: Option<u32>| n.is_some());
        match (major, minor, rest) {
            (Some(major), Some(minor), true) => Ok(Self { major, minor }),
            _ => Err(NeuronError::Word {
                what: "version of the Neuron SDK",
                given: s.to_owned(),
                known: "numbers such as 2.33".into(),
            }),
        }
    }
}

impl TryFrom<String> for Sdk {
    type Error = NeuronError;

    fn try_from(s: String) -> Result<Self, Self::Error> {
        s.parse()
    }
}

impl fmt::Display for Sdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
