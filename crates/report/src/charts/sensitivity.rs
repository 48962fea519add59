//! What the assumptions about owned hardware do to what an hour of it costs.

use portbench_catalog::own::Ownership;
use portbench_chart::{Chart, Format, kind, number};
use portbench_pricing::{Platform, Tariff};

use super::prices::price_note;
use super::study::{Selection, Study};
use super::{ChartKind, name};

/// One panel an owned system; `None` without one, and without runs.
pub(super) fn draw(study: &Study<'_>, selection: &Selection) -> Option<Chart> {
    let prices = study.prices().filter(|_| !study.all().is_empty())?;
    let (by, terms) = (prices.sensitivity(), prices.terms());
    let (mut panels, mut notes) = (Vec::new(), Vec::new());
    for platform in prices.owned() {
        let Tariff::Owned { ownership, .. } = &platform.tariff else { continue };
        let ownership = Ownership { utilisation: terms.utilisation(), ..*ownership };
        panels.extend(panel(platform, &ownership, by));
        notes.push(price_note(platform));
    }
    let percent = number::tick(by * 100.0);
    notes.push(format!(
        "An assumption that cannot move that far stops at its bound: a PUE at 1, a share at 100 %. {} % of the time does useful work.",
        number::tick(terms.utilisation() * 100.0)
    ));
    let head = kind::Head {
        name: name(ChartKind::Sensitivity, selection),
        title: "What the cost of owned hardware depends on".to_owned(),
        subtitle: format!(
            "USD for an hour of useful work when one assumption at a time is {percent} % lower or higher; the widest first. The cost of a \
             million tokens moves by the same share. Computed from assumptions (n = 0): nothing was measured."
        ),
        notes,
    };
    kind::tornado(
        ChartKind::Sensitivity.name(),
        head,
        [format!("{percent} % lower"), format!("{percent} % higher")],
        panels,
    )
}

fn panel(platform: &Platform, ownership: &Ownership, by: f64) -> Option<kind::TornadoPanel> {
    let base = ownership.hourly().ok()?.useful;
    let lines = ownership.sensitivity(by).ok()?;
    let line = |found: &portbench_catalog::own::Sensitivity| kind::TornadoLine {
        label: found.assumption.to_owned(),
        lower: found.lower.usd,
        higher: found.higher.usd,
    };
    Some(kind::TornadoPanel {
        title: format!("{}: USD per useful hour", platform.name),
        format: Format::Usd,
        base,
        lines: lines.iter().map(line).collect(),
    })
}
