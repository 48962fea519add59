//! Prices that a report counts with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use portbench_catalog::own::Payments;
use portbench_catalog::{Basis, Catalog, CatalogError, Day, PriceQuery};
use portbench_pricing::{Assumptions, Interruption, NoCost, Platform, Priced, Tariff, Terms, Work, price};

use super::quoted;
use super::study::{Shown, Study};
use crate::cost::hourly;
use crate::error::ReportError;

/// An instance with the basis and the region of its price; written `NAME[:BASIS][@REGION]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rented {
    /// The instance.
    pub instance: String,
    /// Basis of its price.
    pub basis: Basis,
    /// Region of its price; needed where prices differ by region.
    pub region: Option<String>,
}

impl Rented {
    /// Reads `NAME[:BASIS][@REGION]`; without a basis the price is the one on demand.
    ///
    /// # Errors
    /// The bases there are, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (text, region) =
            text.split_once('@').map_or((text, None), |(t, region)| (t, Some(region.to_owned())));
        let (instance, basis) = match text.split_once(':') {
            None => (text, Basis::OnDemand),
            Some((instance, basis)) => (instance, Basis::parse(basis)?),
        };
        Ok(Self { instance: instance.to_owned(), basis, region })
    }
}

impl fmt::Display for Rented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.instance)?;
        if self.basis != Basis::OnDemand {
            write!(f, ":{}", self.basis)?;
        }
        self.region.iter().try_for_each(|region| write!(f, "@{region}"))
    }
}

/// Hardware whose prices a report counts with, and on what terms.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceChoice {
    /// Instances. Each counts for the records that were made on its accelerator.
    pub instances: Vec<Rented>,
    /// Instances that count for one run, by its place in the study; no others count for it.
    pub of_runs: Vec<(usize, Rented)>,
    /// Owned systems.
    pub owned: Vec<String>,
    /// What is assumed about them.
    pub assumptions: Assumptions,
    /// Share by which the chart of sensitivity moves each of these assumptions.
    pub sensitivity: f64,
    /// The day on which prices were in force; the newest without one.
    pub date: Option<Day>,
    /// Whether what a part of an instance does is multiplied by the number of such parts, and marked.
    pub scale: bool,
    /// Share of the billed time that does useful work.
    pub utilisation: f64,
}

/// The usual change of assumptions.
const SENSITIVITY: f64 = 0.2;

impl Default for PriceChoice {
    fn default() -> Self {
        Self {
            instances: Vec::new(),
            of_runs: Vec::new(),
            owned: Vec::new(),
            assumptions: Assumptions::default(),
            sensitivity: SENSITIVITY,
            date: None,
            scale: false,
            utilisation: 1.0,
        }
    }
}

impl PriceChoice {
    /// Whether no hardware is chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.of_runs.is_empty() && self.owned.is_empty()
    }
}

/// The choice with what it comes to.
#[derive(Clone, Debug)]
pub(crate) struct Prices {
    choice: PriceChoice,
    platforms: Vec<Platform>,
    of_runs: Vec<(usize, Platform)>,
    terms: Terms,
}

impl Prices {
    pub(super) fn new(catalog: &Catalog, choice: PriceChoice) -> Result<Self, ReportError> {
        let price = |Rented { instance, basis, region }: &Rented| {
            let query = PriceQuery { basis: *basis, region: region.clone(), date: choice.date };
            Platform::rented(catalog, instance, &query, Interruption::default())
        };
        let rented = choice.instances.iter().map(price);
        let of_runs = choice.of_runs.iter().map(|(run, rented)| Ok((*run, price(rented)?)));
        let of_runs = of_runs.collect::<Result<_, CatalogError>>()?;
        let owned = choice.owned.iter().map(|name| Platform::owned(catalog, name, &choice.assumptions));
        let platforms = rented.chain(owned).collect::<Result<_, _>>()?;
        let terms = Terms::new(choice.scale, choice.utilisation)?;
        let by = choice.sensitivity;
        if !(by > 0.0 && by < 1.0) {
            let wanted = "above 0 and below 1";
            return Err(
                CatalogError::Parameter { name: "the change of assumptions", value: by, wanted }.into()
            );
        }
        Ok(Self { choice, platforms, of_runs, terms })
    }

    /// The platforms that count for a run.
    fn of(&self, run: usize) -> impl Iterator<Item = &Platform> {
        let own: Vec<&Platform> = self.of_runs.iter().filter(|(r, _)| *r == run).map(|(_, p)| p).collect();
        let all = if own.is_empty() { self.platforms.iter().collect() } else { own };
        all.into_iter()
    }

    /// Owned hardware among them.
    pub(super) fn owned(&self) -> impl Iterator<Item = &Platform> {
        self.platforms.iter().filter(|platform| matches!(platform.tariff, Tariff::Owned { .. }))
    }

    /// Share by which the chart of sensitivity moves each assumption.
    pub(super) const fn sensitivity(&self) -> f64 {
        self.choice.sensitivity
    }

    /// On what terms they count.
    pub(crate) const fn terms(&self) -> Terms {
        self.terms
    }

    /// The choice as arguments of the command line; `runs` are the ids.
    pub(super) fn arguments(&self, runs: &[String]) -> Vec<String> {
        let PriceChoice { instances, of_runs, owned, assumptions, sensitivity, date, scale, utilisation } =
            &self.choice;
        let mut words = Vec::new();
        let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), quoted(&value)]);
        let all = instances.iter().map(ToString::to_string);
        let own = of_runs.iter().filter_map(|(run, rented)| Some(format!("{}={rented}", runs.get(*run)?)));
        let each: Vec<String> = all.chain(own).collect();
        if !each.is_empty() {
            add("--instance", each.join(","));
        }
        if !owned.is_empty() {
            add("--owned", owned.join(","));
            for (flag, value) in assumed(assumptions) {
                add(flag, value);
            }
            if *sensitivity != SENSITIVITY {
                add("--sensitivity", sensitivity.to_string());
            }
        }
        if let Some(date) = date {
            add("--date", date.to_string());
        }
        if *utilisation != 1.0 {
            add("--utilisation", utilisation.to_string());
        }
        words.extend(scale.then(|| "--scale".to_owned()));
        if !owned.is_empty() {
            words.extend((assumptions.payments == Payments::Yearly).then(|| "--yearly".to_owned()));
            let with_power = assumptions.rent.is_some_and(|rent| rent.includes_power);
            words.extend(with_power.then(|| "--colocation-includes-power".to_owned()));
        }
        words
    }

    /// What is said of all costs.
    pub(super) fn words(&self) -> String {
        match self.choice.utilisation {
            1.0 => "All of the billed time is used.".to_owned(),
            share => format!("{} % of the billed time is used.", number(share * 100.0)),
        }
    }
}

/// Assumptions that are not the usual ones, as arguments of the command line with their values.
fn assumed(assumptions: &Assumptions) -> Vec<(&'static str, String)> {
    let usual = Assumptions::default();
    let rent = |of: &Assumptions| of.rent.map(|rent| rent.usd_per_kw_month);
    let number = |of: fn(&Assumptions) -> f64| (Some(of(assumptions)), Some(of(&usual)));
    let each = [
        ("--capital", (assumptions.capital_usd, usual.capital_usd)),
        ("--power", (assumptions.it_kw, usual.it_kw)),
        ("--years", number(|of| of.years)),
        ("--interest", number(|of| of.interest)),
        ("--power-load", number(|of| of.load)),
        ("--pue", number(|of| of.pue)),
        ("--electricity", number(|of| of.usd_per_kwh)),
        ("--colocation", (rent(assumptions), rent(&usual))),
        ("--operations", number(|of| of.operations)),
    ];
    let given = each.into_iter().filter(|(_, (ours, usual))| ours != usual);
    given.filter_map(|(flag, (ours, _))| Some((flag, ours?.to_string()))).collect()
}

fn number(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// A cell's work with the product that its platform knows.
fn work(study: &Study<'_>, cell: &Shown) -> Work {
    let mut work = Work::from(&cell.head);
    // A head's own cell may not know its product; the platform does.
    work.product =
        work.product.or_else(|| study.platforms().iter().nth(cell.platform).map(|p| p.hardware.clone()));
    if cell.head.cell.device == "cpu" || cell.head.cell.device.starts_with("neuron") {
        work.product = None;
    }
    work
}

/// Hardware with a price that no cell ran on.
pub(super) fn unfit(study: &Study<'_>) -> Vec<String> {
    let Some(prices) = study.prices() else { return Vec::new() };
    let ran = |run: Option<usize>| study.all().iter().filter(move |cell| run.is_none_or(|r| r == cell.run));
    let all = prices.platforms.iter().map(|platform| (None, platform));
    let own = prices.of_runs.iter().map(|(run, platform)| (Some(*run), platform));
    let fits = |(run, platform): &(Option<usize>, &Platform)| {
        ran(*run).any(|cell| work(study, cell).fits(&platform.accelerator))
    };
    let words = |(run, platform): (Option<usize>, &Platform)| {
        let hardware: BTreeSet<&str> = ran(run)
            .filter_map(|cell| study.platforms().iter().nth(cell.platform))
            .map(|platform| platform.hardware.as_str())
            .collect();
        let whose = match run {
            Some(run) => format!("run {}", study.run_ids()[run]),
            None => "the runs".to_owned(),
        };
        format!(
            "the price of {} counts for nothing: it has {}, and {whose} ran on {}",
            platform.name,
            platform.accelerator.title,
            hardware.into_iter().collect::<Vec<_>>().join(" and ")
        )
    };
    all.chain(own).filter(|each| !fits(each)).map(words).collect()
}

/// A cell on each platform that has its hardware: what is special about that, and the sums.
pub(crate) fn each_priced<T>(
    study: &Study<'_>,
    cell: &Shown,
    mut sums: impl FnMut(&Priced<'_>, String) -> Result<T, NoCost>,
) -> Result<Vec<T>, String> {
    let Some(prices) = study.prices() else { return Ok(Vec::new()) };
    let work = work(study, cell);
    let (mut found, mut reasons) = (Vec::new(), Vec::new());
    for platform in prices.of(cell.run) {
        let priced = price(&work, platform, prices.terms);
        match priced.and_then(|priced| {
            let twice = prices.platforms.iter().filter(|p| p.name == platform.name).count() > 1;
            // The notes have the basis.
            let basis = if twice { format!(" {}", platform.basis()) } else { String::new() };
            let detail = format!("{}{basis}, {}", platform.name, priced.share());
            sums(&priced, detail)
        }) {
            Ok(sum) => found.push(sum),
            Err(why) => reasons.push(why),
        }
    }
    if found.is_empty() && !reasons.is_empty() {
        return Err(no_cost(&reasons));
    }
    Ok(found)
}

/// Why there is no cost: what the hardware that fits has against it, or that none fits.
fn no_cost(reasons: &[NoCost]) -> String {
    let fits = |why: &&NoCost| !matches!(why, NoCost::OtherHardware { .. });
    let mut words: Vec<String> = reasons.iter().filter(fits).map(ToString::to_string).collect();
    words.dedup();
    match (words.as_slice(), reasons) {
        ([], [one]) => one.to_string(),
        ([], _) => "no price was given for its hardware".to_owned(),
        (words, _) => words.join("; "),
    }
}

/// Names, dates and sources of the prices.
pub(super) fn price_notes(study: &Study<'_>) -> Vec<String> {
    let Some(prices) = study.prices() else { return Vec::new() };
    let all = prices.platforms.iter().chain(prices.of_runs.iter().map(|(_, platform)| platform));
    let mut notes: Vec<String> = all.map(price_note).collect();
    notes.push(format!(
        "{} Whole: of all devices of the instance; scaled: of fewer, multiplied up, which nobody measured.",
        prices.words()
    ));
    notes
}

/// Name, date and source of one price.
pub(super) fn price_note(platform: &Platform) -> String {
    format!(
        "Price of {}, {}: {} USD/h ({}).",
        platform.name,
        platform.basis(),
        hourly(platform.usd_per_hour),
        platform.price_origin()
    )
}

/// Cells that have no cost, those of one reason together.
#[derive(Debug, Default)]
pub(super) struct Unpriced(BTreeMap<String, Vec<String>>);

impl Unpriced {
    pub(super) fn add(&mut self, cell: String, why: String) {
        self.0.entry(why).or_default().push(cell);
    }

    pub(super) fn notes(&self) -> Vec<String> {
        const NAMED: usize = 4;
        let note = |(why, cells): (&String, &Vec<String>)| {
            let named = cells.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
            let more = if cells.len() > NAMED {
                format!("; and {} more", cells.len() - NAMED)
            } else {
                String::new()
            };
            format!("Not drawn: {named}{more}: {why}.")
        };
        self.0.iter().map(note).collect()
    }
}
