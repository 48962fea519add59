//! What errors of this crate mean to whoever executes through it.

use portbench_backend::{BackendError, with_causes};

use crate::error::NeuronError;
use crate::status::NrtStatus;

impl From<NeuronError> for BackendError {
    fn from(error: NeuronError) -> Self {
        match &error {
            NeuronError::NoLibrary { .. } | NeuronError::Library { .. } | NeuronError::Symbol { .. } => {
                Self::Unavailable { what: "libnrt".into(), hint: with_causes(&error) }
            }
            NeuronError::Settings(_) => {
                Self::Unavailable { what: "the device".into(), hint: with_causes(&error) }
            }
            NeuronError::Status { call, place, status } => match status {
                // Whatever initialising ends with, there is no device to use.
                NrtStatus::NotEnoughCores | NrtStatus::CoreBusy => Self::Unavailable {
                    what: format!("a free NeuronCore ({call} on {place}: {status})"),
                    hint: status.way_out().to_owned(),
                },
                _ if *call == "nrt_init" => Self::Unavailable {
                    what: format!("the Neuron runtime ({call}: {status})"),
                    hint: status.way_out().to_owned(),
                },
                NrtStatus::Resource | NrtStatus::HostMemory => {
                    Self::OutOfMemory { detail: with_causes(&error) }
                }
                NrtStatus::Timeout => Self::TimedOut { detail: with_causes(&error) },
                _ => Self::Device { place: place.clone(), source: Box::new(error) },
            },
            NeuronError::Neff { place, what } | NeuronError::Unfit { place, what } => {
                Self::Value { place: place.clone(), message: what.clone() }
            }
            _ => Self::Device { place: "libnrt".into(), source: Box::new(error) },
        }
    }
}
