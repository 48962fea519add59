//! The catalogue: what is built in, what a file may say over it, and how names and prices are found.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use portbench_catalog::{Basis, Catalog, CatalogError, Day, Precision, PriceQuery};

fn built_in() -> Catalog {
    Catalog::built_in().unwrap()
}

fn laid(text: &str) -> Result<Catalog, String> {
    let mut catalog = built_in();
    catalog.lay("own.toml", text).map_err(|e| e.to_string())?;
    Ok(catalog)
}

fn query(basis: Basis, region: Option<&str>, date: Option<&str>) -> PriceQuery {
    PriceQuery { basis, region: region.map(ToOwned::to_owned), date: date.map(|d| Day::parse(d).unwrap()) }
}

#[test]
fn what_is_built_in_holds_together() {
    let catalog = built_in();
    assert!(catalog.accelerators().count() >= 35);
    assert!(catalog.instances().count() >= 80);
    let prices: usize = catalog.instances().map(|i| catalog.prices(&i.name).len()).sum();
    assert!(prices >= 190, "{prices}");
    for accelerator in catalog.accelerators() {
        assert!(!accelerator.sources.is_empty(), "{}", accelerator.name);
        for source in &accelerator.sources {
            assert!(catalog.source(source).is_some(), "{source}");
        }
    }
}

#[test]
fn peaks_are_dense_and_in_plain_units() {
    let catalog = built_in();
    // AWS and NVIDIA data sheets, dense rows.
    for (name, precision, peak, bytes) in [
        ("trn2", Precision::Bf16, 667e12, 2.9e12),
        ("trn2", Precision::Fp8, 1299e12, 2.9e12),
        ("h200", Precision::Bf16, 989.5e12, 4.8e12),
        ("aws-inferentia2", Precision::Bf16, 190e12, 0.82e12),
    ] {
        let accelerator = catalog.accelerator(name).unwrap();
        assert!((accelerator.peak(precision).unwrap() / peak - 1.0).abs() < 1e-12, "{name}");
        assert!((accelerator.bytes_per_second().unwrap() / bytes - 1.0).abs() < 1e-12, "{name}");
    }
    // 50 GiB/s, as AWS prints it.
    let inferentia = catalog.accelerator("inf1").unwrap().bytes_per_second().unwrap();
    assert!((inferentia - 53_687_091_200.0).abs() < 1.0);
    let message = catalog.accelerator("t4").unwrap().peak(Precision::Bf16).unwrap_err().to_string();
    assert_eq!(
        message,
        "nvidia-t4 has no dense bf16 peak in the catalogue: known are fp32, fp16, int8; give it in a file of your own (--catalog FILE)"
    );
    let message =
        catalog.accelerator("cpu-intel-8488c").unwrap().peak(Precision::Fp32).unwrap_err().to_string();
    assert!(message.contains("no dense fp32 peak"), "{message}");
}

#[test]
fn unknown_names_bring_the_nearest() {
    let catalog = built_in();
    for (name, guess) in [("trn22", "trn2"), ("H200", "h200"), ("nvidia-h200", "nvidia-h200-sxm")] {
        let message = catalog.accelerator(name).unwrap_err().to_string();
        assert!(message.starts_with(&format!("no accelerator is named `{name}`: did you mean")), "{message}");
        assert!(message.contains(&format!("`{guess}`")), "{message}");
    }
    let message = catalog.instance("p5en.48xlrage").unwrap_err().to_string();
    assert!(
        message.starts_with("no instance is named `p5en.48xlrage`: did you mean `p5en.48xlarge`"),
        "{message}"
    );
    let message = catalog.system("zebra").unwrap_err().to_string();
    assert_eq!(message, "no system is named `zebra`: the catalogue lists what there is");
    assert!(catalog.instance(&"x".repeat(100_000)).is_err());
}

#[test]
fn the_price_in_force_is_the_newest_of_its_region_and_day() {
    let catalog = built_in();
    let price = |instance, basis, region, date| {
        catalog.price(instance, &query(basis, region, date)).map(|p| p.usd_per_hour)
    };
    let block = Basis::CapacityBlock;
    // Capacity Blocks of p5en were re-priced each quarter.
    assert_eq!(price("p5en.48xlarge", block, Some("us-east-1"), None).unwrap(), 63.158);
    assert_eq!(price("p5en.48xlarge", block, Some("us-east-1"), Some("2026-08-01")).unwrap(), 54.92);
    assert_eq!(price("p5en.48xlarge", block, Some("us-east-1"), Some("2026-02-01")).unwrap(), 41.612);
    assert_eq!(price("p5.48xlarge", Basis::OnDemand, Some("us-east-1"), None).unwrap(), 55.04);
    assert_eq!(price("p5.48xlarge", Basis::OnDemand, Some("us-east-1"), Some("2024-06-01")).unwrap(), 98.32);
    assert_eq!(price("p5en.48xlarge", Basis::SavingsPlan3yr, None, None).unwrap(), 23.8);
    assert_eq!(price("trn2.48xlarge", block, Some("us-east-2"), None).unwrap(), 35.7608);
}

#[test]
fn a_price_that_ended_says_so_and_one_to_come_is_not_in_force() {
    let own = OWN.replace(
        "regions = [\"cellar\"], date = \"2026-11\", source = \"contract\" }",
        "date = \"2026-01..2026-06\", source = \"contract\" },\n { basis = \"on-demand\", usd-per-hour = 9.0, date = \"2999-01-01\", source = \"contract\" }",
    );
    let catalog = laid(&own).unwrap();
    let price = |date| catalog.price("our.box", &query(Basis::OnDemand, None, date)).unwrap();
    let day = |text: &str| Day::parse(text).unwrap();
    assert_eq!((price(None).usd_per_hour, price(Some("2999-06-01")).usd_per_hour), (1.5, 9.0));
    assert_eq!(price(None).ended(day("2026-06-30")), None);
    assert_eq!(
        price(None).ended(day("2026-07-01")).as_deref(),
        Some("the last one known: its period ended on 2026-06-30")
    );
    // A day of reading is no end of anything.
    assert_eq!(price(Some("2999-06-01")).ended(day("2999-12-31")), None);
}

#[test]
fn a_price_that_is_missing_or_depends_on_the_region_is_an_error() {
    let catalog = built_in();
    let refused = |instance, basis, region, date| {
        catalog.price(instance, &query(basis, region, date)).unwrap_err().to_string()
    };
    let message = refused("trn2.48xlarge", Basis::OnDemand, None, None);
    assert_eq!(
        message,
        "trn2.48xlarge has no on-demand price: it has prices for spot, capacity-block; name one (--basis)"
    );
    let message = refused("trn3-gen2-ultraserver", Basis::OnDemand, None, None);
    assert!(
        message.contains("none of any kind is in the catalogue; give one in a file of your own"),
        "{message}"
    );
    let message = refused("trn2.48xlarge", Basis::CapacityBlock, None, None);
    assert!(message.contains("ap-south-2 36.29 USD/h of 2026-10-03, us-east-2 35.7608 USD/h"), "{message}");
    assert!(message.ends_with("name one (--region)"), "{message}");
    let message = refused("trn2.48xlarge", Basis::CapacityBlock, Some("eu-west-1"), None);
    assert!(message.contains("has no capacity-block price in eu-west-1: there are"), "{message}");
    let message = refused("p5.48xlarge", Basis::OnDemand, None, Some("2020-01-01"));
    assert!(message.contains("by 2020-01-01"), "{message}");
    assert!(matches!(
        catalog.price("p5.48xlarg", &query(Basis::OnDemand, None, None)),
        Err(CatalogError::Unknown { .. })
    ));
}

const OWN: &str = r#"
[sources]
contract = { what = "our contract", date = "2026-11-01" }

[[accelerator]]
name = "our-chip"
aliases = ["ours"]
title = "Our chip"
vendor = "us"
kind = "gpu"
peak-dense-tflops = { bf16 = 100.0 }
bandwidth = { gb-s = 1000 }
sources = ["contract"]

[[instance]]
name = "our.box"
provider = "us"
accelerator = "ours"
accelerators = 2

[prices]
"our.box" = [{ basis = "on-demand", usd-per-hour = 1.5, regions = ["cellar"], date = "2026-11", source = "contract" }]
"trn2.48xlarge" = [{ basis = "capacity-block", usd-per-hour = 30.0, regions = ["us-east-2"], date = "2026-11", source = "contract" }]
"#;

#[test]
fn a_file_of_ones_own_lies_over_what_is_built_in() {
    let catalog = laid(OWN).unwrap();
    assert_eq!(catalog.accelerator("ours").unwrap().peak(Precision::Bf16).unwrap(), 1e14);
    assert_eq!(catalog.price("our.box", &query(Basis::OnDemand, None, None)).unwrap().usd_per_hour, 1.5);
    let block = |region, date| {
        catalog.price("trn2.48xlarge", &query(Basis::CapacityBlock, region, date)).unwrap().usd_per_hour
    };
    // One's own goes first; other regions and days before it keep what is built in.
    assert_eq!([block(None, None), block(Some("us-east-2"), None)], [30.0, 30.0]);
    assert_eq!(
        [block(Some("ap-south-2"), None), block(Some("us-east-2"), Some("2026-08-01"))],
        [36.29, 35.7608]
    );
    let before = built_in();
    assert_eq!(catalog.prices("p5.48xlarge"), before.prices("p5.48xlarge"));
    let anywhere = OWN.replace("regions = [\"us-east-2\"], ", "").replace("30.0", "31.0");
    let anywhere = laid(&anywhere).unwrap();
    for region in [None, Some("us-east-2"), Some("eu-north-1")] {
        let found = anywhere.price("trn2.48xlarge", &query(Basis::CapacityBlock, region, None)).unwrap();
        assert_eq!(found.usd_per_hour, 31.0, "{region:?}");
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.toml");
    fs::write(&path, OWN).unwrap();
    assert_eq!(Catalog::load(Some(&path)).unwrap(), {
        let mut catalog = built_in();
        catalog.lay(&path.display().to_string(), OWN).unwrap();
        catalog
    });
    let message = Catalog::load(Some(&folder.path().join("none.toml"))).unwrap_err().to_string();
    assert!(message.starts_with("cannot read"), "{message}");
}

#[test]
fn mistakes_name_file_line_and_key() {
    for (was, is, message) in [
        (
            "usd-per-hour = 1.5",
            "usd-per-hour = -1.5",
            "own.toml:22:37: usd-per-hour: is -1.5; it must be a number above 0",
        ),
        ("usd-per-hour = 1.5", "usd-per-hour = nan", "own.toml:22:37: usd-per-hour: is NaN"),
        (
            "usd-per-hour = 1.5",
            "usd-per-hour = 1.5, usd-per-hour-high = 1.0",
            "own.toml:22:57: usd-per-hour-high: is below",
        ),
        (
            "usd-per-hour = 1.5",
            "usd-an-hour = 1.5",
            "own.toml:22:37: unknown field `usd-an-hour`, expected one of",
        ),
        (
            "\"our.box\" =",
            "\"our.bx\" =",
            "own.toml:22:13: prices: no instance is named `our.bx`: did you mean `our.box`",
        ),
        (
            "accelerator = \"ours\"",
            "accelerator = \"our\"",
            "own.toml:18:1: accelerator: no accelerator is named `our`",
        ),
        ("kind = \"gpu\"", "kind = \"gqu\"", "own.toml:10:8: unknown variant `gqu`"),
        ("bf16 = 100.0", "bf16 = 0.0", "own.toml:11:1: peak-dense-tflops: is 0; it must be"),
        ("gb-s = 1000", "gb-s = 1000, gib-s = 1000", "own.toml:12:1: bandwidth: has `gb-s` and `gib-s`"),
        ("accelerators = 2", "accelerators = 0", "own.toml:19:1: accelerators: is 0"),
        ("date = \"2026-11\"", "date = \"2026-13\"", "own.toml:22:86: `2026-13` is no date"),
        (
            "source = \"contract\"",
            "source = \"contact\"",
            "own.toml:22:97: source: no source is named `contact`: did you mean `contract`? a file names its own",
        ),
        ("\"ours\"]", "\"trn2\"]", "own.toml:7:1: aliases: `trn2` already stands for aws-trainium2"),
        ("name = \"our.box\"", "nane = \"our.box\"", "own.toml:16:1: unknown field `nane`"),
        ("[prices]", "[price]", "own.toml:21:2: unknown field `price`"),
        ("[prices]", "[prices", "own.toml:21:8: "),
    ] {
        let text = OWN.replacen(was, is, 1);
        assert_ne!(text, OWN, "{was}");
        let found = laid(&text).unwrap_err();
        assert!(found.starts_with(message), "{was} -> {is}: {found}");
    }
}

#[test]
fn prices_that_contradict_each_other_are_refused() {
    let row = |usd: f64, region: &str| {
        format!(
            "{{ basis = \"spot\", usd-per-hour = {usd}, regions = [{region}], date = \"2026-11-01\", source = \"kiln\" }}"
        )
    };
    let file = |a: &str, b: &str| format!("[prices]\n\"trn2.48xlarge\" = [\n{a},\n{b},\n]\n");
    let found = laid(&file(&row(1.0, "\"a\", \"b\""), &row(2.0, "\"b\""))).unwrap_err();
    assert_eq!(
        found,
        "own.toml:4:19: usd-per-hour: two spot prices of trn2.48xlarge in b on 2026-11-01: 1 and 2 USD/h"
    );
    assert!(laid(&file(&row(1.0, ""), &row(2.0, ""))).unwrap_err().contains("no stated region"));
    assert!(laid(&file(&row(1.0, "\"a\""), &row(2.0, "\"b\""))).is_ok());
    assert!(laid(&file(&row(1.0, "\"a\""), &row(1.0, "\"a\""))).is_ok());
}
