//! How everything stands, and the way out where it does not.

use std::fmt;

use portbench_backend::with_causes;

use super::{COMPILER, Host, LIST, MONITOR};
use crate::compiler::LNC_VARIABLE;

/// The script that installs what is missing.
const SET_UP: &str = "scripts/setup-neuron";

/// How one thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There, and as it should be.
    Ok,
    /// Not there.
    Missing,
    /// There, and not as it should be.
    Wrong,
}

impl State {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Wrong => "wrong",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub what: &'static str,
    /// How it stands.
    pub state: State,
    /// What was found, or what is missing and how to get it.
    pub detail: String,
}

impl Host {
    /// How everything stands, in the order in which it has to be put right. One line where there is nothing of Neuron.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        if !self.is_neuron() {
            let detail = format!(
                "no device, driver, runtime or tools: run {SET_UP} on a Trn or Inf2 instance; `plan --target trn2` says what Trainium would not take"
            );
            return vec![Check { what: "AWS Neuron", state: State::Missing, detail }];
        }
        let mut checks = vec![self.devices(), self.driver_check(), self.runtime_check()];
        checks.extend([self.listing_check(), self.monitor_check(), self.compiler_check()]);
        checks.extend(self.lnc_check());
        checks.extend(self.holders_check());
        checks
    }

    fn devices(&self) -> Check {
        let what = "Neuron devices";
        if self.device_files == 0 {
            let detail = if self.driver.version.is_some() {
                "the driver is loaded and there is no /dev/neuron0: this is no Trn or Inf2 instance, or a container without its devices (docker run --device=/dev/neuron0)".into()
            } else {
                format!(
                    "no /dev/neuron0: compiling is possible here, running needs a Trn or Inf2 instance and the driver ({SET_UP})"
                )
            };
            return Check { what, state: State::Missing, detail };
        }
        let mut told = vec![format!("{} device file(s)", self.device_files)];
        told.extend(self.instance_type().map(str::to_owned));
        if let Some(device) = self.driver.devices.first() {
            told.extend([device.device.clone(), device.architecture.clone()].into_iter().flatten());
        }
        Check { what, state: State::Ok, detail: told.join(", ") }
    }

    fn driver_check(&self) -> Check {
        let what = "Neuron driver";
        let errors: u64 =
            self.driver.devices.iter().filter_map(|d| d.uncorrected_errors).fold(0, u64::saturating_add);
        if errors > 0 {
            let detail = format!(
                "{errors} uncorrected memory error(s) since it was loaded: results of this device cannot be trusted; stop and start the instance"
            );
            return Check { what, state: State::Wrong, detail };
        }
        match (&self.driver.version, self.driver.devices.len()) {
            (Some(version), devices) => {
                Check { what, state: State::Ok, detail: format!("{version}, {devices} device(s) in sysfs") }
            }
            (None, 0) => Check {
                what,
                state: State::Missing,
                detail: format!("{SET_UP} installs aws-neuronx-dkms; then `sudo modprobe neuron`"),
            },
            (None, devices) => Check {
                what,
                state: State::Ok,
                detail: format!("{devices} device(s) in sysfs, version not told"),
            },
        }
    }

    fn runtime_check(&self) -> Check {
        let what = "Neuron runtime";
        match &self.runtime {
            None => Check {
                what,
                state: State::Missing,
                detail: format!("no libnrt.so.1: {SET_UP} installs aws-neuronx-runtime-lib"),
            },
            Some(Err(error)) => Check { what, state: State::Wrong, detail: with_causes(error) },
            Some(Ok(facts)) => {
                let cores = facts.cores.map_or_else(
                    || ", which counts no cores".to_owned(),
                    |[total, visible]| format!(", {visible} of {total} logical cores visible"),
                );
                Check {
                    what,
                    state: State::Ok,
                    detail: format!("libnrt {}{cores}: {}", facts.version, facts.path.display()),
                }
            }
        }
    }

    fn listing_check(&self) -> Check {
        let what = LIST;
        match &self.listing {
            None => {
                Check { what, state: State::Missing, detail: format!("{SET_UP} installs aws-neuronx-tools") }
            }
            Some(Err(error)) => Check { what, state: State::Wrong, detail: with_causes(error) },
            Some(Ok(listing)) if listing.devices.is_empty() => {
                let detail = "no device: this is no Trn or Inf2 instance, or a container without its devices (docker run --device=/dev/neuron0)".into();
                Check { what, state: State::Missing, detail }
            }
            Some(Ok(listing)) => {
                let mut told = vec![format!("{} chip(s)", listing.devices.len())];
                told.extend(listing.cores().map(|n| format!("{n} logical cores")));
                told.extend(self.lnc().map(|n| format!("LNC {n}")));
                let gib = |bytes| format!("{:.0} GiB", bytes as f64 / (1u64 << 30) as f64);
                told.extend(listing.memory_bytes().map(gib));
                Check { what, state: State::Ok, detail: told.join(", ") }
            }
        }
    }

    fn monitor_check(&self) -> Check {
        let what = MONITOR;
        match &self.monitor {
            None => Check {
                what,
                state: State::Missing,
                detail: format!("no telemetry without it: {SET_UP} installs aws-neuronx-tools"),
            },
            Some(Err(error)) => Check { what, state: State::Wrong, detail: with_causes(error) },
            Some(Ok(report)) => {
                let hardware = report.hardware.clone().unwrap_or_default();
                let mut told: Vec<String> =
                    [hardware.device, hardware.core_version].into_iter().flatten().collect();
                told.push(format!("{} process(es) with a runtime", report.processes.len()));
                if let Some(complaint) = report.complaints.first() {
                    told.push(format!("it complains: {complaint}"));
                }
                Check { what, state: State::Ok, detail: told.join(", ") }
            }
        }
    }

    fn compiler_check(&self) -> Check {
        let what = COMPILER;
        match &self.compiler {
            None => {
                let detail = "not on the PATH: source /opt/aws_neuronx_venv_*/bin/activate on a Deep Learning AMI, elsewhere scripts/setup-neuron".into();
                Check { what, state: State::Missing, detail }
            }
            Some(Err(error)) => Check { what, state: State::Wrong, detail: with_causes(error) },
            Some(Ok(version)) => Check { what, state: State::Ok, detail: version.clone() },
        }
    }

    /// What stands against the logical cores that programs are compiled for here: those that the environment says, else the target's own. `None` where this machine
    /// has such, or nobody knows what it has.
    #[must_use]
    pub fn lnc_conflict(&self) -> Option<String> {
        let told = self.lnc()?;
        let Some(asked) = self.lnc_asked() else {
            let target = self.target()?;
            let own = target.default_lnc();
            return (own != told).then(|| {
                format!(
                    "this machine has logical cores of {told}, and programs for {target} are compiled for {own} where nobody says otherwise: export {LNC_VARIABLE}={told}"
                )
            });
        };
        (asked != told.to_string()).then(|| {
            format!(
                "{LNC_VARIABLE}={asked}, and this machine has logical cores of {told}: unset it, or compile and run everything with --lnc {asked}"
            )
        })
    }

    fn lnc_asked(&self) -> Option<&str> {
        self.lnc.as_deref().map(str::trim).filter(|v| !v.is_empty())
    }

    /// Whether programs are compiled for the logical cores of this machine; silent where nobody says anything and all is well.
    fn lnc_check(&self) -> Option<Check> {
        let what = "logical cores";
        if let Some(detail) = self.lnc_conflict() {
            return Some(Check { what, state: State::Wrong, detail });
        }
        let asked = self.lnc_asked().filter(|_| self.lnc().is_some())?;
        Some(Check { what, state: State::Ok, detail: format!("{asked}, as this machine has them") })
    }

    /// Processes that hold cores; silent where there are none.
    fn holders_check(&self) -> Option<Check> {
        let holders = self.listed()?.holders();
        if holders.is_empty() {
            return None;
        }
        let pids: Vec<String> = holders.iter().map(u32::to_string).collect();
        let detail = format!(
            "held by process {}: end it, or leave it its cores by NEURON_RT_VISIBLE_CORES",
            pids.join(", ")
        );
        Some(Check { what: "NeuronCores", state: State::Wrong, detail })
    }
}
