//! The catalogue: what is built in, with a user's own file over it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::accelerator::Accelerator;
use crate::document::{Document, Text, check};
use crate::error::CatalogError;
use crate::instance::{Instance, Source, System};
use crate::price::{EVERYWHERE, Price, PriceQuery, choose};

const BUILT_IN: [(&str, &str); 5] = [
    ("built-in sources.toml", include_str!("../data/sources.toml")),
    ("built-in accelerators.toml", include_str!("../data/accelerators.toml")),
    ("built-in instances.toml", include_str!("../data/instances.toml")),
    ("built-in prices.toml", include_str!("../data/prices.toml")),
    ("built-in systems.toml", include_str!("../data/systems.toml")),
];

/// Accelerators, instances, prices and systems by name. Whatever refers to another entry refers to one that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    accelerators: BTreeMap<String, Accelerator>,
    instances: BTreeMap<String, Instance>,
    systems: BTreeMap<String, System>,
    prices: BTreeMap<String, Vec<Price>>,
    sources: BTreeMap<String, Source>,
}

impl Catalog {
    /// What is part of the program.
    ///
    /// # Errors
    /// [`CatalogError::Mistake`] if the built-in files are wrong, which a test rules out.
    pub fn built_in() -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        for (file, text) in BUILT_IN {
            catalog.put(file, text, false)?;
        }
        Ok(catalog)
    }

    /// The same with a user's own file over it, if there is one. See [`Catalog::lay`].
    ///
    /// # Errors
    /// [`CatalogError::Read`], [`CatalogError::Mistake`].
    pub fn load(own: Option<&Path>) -> Result<Self, CatalogError> {
        let mut catalog = Self::built_in()?;
        if let Some(path) = own {
            let text = fs::read_to_string(path)
                .map_err(|source| CatalogError::Read { path: path.to_owned(), source })?;
            catalog.lay(&path.display().to_string(), &text)?;
        }
        Ok(catalog)
    }

    /// Lays a user's own file over what is there: an accelerator, instance, system or source replaces the one of its name, and a price goes before the built-in ones of its basis in
    /// its regions, from its first day on. One without regions holds everywhere.
    ///
    /// # Errors
    /// [`CatalogError::Mistake`] with file, line and key: no TOML, an unknown key, a number that is not above 0, two prices that contradict
    /// each other, a name that nothing bears.
    pub fn lay(&mut self, file: &str, text: &str) -> Result<(), CatalogError> {
        self.put(file, text, true)
    }

    fn put(&mut self, file: &str, text: &str, own: bool) -> Result<(), CatalogError> {
        let text = Text { file, text };
        let document: Document = text.parse()?;
        check(&text, &document)?;
        for (name, source) in &document.sources {
            self.sources.insert(name.clone(), source.clone());
        }
        for entry in &document.accelerator {
            let a = entry.get_ref();
            let named = a.sources.iter().map(String::as_str);
            let of_figures = a.measured.iter().map(|m| m.source.as_str());
            let of_figures = of_figures.chain(a.ownership.iter().map(|o| o.source.as_str()));
            for source in named.chain(of_figures).chain(a.purchase.iter().map(|p| p.source.as_str())) {
                self.known_source(source).map_err(|m| text.mistake_in(entry, "sources", &m))?;
            }
            self.accelerators.insert(a.name.clone(), a.clone());
        }
        for entry in &document.accelerator {
            let name = &entry.get_ref().name;
            for alias in &entry.get_ref().aliases {
                let bearer = |other: &&Accelerator| {
                    other.name != *name && (other.name == *alias || other.aliases.contains(alias))
                };
                if let Some(other) = self.accelerators.values().find(bearer) {
                    let message = format!("`{alias}` already stands for {}", other.name);
                    return Err(text.mistake_in(entry, "aliases", &message));
                }
            }
        }
        for entry in &document.instance {
            let i = entry.get_ref();
            for source in &i.sources {
                self.known_source(source).map_err(|m| text.mistake_in(entry, "sources", &m))?;
            }
            self.accelerator(&i.accelerator)
                .map_err(|e| text.mistake_in(entry, "accelerator", &e.to_string()))?;
            self.instances.insert(i.name.clone(), i.clone());
        }
        for entry in &document.system {
            let s = entry.get_ref();
            for quoted in s.capital_usd.iter().chain(&s.it_kw) {
                self.known_source(&quoted.source).map_err(|m| text.mistake_in(entry, "capital-usd", &m))?;
            }
            self.accelerator(&s.accelerator)
                .map_err(|e| text.mistake_in(entry, "accelerator", &e.to_string()))?;
            self.systems.insert(s.name.clone(), s.clone());
        }
        for (instance, entries) in &document.prices {
            for entry in entries {
                self.instance(instance).map_err(|e| text.mistake_in(entry, "prices", &e.to_string()))?;
                self.known_source(&entry.get_ref().source)
                    .map_err(|m| text.mistake_in(entry, "source", &m))?;
            }
            let price = |entry: &toml::Spanned<Price>| {
                let mut price = Price { own, ..entry.get_ref().clone() };
                if own && price.regions.is_empty() {
                    price.regions.push(EVERYWHERE.to_owned());
                }
                price
            };
            self.prices.entry(instance.clone()).or_default().extend(entries.iter().map(price));
        }
        Ok(())
    }

    fn known_source(&self, name: &str) -> Result<(), String> {
        if self.sources.contains_key(name) {
            return Ok(());
        }
        let nearest = nearest(name, self.sources.keys().map(String::as_str));
        let guess = nearest.first().map(|n| format!("did you mean `{n}`? ")).unwrap_or_default();
        Err(format!("no source is named `{name}`: {guess}a file names its own under [sources]"))
    }

    /// Every accelerator, by name.
    pub fn accelerators(&self) -> impl Iterator<Item = &Accelerator> {
        self.accelerators.values()
    }

    /// Every instance, by name.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// Every system, by name.
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.systems.values()
    }

    /// Prices of an instance, in the order of their files; none where none is public.
    #[must_use]
    pub fn prices(&self, instance: &str) -> &[Price] {
        self.prices.get(instance).map_or(&[], Vec::as_slice)
    }

    /// A source, by name. Every source that an entry names is there.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.get(name)
    }

    /// Every source with its name.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.sources.iter().map(|(name, source)| (name.as_str(), source))
    }

    /// The accelerator of that name or alias.
    ///
    /// # Errors
    /// [`CatalogError::Unknown`] with the nearest names.
    pub fn accelerator(&self, name: &str) -> Result<&Accelerator, CatalogError> {
        let named = self.accelerators.get(name);
        named
            .or_else(|| self.accelerators.values().find(|a| a.aliases.iter().any(|alias| alias == name)))
            .ok_or_else(|| {
                let names = self.accelerators.values();
                let names = names.flat_map(|a| std::iter::once(&a.name).chain(&a.aliases));
                unknown("accelerator", name, names.map(String::as_str))
            })
    }

    /// The instance of that name.
    ///
    /// # Errors
    /// [`CatalogError::Unknown`] with the nearest names.
    pub fn instance(&self, name: &str) -> Result<&Instance, CatalogError> {
        let names = || self.instances.keys().map(String::as_str);
        self.instances.get(name).ok_or_else(|| unknown("instance", name, names()))
    }

    /// The system of that name.
    ///
    /// # Errors
    /// [`CatalogError::Unknown`] with the nearest names.
    pub fn system(&self, name: &str) -> Result<&System, CatalogError> {
        let names = || self.systems.keys().map(String::as_str);
        self.systems.get(name).ok_or_else(|| unknown("system", name, names()))
    }

    /// The price of an instance that is in force. See [`choose`].
    ///
    /// # Errors
    /// [`CatalogError::Unknown`], [`CatalogError::NoPrice`], [`CatalogError::Regions`].
    pub fn price(&self, instance: &str, query: &PriceQuery) -> Result<&Price, CatalogError> {
        self.instance(instance)?;
        choose(instance, self.prices(instance), query)
    }
}

fn unknown<'a>(kind: &'static str, name: &str, names: impl Iterator<Item = &'a str>) -> CatalogError {
    CatalogError::Unknown { kind, name: name.to_owned(), nearest: nearest(name, names) }
}

/// Up to three names that may have been meant: nearest first, none that has less than half in common.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    // The distance is quadratic; nothing that long was meant as a name.
    if name.chars().count() > 100 {
        return Vec::new();
    }
    let wanted = name.to_lowercase();
    let score = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let inside = wanted.len() >= 2 && (candidate.contains(&wanted) || wanted.contains(&candidate));
        strsim::normalized_damerau_levenshtein(&wanted, &candidate) + if inside { 0.5 } else { 0.0 }
    };
    let mut scored: Vec<(f64, &str)> = names.map(|n| (score(n), n)).filter(|(s, _)| *s >= 0.5).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, n)| n.to_owned()).collect()
}
