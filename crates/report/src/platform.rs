//! Platforms: who executed, on what hardware, in which versions; and the colour that each has in every chart.

mod colours;

use std::collections::{BTreeMap, BTreeSet};

use portbench_catalog::{Accelerator, Catalog, Kind};
use portbench_pricing::is_product;
use portbench_records::{AcceleratorHead, RecordHead};

/// A back end on some hardware, in some versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    /// The accelerator; where there is none, the CPU.
    pub hardware: String,
    /// The back end.
    pub backend: String,
    /// Versions of its libraries and of the accelerator's driver, by name; empty where no worker became ready.
    pub versions: BTreeMap<String, String>,
}

impl Platform {
    /// The platform of each record of some runs, which are told apart by a number. A cell that never came to a trial knows neither its accelerator nor its driver; another one on the same device of its run
    /// tells them.
    #[must_use]
    pub fn of_runs<'h>(heads: impl Iterator<Item = (usize, &'h RecordHead)> + Clone) -> Vec<Self> {
        let mut known: BTreeMap<(usize, &str), &AcceleratorHead> = BTreeMap::new();
        for (run, head) in heads.clone() {
            if let Some(accelerator) = head.accelerator() {
                known.entry((run, &head.cell.device)).or_insert(accelerator);
            }
        }
        let of = |(run, head): (usize, &'h RecordHead)| {
            let found = head.accelerator().or_else(|| known.get(&(run, head.cell.device.as_str())).copied());
            Self::with(head, found)
        };
        heads.map(of).collect()
    }

    fn with(head: &RecordHead, accelerator: Option<&AcceleratorHead>) -> Self {
        let mut versions = head.backend.as_ref().map(|b| b.versions.clone()).unwrap_or_default();
        let facts = &head.environment.facts;
        let on_neuron = head.cell.device.starts_with("neuron");
        // Without a worker nothing is known of the back end, and then the rest says too little.
        if head.backend.is_some() {
            let of_host = [
                ("neuron-driver", "driver"),
                ("neuron-runtime", "runtime"),
                ("neuron-compiler", "neuronx-cc"),
            ];
            let of_host = of_host.iter().filter(|_| on_neuron);
            versions.extend(
                of_host.filter_map(|(fact, name)| Some(((*name).to_owned(), facts.get(*fact)?.clone()))),
            );
            versions.extend(accelerator.and_then(|a| Some(("driver".to_owned(), a.driver.clone()?))));
        }
        if let Some(version) = versions.get_mut("cuda") {
            *version = cuda(version);
        }
        let instance = facts.get("neuron-instance").filter(|_| on_neuron).map(|i| format!("AWS {i}"));
        let name = accelerator.and_then(|a| a.name.clone()).or(instance);
        let hardware = match head.cell.device.split(':').next().unwrap_or_default() {
            "cpu" => cpu(&head.environment.cpu, head.environment.cpus),
            kind => name.unwrap_or_else(|| nameless(kind)),
        };
        Self { hardware, backend: head.cell.backend.clone(), versions }
    }

    /// The catalogue's accelerator whose name the hardware has: of a GPU the model, the memory and the slot in its product name, of a Neuron device that of its instance. CPUs are known too vaguely.
    #[must_use]
    pub fn accelerator<'c>(&self, catalog: &'c Catalog) -> Option<&'c Accelerator> {
        if let Some(instance) = self.hardware.strip_prefix("AWS ") {
            let instance = catalog.instance(instance).ok()?;
            return catalog.accelerator(&instance.accelerator).ok();
        }
        // A title without a model says nothing of a product.
        let names = |a: &Accelerator| a.title.bytes().any(|b| b.is_ascii_digit());
        catalog.accelerators().find(|a| a.kind == Kind::Gpu && names(a) && is_product(&self.hardware, a))
    }

    fn key(&self) -> (&str, &str) {
        (&self.hardware, &self.backend)
    }
}

/// CUDA's version with a point, which some libraries give as a number: 13000 for 13.0.
fn cuda(version: &str) -> String {
    match version.parse::<u32>() {
        Ok(number) if number >= 1000 => format!("{}.{}", number / 1000, number % 1000 / 10),
        _ => version.to_owned(),
    }
}

/// Name of a device that did not say what it is.
fn nameless(kind: &str) -> String {
    match kind {
        "cuda" => "NVIDIA GPU".to_owned(),
        "neuron" => "AWS Neuron device".to_owned(),
        kind => kind.to_owned(),
    }
}

/// A CPU's name without marks and clock, and how many of its CPUs were used.
fn cpu(model: &str, cpus: u64) -> String {
    let model = model.split(" @").next().unwrap_or_default().replace("(R)", "").replace("(TM)", "");
    let words: Vec<&str> = model.split_whitespace().filter(|w| !matches!(*w, "Processor" | "CPU")).collect();
    let name = if words.is_empty() { "CPU".to_owned() } else { words.join(" ") };
    format!("{name}, {cpus} CPU{}", if cpus == 1 { "" } else { "s" })
}

/// The platforms of a report, ordered by hardware, then back end, then versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platforms {
    all: Vec<Platform>,
    labels: Vec<String>,
    slugs: Vec<String>,
    series: Vec<usize>,
}

impl Platforms {
    /// The set of these. Of one that knows no versions, or not its accelerator, nothing is made where another one fits it.
    #[must_use]
    pub fn new(platforms: impl IntoIterator<Item = Platform>) -> Self {
        let set: BTreeSet<Platform> = platforms.into_iter().collect();
        let all: Vec<Platform> =
            set.iter().filter(|p| !p.versions.is_empty() || fit(&set, p).next().is_none()).cloned().collect();
        let labels: Vec<String> = all.iter().map(|p| label(p, &all)).collect();
        let mut slugs: Vec<String> = Vec::new();
        for text in &labels {
            let slug = slug(text);
            let taken = slugs.iter().filter(|s| **s == slug).count();
            slugs.push(if taken == 0 { slug } else { format!("{slug}-{}", taken + 1) });
        }
        let series = colours::series(&all);
        Self { all, labels, slugs, series }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The platforms in order.
    pub fn iter(&self) -> impl Iterator<Item = &Platform> {
        self.all.iter()
    }

    /// The place of a platform, or of the first one that fits it where it knows less of itself.
    #[must_use]
    pub fn index(&self, platform: &Platform) -> Option<usize> {
        let exact = self.all.iter().position(|p| p == platform);
        exact.or_else(|| self.all.iter().position(|p| fits(p, platform)))
    }

    /// The platform's name for people: back end and hardware, and what tells its versions from those of another one.
    #[must_use]
    pub fn label(&self, index: usize) -> &str {
        self.labels.get(index).map_or("", String::as_str)
    }

    /// The platform's name in files and addresses, of `a-z0-9-` alone; no two are the same.
    #[must_use]
    pub fn slug(&self, index: usize) -> &str {
        self.slugs.get(index).map_or("", String::as_str)
    }

    /// The place of the platform of that name.
    #[must_use]
    pub fn of_slug(&self, slug: &str) -> Option<usize> {
        self.slugs.iter().position(|s| s == slug)
    }

    /// The number of the platform's series in every chart, and so its colour and marker: they follow from its hardware and back end, whatever else a report shows. Of two platforms that would
    /// look alike the later one in order takes the next look that is free.
    #[must_use]
    pub fn series(&self, index: usize) -> usize {
        self.series.get(index).copied().unwrap_or(index)
    }

    /// Numbers of series that no platform has, for what is not measured.
    pub(crate) fn free_series(&self) -> impl Iterator<Item = usize> {
        (0..).filter(|number| !self.series.contains(number))
    }

    /// The platform's software, for people.
    #[must_use]
    pub fn stack(&self, index: usize) -> String {
        let Some(platform) = self.all.get(index) else { return String::new() };
        let versions: Vec<String> =
            platform.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        if versions.is_empty() { "versions not known".to_owned() } else { versions.join(", ") }
    }
}

fn fit<'a>(set: &'a BTreeSet<Platform>, vague: &'a Platform) -> impl Iterator<Item = &'a Platform> {
    set.iter().filter(move |p| *p != vague && fits(p, vague))
}

/// Whether a platform may be the one that another is known of only vaguely.
fn fits(known: &Platform, vague: &Platform) -> bool {
    let hardware = known.hardware == vague.hardware
        || (vague.hardware == nameless("cuda") && known.hardware.starts_with("NVIDIA"))
        || vague.hardware == nameless("neuron") && known.hardware.starts_with("AWS");
    known.backend == vague.backend && hardware && vague.versions.is_empty() && !known.versions.is_empty()
}

fn label(platform: &Platform, all: &[Platform]) -> String {
    let plain = format!("{} · {}", platform.backend, platform.hardware);
    let others: Vec<&Platform> = all.iter().filter(|p| *p != platform && p.key() == platform.key()).collect();
    if others.is_empty() {
        return plain;
    }
    let differs = |name: &String| others.iter().any(|p| p.versions.get(name) != platform.versions.get(name));
    let versions: Vec<String> = platform
        .versions
        .iter()
        .filter(|(name, _)| differs(name))
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let words = if versions.is_empty() { "versions not known".to_owned() } else { versions.join(", ") };
    format!("{plain} ({words})")
}

/// The text with everything but letters and digits as single dashes.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}
