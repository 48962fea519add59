//! What there is of Neuron on this host: devices, driver, runtime library, tools, compiler. Looking takes no NeuronCore.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use portbench_backend::with_causes;

use crate::compiler::LNC_VARIABLE;
use crate::error::NeuronError;
use crate::library::{Library, locate};
use crate::machine::Listing;
use crate::monitor::Report;
use crate::sysfs::Driver;
use crate::target::Target;

/// Where `aws-neuronx-tools` installs its programs.
const TOOLS_PLACE: &str = "/opt/aws/neuron/bin";
const LIST: &str = "neuron-ls";
const MONITOR: &str = "neuron-monitor";
const COMPILER: &str = "neuronx-cc";
/// How long the monitor may take for its first report; by its documents it is immediate, and every 5 s after that.
const PATIENCE: Duration = Duration::from_secs(15);
/// More bytes than a report has.
const MOST_REPORT: u64 = 64 << 20;
/// The script that installs what is missing.
const SET_UP: &str = "scripts/setup-neuron";

/// Where to look. [`Places::default`] is this machine; tests give places of their own.
#[derive(Clone, Debug)]
pub struct Places {
    /// The root of sysfs.
    pub sysfs: PathBuf,
    /// The directory of device files.
    pub dev: PathBuf,
    /// Directories of programs, in order.
    pub programs: Vec<PathBuf>,
    /// The runtime library; `None` to look where it is installed.
    pub libnrt: Option<PathBuf>,
    /// What the environment says of logical cores.
    pub lnc: Option<String>,
}

impl Default for Places {
    fn default() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let programs = env::split_paths(&path).chain([PathBuf::from(TOOLS_PLACE)]).collect();
        Self {
            sysfs: "/sys".into(),
            dev: "/dev".into(),
            programs,
            libnrt: None,
            lnc: env::var(LNC_VARIABLE).ok(),
        }
    }
}

impl Places {
    fn find(&self, name: &str) -> Option<PathBuf> {
        self.programs.iter().map(|d| d.join(name)).find(|p| p.is_file())
    }
}

/// What there is.
#[derive(Debug)]
pub struct Host {
    /// Device files `/dev/neuronN`.
    pub device_files: usize,
    /// What the driver shows.
    pub driver: Driver,
    /// What the runtime library says of itself; `None` where there is none.
    pub runtime: Option<Result<RuntimeFacts, NeuronError>>,
    /// What `neuron-ls` says; `None` where there is no such program.
    pub listing: Option<Result<Listing, NeuronError>>,
    /// What `neuron-monitor` reports first; `None` where there is no such program, or it was not asked.
    pub monitor: Option<Result<Report, NeuronError>>,
    /// Version of the compiler, or why it does not tell; `None` where there is none, or it was not asked.
    pub compiler: Option<Result<String, NeuronError>>,
    lnc: Option<String>,
}

/// What the runtime library says without being initialised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeFacts {
    /// The file.
    pub path: PathBuf,
    /// Its version.
    pub version: String,
    /// Logical cores of the machine, and those visible to this process, where it counts any.
    pub cores: Option<[u32; 2]>,
}

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
    /// Looks at this host. Programs are started, and some take seconds.
    #[must_use]
    pub fn look(places: &Places) -> Self {
        Self {
            monitor: places.find(MONITOR).map(|program| first_report(&program)),
            compiler: places.find(COMPILER).map(compiler_version),
            ..Self::look_briefly(places)
        }
    }

    /// The same without monitor and compiler, for who wants to know the target or the cores only.
    #[must_use]
    pub fn look_briefly(places: &Places) -> Self {
        let library = places.libnrt.clone().map_or_else(locate, Ok).ok().filter(|p| p.is_file());
        Self {
            device_files: device_files(&places.dev),
            driver: Driver::read(&places.sysfs),
            runtime: library.map(|path| runtime_facts(&path)),
            listing: places.find(LIST).map(|program| list(&program)),
            monitor: None,
            compiler: None,
            lnc: places.lnc.clone(),
        }
    }

    /// Whether there is anything of Neuron at all.
    #[must_use]
    pub fn is_neuron(&self) -> bool {
        self.device_files > 0
            || !self.driver.devices.is_empty()
            || self.driver.version.is_some()
            || self.runtime.is_some()
            || self.listing.is_some()
            || self.compiler.is_some()
    }

    /// Whether a program can run here: there is a device.
    #[must_use]
    pub fn has_device(&self) -> bool {
        self.device_files > 0
    }

    /// The type of the instance, as far as somebody tells it.
    #[must_use]
    pub fn instance_type(&self) -> Option<&str> {
        let listed = self.listed().and_then(|l| l.instance_type.as_deref());
        let monitored = || self.monitor.as_ref()?.as_ref().ok()?.instance_type.as_deref();
        listed
            .or_else(monitored)
            .or_else(|| self.driver.devices.iter().find_map(|d| d.instance_type.as_deref()))
    }

    /// What a program has to be compiled for to run here.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        self.instance_type().and_then(Target::of_instance)
    }

    /// Logical NeuronCores of the machine, as `neuron-ls` or else the runtime library counts them.
    #[must_use]
    pub fn logical_cores(&self) -> Option<u32> {
        let counted = || self.runtime.as_ref()?.as_ref().ok()?.cores.map(|[total, _]| total);
        self.listed().and_then(Listing::cores).or_else(counted)
    }

    fn listed(&self) -> Option<&Listing> {
        self.listing.as_ref()?.as_ref().ok()
    }

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
            Some(Ok(listing)) => {
                let mut told = vec![format!("{} chip(s)", listing.devices.len())];
                told.extend(listing.cores().map(|n| format!("{n} logical cores")));
                told.extend(listing.lnc().map(|n| format!("LNC {n}")));
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

    /// Whether the environment and the machine agree on logical cores; silent where the environment says nothing.
    fn lnc_check(&self) -> Option<Check> {
        let asked = self.lnc.as_deref().map(str::trim).filter(|v| !v.is_empty())?;
        let told = self.listed().and_then(Listing::lnc)?;
        let (state, detail) = if asked == told.to_string() {
            (State::Ok, format!("{asked}, as neuron-ls says"))
        } else {
            let detail = format!(
                "{LNC_VARIABLE}={asked}, and neuron-ls says {told}: unset it, or compile and run everything with --lnc {asked}"
            );
            (State::Wrong, detail)
        };
        Some(Check { what: "logical cores", state, detail })
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

    /// What belongs into a record: kinds, counts and versions, and no id of anything.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<String, String> {
        let listed = self.listed();
        let runtime = self.runtime.as_ref().and_then(|r| r.as_ref().ok());
        let compiler = self.compiler.as_ref().and_then(|c| c.as_ref().ok());
        let chips = if self.device_files > 0 { Some(self.device_files.to_string()) } else { None };
        [
            ("neuron-instance", self.instance_type().map(str::to_owned)),
            ("neuron-chips", chips),
            ("neuron-logical-cores", self.logical_cores().map(|n| n.to_string())),
            ("neuron-lnc", listed.and_then(Listing::lnc).map(|n| n.to_string())),
            ("neuron-driver", self.driver.version.clone()),
            ("neuron-runtime", runtime.map(|r| r.version.clone())),
            ("neuron-compiler", compiler.cloned()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }
}

fn device_files(dev: &Path) -> usize {
    let Ok(entries) = fs::read_dir(dev) else { return 0 };
    let numbered = |name: &str| name.strip_prefix("neuron").is_some_and(|n| n.parse::<u32>().is_ok());
    entries.flatten().filter(|e| e.file_name().to_str().is_some_and(numbered)).count()
}

fn runtime_facts(path: &Path) -> Result<RuntimeFacts, NeuronError> {
    let library = Library::open(path)?;
    let version = library.version()?.to_string();
    // Without a device there is nothing to count, which is no fault of the library.
    let cores = library.total_cores().ok().zip(library.visible_cores().ok()).map(|(t, v)| [t, v]);
    Ok(RuntimeFacts { path: path.to_owned(), version, cores })
}

fn list(program: &Path) -> Result<Listing, NeuronError> {
    let ask = |args: &[&str]| {
        let asked = Command::new(program).args(args).stdin(Stdio::null()).output();
        asked.map_err(|source| NeuronError::File { action: "run", path: program.to_owned(), source })
    };
    let mut told = ask(&["--json-output"])?;
    if !told.status.success() {
        // Since SDK 2.34 the option has another name.
        let newer = ask(&["--output-format", "json"])?;
        if newer.status.success() {
            told = newer;
        }
    }
    if !told.status.success() {
        let said = String::from_utf8_lossy(&told.stderr);
        let last = said
            .lines()
            .rev()
            .find(|l| !l.trim().is_empty())
            .unwrap_or("nothing on stderr")
            .trim()
            .to_owned();
        return Err(NeuronError::Malformed { tool: LIST, what: format!("no list, and {last}") });
    }
    Listing::parse(&String::from_utf8_lossy(&told.stdout))
}

/// The first report of the monitor, which does not end by itself.
fn first_report(program: &Path) -> Result<Report, NeuronError> {
    let error = |source| NeuronError::File { action: "run", path: program.to_owned(), source };
    let mut child = Command::new(program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(error)?;
    let (send, line) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            let mut line = String::new();
            // Whoever waits has gone when the time is up.
            let read = BufReader::new(out.take(MOST_REPORT)).read_line(&mut line);
            let _ = send.send(read.map(|_| line));
        });
    }
    let first = line.recv_timeout(PATIENCE);
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().map_err(error)?;
    let silent =
        || NeuronError::Malformed { tool: MONITOR, what: format!("nothing in {} s", PATIENCE.as_secs()) };
    Report::parse(&first.map_err(|_| silent())?.map_err(error)?)
}

#[cfg(unix)]
fn compiler_version(program: PathBuf) -> Result<String, NeuronError> {
    crate::compiler::Compiler::at(program).map(|c| c.version().to_string())
}

#[cfg(not(unix))]
fn compiler_version(_: PathBuf) -> Result<String, NeuronError> {
    Err(NeuronError::NoCompiler)
}
