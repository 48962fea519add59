//! What the catalogue holds, as tables.

use portbench_catalog::{Accelerator, Catalog, Precision};

use crate::table::Table;

/// Every accelerator with its dense peaks.
pub(super) fn accelerators(catalog: &Catalog) -> Table {
    let mut table = Table::new(&[
        "accelerator",
        "also",
        "kind",
        "fp32 TFLOPS",
        "bf16 TFLOPS",
        "fp8 TFLOPS",
        "memory",
        "GB/s",
        "TDP W",
        "estimated",
        "sources",
    ]);
    for a in catalog.accelerators() {
        let peak = |p: Precision| {
            a.peak_dense_tflops
                .as_ref()
                .and_then(|peaks| peaks.get(p))
                .map(|v| v.to_string())
                .unwrap_or_default()
        };
        let memory = a.memory.as_ref().map(|m| match (m.gb, m.gib) {
            (Some(gb), _) => format!("{gb} GB"),
            (None, Some(gib)) => format!("{gib} GiB"),
            (None, None) => String::new(),
        });
        let bandwidth = a.bandwidth.as_ref().and_then(portbench_catalog::Bandwidth::bytes_per_second);
        table.row([
            a.name.clone(),
            a.aliases.join(" "),
            a.kind.to_string(),
            peak(Precision::Fp32),
            peak(Precision::Bf16),
            peak(Precision::Fp8),
            memory.unwrap_or_default(),
            bandwidth.map(|b| format!("{:.0}", b / 1e9)).unwrap_or_default(),
            a.power.as_ref().map(|p| p.tdp_w.to_string()).unwrap_or_default(),
            estimated(a),
            a.sources.join(" "),
        ]);
    }
    table
}

/// Which of an accelerator's figures no vendor states.
fn estimated(a: &Accelerator) -> String {
    let marks = [
        ("peak", a.peak_dense_tflops.as_ref().is_some_and(|p| p.estimate)),
        ("memory", a.memory.as_ref().is_some_and(|m| m.estimate)),
        ("bandwidth", a.bandwidth.as_ref().is_some_and(|b| b.estimate)),
        ("power", a.power.as_ref().is_some_and(|p| p.estimate)),
    ];
    let words: Vec<&str> = marks.iter().filter(|(_, estimate)| *estimate).map(|(word, _)| *word).collect();
    words.join(" ")
}

/// Every instance.
pub(super) fn instances(catalog: &Catalog) -> Table {
    let mut table = Table::new(&[
        "instance",
        "provider",
        "accelerator",
        "count",
        "vCPUs",
        "memory GiB",
        "network Gbit/s",
        "priced by",
        "note",
    ]);
    for i in catalog.instances() {
        let mut bases: Vec<&str> = catalog.prices(&i.name).iter().map(|p| p.basis.name()).collect();
        bases.sort_unstable();
        bases.dedup();
        table.row([
            i.name.clone(),
            i.provider.clone(),
            i.accelerator.clone(),
            i.accelerators.to_string(),
            i.vcpus.map(|v| v.to_string()).unwrap_or_default(),
            i.memory_gib.map(|v| v.to_string()).unwrap_or_default(),
            i.network_gbps.map(|v| v.to_string()).unwrap_or_default(),
            bases.join(" "),
            i.note.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// Every price.
pub(super) fn prices(catalog: &Catalog) -> Table {
    let mut table = Table::new(&["instance", "basis", "USD/h", "regions", "date", "marks", "note", "source"]);
    for instance in catalog.instances() {
        for price in catalog.prices(&instance.name) {
            table.row([
                instance.name.clone(),
                price.basis.to_string(),
                match price.usd_per_hour_high {
                    Some(high) => format!("{} to {high}", price.usd_per_hour),
                    None => price.usd_per_hour.to_string(),
                },
                price.places(),
                price.date.to_string(),
                price.marks().join(" "),
                price.note.clone().unwrap_or_default(),
                price.source.clone(),
            ]);
        }
    }
    table
}

/// Every system that one can own.
pub(super) fn systems(catalog: &Catalog) -> Table {
    let mut table = Table::new(&["system", "title", "accelerator", "count", "USD", "kW", "note", "sources"]);
    for s in catalog.systems() {
        let quoted = |q: &Option<portbench_catalog::Quoted>| match q {
            Some(q) if q.estimate => format!("{} (estimate)", q.value),
            Some(q) => q.value.to_string(),
            None => "not published".to_owned(),
        };
        let both = || s.capital_usd.iter().chain(&s.it_kw);
        let notes: Vec<&str> = both().filter_map(|q| q.note.as_deref()).collect();
        let mut sources: Vec<&str> = both().map(|q| q.source.as_str()).collect();
        sources.dedup();
        table.row([
            s.name.clone(),
            s.title.clone(),
            s.accelerator.clone(),
            s.accelerators.to_string(),
            quoted(&s.capital_usd),
            quoted(&s.it_kw),
            notes.join("; "),
            sources.join(" "),
        ]);
    }
    table
}

/// Every source that the tables name.
pub(super) fn sources(catalog: &Catalog) -> Table {
    let mut table = Table::new(&["source", "date", "what"]);
    for (name, source) in catalog.sources() {
        table.row([name.to_owned(), source.date.to_string(), source.what.clone()]);
    }
    table
}
