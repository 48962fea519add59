//! Performance portability of back ends over a set of platforms, step by step.

use super::Head;
use crate::chart::Chart;
use crate::data::{Data, digits};
use crate::form::Form;
use crate::form::cascade::{Application, Cascade, Step};

/// A back end on one platform of the set.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeStep {
    /// Place of the platform in the set.
    pub platform: usize,
    /// Number of its series.
    pub series: usize,
    /// Efficiency, above 0 and at most 1.
    pub efficiency: f64,
}

/// A back end over the set.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeApplication {
    /// Its name.
    pub label: String,
    /// Whether it is no back end of its own but the best of the others on each platform.
    pub best: bool,
    /// The platforms that it supports.
    pub steps: Vec<CascadeStep>,
    /// Running PP: the harmonic mean of the best 1, 2, ... efficiencies; 0 beyond the supported ones.
    pub running: Vec<f64>,
    /// PP over the whole set.
    pub pp: f64,
}

/// The chart over the named platforms; `None` without an application that supports one.
#[must_use]
pub fn cascade(platforms: &[String], applications: Vec<CascadeApplication>, head: Head) -> Option<Chart> {
    if applications.iter().all(|a| a.steps.is_empty()) {
        return None;
    }
    let mut data = Data::new(&["back end", "step", "platform", "efficiency", "running PP", "PP"]);
    let mut drawn = Vec::new();
    let mut said = Vec::new();
    for application in applications {
        let mut steps = application.steps;
        steps.sort_by(|a, b| b.efficiency.total_cmp(&a.efficiency).then(a.platform.cmp(&b.platform)));
        let name = |step: &CascadeStep| platforms.get(step.platform).map_or("", String::as_str);
        for k in 0..platforms.len() {
            let step = steps.get(k);
            data.row([
                application.label.clone(),
                (k + 1).to_string(),
                step.map(name).unwrap_or_default().to_owned(),
                digits(step.map(|s| s.efficiency)),
                digits(application.running.get(k).copied()),
                digits(application.pp),
            ]);
        }
        said.push(format!(
            "{}: PP {:.3}, {} of {} platforms",
            application.label,
            application.pp,
            steps.len(),
            platforms.len()
        ));
        let step = |s: &CascadeStep| Step {
            letter: letter(s.platform),
            series: s.series,
            efficiency: s.efficiency,
            tip: format!("{} on {}: efficiency {:.3}", application.label, name(s), s.efficiency),
        };
        drawn.push(Application {
            series: steps.first().map(|s| s.series).filter(|_| !application.best),
            steps: steps.iter().map(step).collect(),
            label: application.label,
            running: application.running,
            pp: application.pp,
        });
    }
    let key = platforms.iter().enumerate().map(|(i, name)| (letter(i), name.clone())).collect();
    Some(Chart {
        name: head.name,
        kind: "cascade",
        description: format!("Performance portability. {}.", said.join("; ")),
        title: head.title,
        subtitle: head.subtitle,
        notes: head.notes,
        data,
        legend: Vec::new(),
        form: Form::Cascade(Cascade { applications: drawn, platforms: platforms.len(), key }),
    })
}

/// A, B, ... Z, AA, AB, ...
fn letter(place: usize) -> String {
    let (mut place, mut letters) = (place + 1, String::new());
    while place > 0 {
        letters.insert(0, char::from(b'A' + ((place - 1) % 26) as u8));
        place = (place - 1) / 26;
    }
    letters
}
