//! Published results: those of the project, and what is wrong with a file that is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use portbench_catalog::published::{Entry, built_in, read, read_directory};
use portbench_catalog::{Amount, Catalog, cost};

fn ours() -> Vec<Entry> {
    read_directory(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/published")).unwrap()
}

#[test]
fn every_published_result_has_its_source_and_a_figure() {
    let entries = ours();
    assert_eq!(entries, built_in().unwrap());
    assert!(entries.len() >= 110, "{}", entries.len());
    let catalog = Catalog::built_in().unwrap();
    for Entry { file, publisher, result } in &entries {
        assert!(!publisher.is_empty() && !result.source.is_empty(), "{file}: {}", result.model);
    }
    for entry in entries.iter().filter(|e| e.result.work.is_some() || e.result.accelerator.is_some()) {
        assert!(entry.hardware(&catalog).is_some(), "{}: {}", entry.file, entry.result.instance);
    }
    let has = |model: &str, instance: &str, rate: f64| {
        entries.iter().any(|e| {
            e.result.model == model && e.result.instance == instance && e.result.throughput == Some(rate)
        })
    };
    assert!(has("bert-base-uncased", "trn1.2xlarge", 3421.57));
    assert!(has("Llama-3-70B", "trn1.32xlarge", 120.36));
    // MLPerf Inference v5.1, closed, NVIDIA, Offline.
    assert!(has("Llama-3.1-8B", "NVIDIA DGX B200", 136_752.0));
}

#[test]
fn costs_published_with_their_price_come_out_of_our_formula() {
    let mut checked = 0;
    for Entry { result, .. } in ours() {
        if let (Some(rate), Some(usd), Some(million)) =
            (result.throughput, result.usd_per_hour, result.usd_per_million)
        {
            let found = cost::per_units(Amount::exact(usd), Amount::exact(rate), 1e6).unwrap().value;
            assert!((found - million).abs() < 0.01, "{} {rate}: {found} is not {million}", result.model);
            checked += 1;
        }
    }
    assert!(checked >= 7, "{checked}");
}

const ONE: &str = r#"publisher = "somebody"
caveats = ["of the file"]

[[result]]
model = "m"
mode = "inference"
instance = "i"
throughput = 2.5
unit = "images"
source = "a page"
date = "2026-10"
caveats = ["of the row"]
"#;

#[test]
fn a_file_is_read_with_its_caveats_before_those_of_a_result() {
    let entries = read("folder/somebody.toml", ONE).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].file, "somebody");
    assert_eq!(entries[0].result.caveats, ["of the file", "of the row"]);
}

#[test]
fn mistakes_name_file_line_and_key() {
    for (was, is, message) in [
        (
            "throughput = 2.5",
            "throughput = -2.5",
            "p.toml:8:1: throughput: is -2.5; it must be a number above 0",
        ),
        ("unit = \"images\"\n", "", "p.toml:8:1: throughput: and `unit` go together"),
        ("throughput = 2.5\nunit = \"images\"\n", "", "p.toml:5:1: model: the result has no throughput"),
        ("throughput", "thruput", "p.toml:8:1: unknown field `thruput`"),
        ("date = \"2026-10\"\n", "", "p.toml:4:1: missing field `date`"),
        (
            "instance = \"i\"",
            "instance = \"i\"\naccelerator = \"h200\"",
            "p.toml:8:1: accelerator: and `accelerators`, at least 1, go together",
        ),
        ("2026-10", "lately", "p.toml:11:8: `lately` is no date"),
    ] {
        let found = read("p.toml", &ONE.replacen(was, is, 1)).unwrap_err().to_string();
        assert!(found.starts_with(message), "{was} -> {is}: {found}");
    }
}
