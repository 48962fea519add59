//! What there is of Neuron on this host: devices, driver, runtime library, tools, compiler. Looking takes no NeuronCore.

mod ask;
mod checks;
pub(crate) mod program;
mod reports;

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::time::Duration;

use crate::compiler::LNC_VARIABLE;
use crate::error::NeuronError;
use crate::library::locate;
use crate::machine::Listing;
use crate::monitor::Report;
use crate::sysfs::Driver;
use crate::target::Target;

pub use checks::{Check, State};
pub use reports::Reports;

/// Where `aws-neuronx-tools` installs its programs.
const TOOLS_PLACE: &str = "/opt/aws/neuron/bin";
const LIST: &str = "neuron-ls";
const MONITOR: &str = "neuron-monitor";
const COMPILER: &str = "neuronx-cc";
/// How long a tool may take to answer: `neuron-ls` takes a second, the monitor's first report by its documents 5.
const PATIENCE: Duration = Duration::from_secs(15);

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
    /// How long a tool may take to answer.
    pub patience: Duration,
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
            patience: PATIENCE,
        }
    }
}

impl Places {
    /// The first `neuron-monitor` on them.
    #[must_use]
    pub fn monitor(&self) -> Option<PathBuf> {
        self.find(MONITOR)
    }

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

impl Host {
    /// Looks at this host. Programs are started, and some take seconds.
    #[must_use]
    pub fn look(places: &Places) -> Self {
        Self {
            monitor: places.monitor().map(|program| ask::first_report(&program, places.patience)),
            compiler: places.find(COMPILER).map(ask::compiler_version),
            ..Self::look_briefly(places)
        }
    }

    /// The same without monitor and compiler, for who wants to know the target or the cores only.
    #[must_use]
    pub fn look_briefly(places: &Places) -> Self {
        let library = places.libnrt.clone().map_or_else(locate, Ok).ok().filter(|p| p.is_file());
        Self {
            device_files: ask::device_files(&places.dev),
            driver: Driver::read(&places.sysfs),
            runtime: library.map(|path| ask::runtime_facts(&path)),
            listing: places.find(LIST).map(|program| ask::list(&program, places.patience)),
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
            || self.monitor.is_some()
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

    /// Physical cores to a logical one: what a tool says, else 1 where the instance is of a kind that joins none. `None` where nobody knows.
    #[must_use]
    pub fn lnc(&self) -> Option<u32> {
        let monitored = || self.monitor.as_ref()?.as_ref().ok()?.hardware.as_ref()?.lnc;
        let alone = || self.target().filter(|target| !target.joins_cores()).map(|_| 1);
        self.listed().and_then(Listing::lnc).or_else(monitored).or_else(alone)
    }

    fn listed(&self) -> Option<&Listing> {
        self.listing.as_ref()?.as_ref().ok()
    }

    /// What belongs into a record: kinds, counts and versions, and no id of anything.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<String, String> {
        let runtime = self.runtime.as_ref().and_then(|r| r.as_ref().ok());
        let compiler = self.compiler.as_ref().and_then(|c| c.as_ref().ok());
        let chips = if self.device_files > 0 { Some(self.device_files.to_string()) } else { None };
        [
            ("neuron-instance", self.instance_type().map(str::to_owned)),
            ("neuron-chips", chips),
            ("neuron-logical-cores", self.logical_cores().map(|n| n.to_string())),
            ("neuron-lnc", self.lnc().map(|n| n.to_string())),
            ("neuron-driver", self.driver.version.clone()),
            ("neuron-runtime", runtime.map(|r| r.version.clone())),
            ("neuron-compiler", compiler.cloned()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }
}
