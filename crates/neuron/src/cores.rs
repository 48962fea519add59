//! Which NeuronCores a process may use: what the environment shows it, as the runtime reads it.

use std::env;

use crate::error::NeuronError;

/// Shows a process its logical cores: numbers and ranges, such as `3` or `0,4-7`. It wins over [`CORE_COUNT_VARIABLE`].
pub const VISIBLE_CORES_VARIABLE: &str = "NEURON_RT_VISIBLE_CORES";
/// Shows a process that many logical cores; 0 is all of them.
pub const CORE_COUNT_VARIABLE: &str = "NEURON_RT_NUM_CORES";
/// More cores than any instance has: 64 chips of 8.
const MOST: u32 = 512;

/// The logical cores that the environment shows to this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibleCores {
    shown: Option<Vec<u32>>,
    /// The variable with its value, for messages.
    said: String,
}

impl VisibleCores {
    /// What this process' environment shows.
    ///
    /// # Errors
    /// As [`VisibleCores::read`].
    pub fn of_environment() -> Result<Self, NeuronError> {
        let value = |name| env::var(name).ok();
        Self::read(value(VISIBLE_CORES_VARIABLE).as_deref(), value(CORE_COUNT_VARIABLE).as_deref())
    }

    /// What these values of [`VISIBLE_CORES_VARIABLE`] and [`CORE_COUNT_VARIABLE`] show.
    ///
    /// # Errors
    /// [`NeuronError::Settings`] for values that are no cores, or name one twice.
    pub fn read(cores: Option<&str>, count: Option<&str>) -> Result<Self, NeuronError> {
        let given = |value: Option<&str>| value.map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
        if let Some(cores) = given(cores) {
            let said = format!("{VISIBLE_CORES_VARIABLE}={cores}");
            let shown = list(&cores).ok_or_else(|| {
                NeuronError::Settings(format!(
                    "{said} names no NeuronCores: write numbers below {MOST} and ranges, each core once, such as 3 or 0,4-7, or unset it"
                ))
            })?;
            return Ok(Self { shown: Some(shown), said });
        }
        let Some(count) = given(count) else { return Ok(Self { shown: None, said: String::new() }) };
        let said = format!("{CORE_COUNT_VARIABLE}={count}");
        match count.parse::<u32>() {
            Ok(0) => Ok(Self { shown: None, said: String::new() }),
            Ok(count) if count <= MOST => Ok(Self { shown: Some((0..count).collect()), said }),
            _ => Err(NeuronError::Settings(format!(
                "{said} is no number of NeuronCores: write one up to {MOST}, or unset it"
            ))),
        }
    }

    /// The cores in the order in which a process counts them; `None` where nothing is said, which shows all.
    #[must_use]
    pub fn shown(&self) -> Option<&[u32]> {
        self.shown.as_deref()
    }

    /// The core that the device `neuron:N` is: the N-th one that is shown, counted from 0.
    ///
    /// # Errors
    /// [`NeuronError::Settings`] with both values where fewer are shown.
    pub fn nth(&self, n: u32) -> Result<u32, NeuronError> {
        let Some(shown) = &self.shown else {
            if n < MOST {
                return Ok(n);
            }
            return Err(NeuronError::Settings(format!("neuron:{n} is beyond what any instance has")));
        };
        shown.get(n as usize).copied().ok_or_else(|| {
            let last = shown.len().saturating_sub(1);
            NeuronError::Settings(format!(
                "{} shows {} NeuronCore(s), neuron:0 to neuron:{last}, and neuron:{n} is not one of them: take one of those, or unset the variable",
                self.said,
                shown.len()
            ))
        })
    }
}

/// Numbers and ranges, which include both ends; `None` for anything else, for a core twice, and for none.
fn list(text: &str) -> Option<Vec<u32>> {
    let mut cores = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse::<u32>().ok()?, last.trim().parse::<u32>().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        cores.extend(first..=last);
    }
    let mut once = cores.clone();
    once.sort_unstable();
    once.dedup();
    (once.len() == cores.len()).then_some(cores)
}
