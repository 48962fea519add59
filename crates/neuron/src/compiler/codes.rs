//! The compiler's error codes: what kind each is and the way out. From AWS's pages of error codes (SDK 2.32); the words are ours.

use serde::{Deserialize, Serialize};

/// Kinds of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// An op, or a form of it, that the target does not have.
    Op,
    /// An element type that the target does not have.
    ElementType,
    /// A dimension that is not known at compile time.
    DynamicShape,
    /// More device memory than a core has.
    DeviceMemory,
    /// More instructions than a program may have.
    TooLarge,
    /// Flags that do not go together or with the target.
    Flags,
    /// An index outside of its tensor.
    OutOfBounds,
    /// A custom call that the compiler does not know, or with wrong operands.
    CustomCall,
    /// A graph that is no valid HLO.
    InvalidGraph,
    /// A fault of the compiler itself.
    Internal,
    /// A code that this version of portbench does not know.
    Unknown,
}

impl Refusal {
    /// The word, as in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Op => "op",
            Self::ElementType => "element-type",
            Self::DynamicShape => "dynamic-shape",
            Self::DeviceMemory => "device-memory",
            Self::TooLarge => "too-large",
            Self::Flags => "flags",
            Self::OutOfBounds => "out-of-bounds",
            Self::CustomCall => "custom-call",
            Self::InvalidGraph => "invalid-graph",
            Self::Internal => "internal",
            Self::Unknown => "unknown",
        }
    }
}

const ALTERNATIVE: &str = "express it in other ops (neuronx-cc list-operators --framework XLA lists those there are), or write a kernel in NKI";
const SMALLER: &str = "use a smaller batch, shorter sequences or bf16, or spread over cores";
const OTHER_TYPE: &str = "convert to f32, bf16 or f16, or to 32-bit integers, before it";
const SPLIT: &str =
    "use fewer layers or a smaller batch in one program, a lower --optlevel, or spread over cores";

/// Codes without the prefix `NCC_`, in groups.
const GROUPS: [(&[&str], Refusal, &str); 13] = [
    (&["EARG001"], Refusal::Flags, "use --lnc 1 on trn1 and inf2, 1 or 2 on trn2 and trn3"),
    (&["EMOD025"], Refusal::DynamicShape, "pad to a bucket, so that every dimension is known"),
    (&["EOOM001", "EOOM002", "EVRF009", "EXSP001"], Refusal::DeviceMemory, SMALLER),
    (&["EBVF030", "EVRF007", "EXTP004"], Refusal::TooLarge, SPLIT),
    (&["EUOC002", "EVRF001", "EVRF029"], Refusal::Op, ALTERNATIVE),
    (
        &["EVRF010", "EVRF011", "EVRF017", "EVRF018", "EVRF019"],
        Refusal::Op,
        "leave out the dilation, or do it apart",
    ),
    (&["EVRF006"], Refusal::Op, "use the framework's default random numbers"),
    (&["EBIR023"], Refusal::Op, "cut the kernel's inner dimension to 4096 or less"),
    (
        &[
            "EVRF004", "EVRF005", "EVRF013", "EVRF016", "EVRF022", "EVRF051", "EVRF052", "ESFH002",
            "ESPP004", "ESPP047",
        ],
        Refusal::ElementType,
        OTHER_TYPE,
    ),
    (
        &["EVRF035", "EVRF060", "EVRF061", "EVRF062", "EVRF063"],
        Refusal::ElementType,
        "convert to a float type, or leave --int64 off, which allows the loss",
    ),
    (&["EVRF031", "EVRF056"], Refusal::OutOfBounds, "keep ids and positions inside the tensors they index"),
    (
        &["EVRF064"],
        Refusal::InvalidGraph,
        "report this as a bug of portbench or of the framework, with the compiler's log",
    ),
    (&["EHCA005", "EVRF015", "EVRF059", "EVRF065"], Refusal::CustomCall, ALTERNATIVE),
];

/// The calls of quantised matrix products, `EVRF036` to `EVRF058` but for those above.
const QUANTISED: std::ops::RangeInclusive<u32> = 36..=58;

/// What a code such as `NCC_EVRF013` means.
#[must_use]
pub fn meaning(code: &str) -> (Refusal, &'static str) {
    let name = code.strip_prefix("NCC_").unwrap_or(code);
    if let Some((_, kind, way_out)) = GROUPS.iter().find(|(codes, ..)| codes.contains(&name)) {
        return (*kind, way_out);
    }
    let number = name.strip_prefix("EVRF").and_then(|n| n.parse().ok());
    if number.is_some_and(|n: u32| QUANTISED.contains(&n)) {
        return (Refusal::CustomCall, "give the quantised product the operands that its error page asks for");
    }
    // The letter after the prefix: E for an error of the program, I for one of the compiler's own.
    if name.starts_with('I') {
        return (
            Refusal::Internal,
            "try another version of the compiler or another --optlevel, and report it to AWS with its log",
        );
    }
    (Refusal::Unknown, "look the code up in AWS's list of compiler error codes")
}
