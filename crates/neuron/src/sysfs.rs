//! What the driver shows in sysfs: architecture, instance type, cores, uncorrected errors, and power as a percentage.
//!
//! Driver 2.31 (SDK 2.33) moved nodes of the tree, and where to was not published when this was written. So files are looked for by their
//! names below each device, nearest first, and are read in the old places and in new ones alike. The serial number is never read.
//!
//! Power is a percentage of a maximum that is published nowhere, over a minute. No watt and no joule follows from it, so none is computed.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where devices are, below the root of sysfs: the driver's tree, and the kernel's view of the same class.
const PLACES: [&str; 2] = ["devices/virtual/neuron_device", "class/neuron_device"];
/// How deep below a device files are looked for.
const DEPTH: usize = 5;
/// Files of sysfs are one page at most.
const MOST_BYTES: u64 = 4096;

/// What the driver shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Driver {
    /// Its version.
    pub version: Option<String>,
    /// Devices in order of their numbers.
    pub devices: Vec<DriverDevice>,
}

/// One device as the driver shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriverDevice {
    /// Its number.
    pub index: u32,
    /// Architecture of the device or its cores, such as `NCv2`.
    pub architecture: Option<String>,
    /// Kind of device, such as `Trainium1`.
    pub device: Option<String>,
    /// Family of the instance, such as `Trn1`.
    pub instance_type: Option<String>,
    /// Physical cores.
    pub cores: Option<u32>,
    /// Uncorrected errors of its memories since the driver was loaded.
    pub uncorrected_errors: Option<u64>,
    /// Power over the last minute.
    pub power: Option<Power>,
}

/// A minute of power, as percentages of the device's maximum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// When it was sampled, in seconds since 1970.
    pub unix_seconds: u64,
    /// Least in the minute.
    pub min_percent: f64,
    /// Most in the minute.
    pub max_percent: f64,
    /// Mean over the minute.
    pub mean_percent: f64,
}

impl Power {
    /// Reads `STATUS,TIMESTAMP,MIN,MAX,MEAN`; `None` where the driver says that it has no valid sample.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.trim().split(',').map(str::trim).collect();
        let [status, time, min, max, mean] = fields.try_into().ok()?;
        let percent = |s: &str| s.parse().ok().filter(|p: &f64| (0.0..=100.0).contains(p));
        if status != "POWER_STATUS_VALID" {
            return None;
        }
        Some(Self {
            unix_seconds: time.parse().ok()?,
            min_percent: percent(min)?,
            max_percent: percent(max)?,
            mean_percent: percent(mean)?,
        })
    }
}

impl Driver {
    /// Reads what is below `root`, which is `/sys` outside of tests. A machine without the driver shows no devices.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let devices = PLACES.iter().map(|place| devices(&root.join(place))).find(|d| !d.is_empty());
        Self { version: line(&root.join("module/neuron/version")), devices: devices.unwrap_or_default() }
    }
}

fn devices(place: &Path) -> Vec<DriverDevice> {
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let numbered = |name: &str| name.strip_prefix("neuron").and_then(|n| n.parse().ok());
    let mut devices: Vec<DriverDevice> = entries
        .flatten()
        .filter_map(|e| Some(device(numbered(e.file_name().to_str()?)?, &e.path())))
        .collect();
    devices.sort_by_key(|d| d.index);
    devices
}

fn device(index: u32, path: &Path) -> DriverDevice {
    let files = Files::below(path);
    let ecc = ["mem_ecc_uncorrected", "sram_ecc_uncorrected"].iter().filter_map(|n| files.counter(n));
    DriverDevice {
        index,
        architecture: files.line("arch_type"),
        device: ["device_name", "device_type"].iter().find_map(|name| files.line(name)),
        instance_type: files.line("instance_type"),
        cores: files.line("core_count").and_then(|s| s.parse().ok()).or_else(|| files.cores()),
        uncorrected_errors: ecc.fold(None, |sum: Option<u64>, n| Some(sum.unwrap_or(0).saturating_add(n))),
        power: files.in_directory("power", "utilization").and_then(line).as_deref().and_then(Power::parse),
    }
}

/// Files and directories below a device, nearest first and by name. Links are not followed: they lead out of it.
struct Files {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Files {
    fn below(device: &Path) -> Self {
        let (mut files, mut directories) = (Vec::new(), Vec::new());
        let mut waiting = VecDeque::from([(device.to_owned(), 0)]);
        while let Some((directory, depth)) = waiting.pop_front() {
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            let mut entries: Vec<_> = entries.flatten().map(|e| (e.path(), e.file_type())).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            for (path, kind) in entries {
                match kind {
                    Ok(kind) if kind.is_file() => files.push(path),
                    Ok(kind) if kind.is_dir() && depth < DEPTH => {
                        waiting.push_back((path.clone(), depth + 1));
                        directories.push(path);
                    }
                    _ => {}
                }
            }
        }
        Self { files, directories }
    }

    fn line(&self, name: &str) -> Option<String> {
        self.files.iter().filter(|f| f.file_name().is_some_and(|n| n == name)).find_map(|f| line(f))
    }

    fn in_directory(&self, parent: &str, name: &str) -> Option<&Path> {
        let is = |path: &Path| {
            path.file_name().is_some_and(|n| n == name)
                && path.parent().and_then(Path::file_name).is_some_and(|n| n == parent)
        };
        self.files.iter().map(PathBuf::as_path).find(|path| is(path))
    }

    /// A counter is a file, or a directory whose file `total` has it.
    fn counter(&self, name: &str) -> Option<u64> {
        let text = self.line(name).or_else(|| line(self.in_directory(name, "total")?));
        text?.parse().ok()
    }

    fn cores(&self) -> Option<u32> {
        let core = |d: &&PathBuf| {
            let name = d.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            name.strip_prefix("neuron_core").is_some_and(|n| n.parse::<u32>().is_ok())
        };
        u32::try_from(self.directories.iter().filter(core).count()).ok().filter(|n| *n > 0)
    }
}

/// The first line of a file, without the blanks around it; `None` where it is empty or cannot be read.
fn line(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MOST_BYTES).read_to_string(&mut text).ok()?;
    let line = text.lines().next().unwrap_or_default().trim();
    (!line.is_empty()).then(|| line.to_owned())
}
