//! What somebody chose of the flags, as one text: so it reaches whoever compiles, through an environment variable.

use std::fmt;
use std::str::FromStr;

use super::flags::{AutoCast, Flags};
use crate::error::NeuronError;

/// The environment variable that carries [`Choices`], written as on the command line.
pub const FLAGS_VARIABLE: &str = "PORTBENCH_NEURON_FLAGS";

/// Flags that were chosen; the others are those of [`Flags::new`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Which `f32` computations may be done in another type.
    pub auto_cast: Option<AutoCast>,
    /// Level of optimisation.
    pub optlevel: Option<u8>,
    /// Physical cores to a logical one.
    pub lnc: Option<u32>,
    /// Whether integers have 64 bits.
    pub int64: bool,
}

impl Choices {
    /// Whether nothing was chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These, and of `others` what these leave open.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            auto_cast: self.auto_cast.or(others.auto_cast),
            optlevel: self.optlevel.or(others.optlevel),
            lnc: self.lnc.or(others.lnc),
            int64: self.int64 || others.int64,
        }
    }

    /// The flags with what was chosen.
    ///
    /// # Errors
    /// [`NeuronError`] for what the target does not have.
    pub fn apply(self, mut flags: Flags) -> Result<Flags, NeuronError> {
        if let Some(auto_cast) = self.auto_cast {
            flags = flags.auto_cast(auto_cast);
        }
        if let Some(level) = self.optlevel {
            flags = flags.optimize(level)?;
        }
        if let Some(lnc) = self.lnc {
            flags = flags.lnc(lnc)?;
        }
        if self.int64 { flags.int64(true) } else { Ok(flags) }
    }
}

impl fmt::Display for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            self.auto_cast.map(|cast| format!("--auto-cast {cast}")),
            self.optlevel.map(|level| format!("--optlevel {level}")),
            self.lnc.map(|lnc| format!("--lnc {lnc}")),
            self.int64.then(|| "--int64".to_owned()),
        ];
        f.write_str(&words.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

impl FromStr for Choices {
    type Err = NeuronError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let mut choices = Self::default();
        let mut words = s.split_whitespace();
        while let Some(flag) = words.next() {
            let mut value = || words.next().unwrap_or_default();
            match flag {
                "--auto-cast" => choices.auto_cast = Some(value().parse()?),
                "--optlevel" => choices.optlevel = Some(number(flag, value())?),
                "--lnc" => choices.lnc = Some(number(flag, value())?),
                "--int64" => choices.int64 = true,
                other => {
                    let known = "--auto-cast WAY, --optlevel N, --lnc N, --int64".into();
                    return Err(NeuronError::Word { what: "flag", given: other.to_owned(), known });
                }
            }
        }
        Ok(choices)
    }
}

fn number<N: FromStr>(flag: &str, value: &str) -> Result<N, NeuronError> {
    value.parse().map_err(|_| NeuronError::Settings(format!("{flag} `{value}`: it takes a number")))
}
