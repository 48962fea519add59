//! Records priced: published ones, so that the sums can be done by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{GENERATE, IMAGES, TRAINING, cpu, instance, instance_on, on_device, record};
use portbench_catalog::cost::Stand;
use portbench_catalog::{Amount, Basis, Catalog};
use portbench_measure::Metric;
use portbench_pricing::{
    Assumptions, NoCost, Origin, Per, Platform, Ran, Rent, Share, Tariff, Terms, Wanted, Work, WorkUnit,
    cost_rows, exchange, price,
};
use portbench_records::Record;
use proptest::prelude::*;

fn close(found: f64, wanted: f64) -> bool {
    (found / wanted - 1.0).abs() < 1e-9
}

fn throughput(record: &Record) -> f64 {
    match record.figures.iter().find(|f| f.metric == Metric::Throughput).unwrap().value {
        portbench_measure::FigureValue::Estimated { value, .. } => value,
        portbench_measure::FigureValue::NotEstimable { .. } => panic!("estimable"),
    }
}

fn none() -> Wanted {
    Wanted::default()
}

#[test]
fn generate_is_priced_by_output_input_and_all_tokens() {
    let record = record(GENERATE, |_| {});
    let platform = cpu();
    let rows = cost_rows(&Work::from(&record), &platform, Terms::default(), &none());
    let pers: Vec<String> = rows.iter().map(|row| row.per.unwrap().to_string()).collect();
    assert_eq!(pers, ["1M output tokens", "1M input tokens", "1M tokens in all"]);
    let usd = |i: usize| rows[i].usd.as_ref().unwrap().value;
    // Formula of the catalogue: price per hour / (tokens a second x 3600 / 1e6).
    let rate = throughput(&record);
    assert!(close(usd(0), platform.usd_per_hour.value / (rate * 3600.0 / 1e6)));
    // 64 tokens are read for each 16 written.
    assert!(close(usd(1), usd(0) * 16.0 / 64.0));
    assert!(close(usd(2), usd(0) * 16.0 / 80.0));
    assert!(
        rows.iter().all(|row| row.share == Some(Share::Whole) && row.provenance == Some(Origin::Measured))
    );
    assert_eq!(rows[0].price_date, "2026-07-20");
    assert!(rows[0].price_origin.contains("karpenter-aws-prices"), "{}", rows[0].price_origin);
}

#[test]
fn units_follow_the_work() {
    let per = |record: &Record| match cost_rows(&Work::from(record), &cpu(), Terms::default(), &none())[0].per
    {
        Some(Per::Count(unit)) => unit.per(),
        other => panic!("{other:?}"),
    };
    assert_eq!(per(&record(IMAGES, |_| {})), "1,000 images");
    assert_eq!(per(&record(TRAINING, |_| {})), "1B training tokens");
    let samples = |sequence: bool| {
        record(IMAGES, |value| {
            value["problem"]["unit"] = "samples".into();
            if sequence {
                value["problem"]["shape"]["sequence"] = 128.into();
            }
        })
    };
    assert_eq!(per(&samples(true)), "1,000 sentences");
    assert_eq!(per(&samples(false)), "1,000 samples");
    assert_eq!(per(&record(IMAGES, |v| v["problem"]["unit"] = "executions".into())), "1,000 executions");
}

#[test]
fn a_training_run_is_billed_with_its_start_up() {
    let record = record(TRAINING, |_| {});
    let platform = cpu();
    let work = Work::from(&record);
    let rows = cost_rows(&work, &platform, Terms::default(), &none());
    assert_eq!(rows.len(), 2);
    let phases = &record.trials;
    let startup: f64 = phases
        .iter()
        .map(|t| t.phases.start.unwrap() + t.phases.compile.unwrap() + t.phases.first_execute.unwrap())
        .sum::<f64>()
        / phases.len() as f64;
    // 2000 steps of 12 x 64 tokens.
    let tokens = 2000.0 * 768.0;
    let wanted = platform.usd_per_hour.value * (startup + tokens / throughput(&record)) / 3600.0;
    assert!(close(rows[1].usd.as_ref().unwrap().value, wanted));
    assert!(
        rows[1].per.unwrap().to_string().starts_with("training run of 2,000 steps, 1,536,000 tokens with 0.")
    );
}

#[test]
fn devices_measured_together_are_the_whole_and_fewer_are_a_part_until_scaled() {
    let platform = instance("p5.48xlarge", Basis::OnDemand, Some("us-east-1"));
    let found = |replicas: u64, scale: bool| {
        let record = on_device(GENERATE, "cuda:0", replicas);
        let work = Work::from(&record);
        let terms = Terms::new(scale, 1.0).unwrap();
        let priced = price(&work, &platform, terms).unwrap();
        (priced.share(), priced.cost(&priced.rates()[0]).unwrap().value)
    };
    let (one, two, all) = (found(1, false), found(2, false), found(8, false));
    assert_eq!(
        [one.0, two.0, all.0],
        [Share::Part { devices: 1, of: 8 }, Share::Part { devices: 2, of: 8 }, Share::Whole]
    );
    // The price is the whole instance's whatever ran.
    assert!(close(one.1, two.1) && close(two.1, all.1));
    let (one, two, all) = (found(1, true), found(2, true), found(8, true));
    assert_eq!(one.0, Share::Scaled { devices: 1, of: 8 });
    assert_eq!(
        (one.0.to_string(), two.0.to_string(), all.0),
        ("scaled x8".into(), "scaled x4".into(), Share::Whole)
    );
    assert!(close(two.1 / one.1, 2.0) && close(all.1 / one.1, 8.0));
    let record = on_device(GENERATE, "cuda:0", 9);
    let message = price(&Work::from(&record), &platform, Terms::default()).unwrap_err().to_string();
    assert_eq!(message, "ran on 9 devices together; p5.48xlarge has 8");
}

#[test]
fn a_neuron_device_is_a_logical_core_and_a_chip_has_several() {
    // 16 Trainium2 with 8 cores each, two joined to a logical one by default (aws-neuron-sdk, trn2-arch).
    let trn2 = instance("trn2.48xlarge", Basis::CapacityBlock, Some("us-east-2"));
    let share = |record: &Record, platform: &Platform| {
        price(&Work::from(record), platform, Terms::default()).unwrap().share()
    };
    let one = on_device(GENERATE, "neuron:0", 1);
    assert_eq!(share(&one, &trn2), Share::Part { devices: 1, of: 64 });
    assert_eq!(share(&on_device(GENERATE, "neuron:0", 64), &trn2), Share::Whole);
    let single = record(GENERATE, |value| {
        value["cell"]["device"] = "neuron:0".into();
        value["backend"]["settings"]["lnc"] = "1".into();
    });
    assert_eq!(share(&single, &trn2), Share::Part { devices: 1, of: 128 });
    // Trainium1: 16 chips of two cores.
    let trn1 = instance("trn1.32xlarge", Basis::OnDemand, Some("us-east-1"));
    assert_eq!(share(&one, &trn1), Share::Part { devices: 1, of: 32 });
}

#[test]
fn other_hardware_has_no_cost() {
    let refused = |record: &Record, platform: &Platform| {
        price(&Work::from(record), platform, Terms::default()).unwrap_err().to_string()
    };
    let h200 = instance("p5en.48xlarge", Basis::OnDemand, Some("us-east-1"));
    assert_eq!(refused(&record(GENERATE, |_| {}), &h200), "ran on cpu; p5en.48xlarge has nvidia-h200-sxm");
    // What the GPU said of itself, through NVML.
    let named = |name: &str| {
        let name = name.to_owned();
        record(GENERATE, move |value| {
            value["cell"]["device"] = "cuda:0".into();
            value["trials"][0]["measurement"]["accelerator"] = serde_json::json!({
                "name": name, "driver": null, "seconds": 1.0, "energy-joules": null, "energy-method": null,
                "memory-bytes": null, "other-processes": null, "readings": []
            });
        })
    };
    assert_eq!(
        refused(&named("NVIDIA H100 80GB HBM3"), &h200),
        "ran on NVIDIA H100 80GB HBM3; p5en.48xlarge has nvidia-h200-sxm"
    );
    assert!(price(&Work::from(&named("NVIDIA H200")), &h200, Terms::default()).is_ok());
    let a10g = instance("g5.xlarge", Basis::OnDemand, None);
    assert!(price(&Work::from(&named("NVIDIA A10G")), &a10g, Terms::default()).is_ok());
}

#[test]
fn products_of_one_model_are_told_apart_by_slot_and_memory() {
    let catalog = Catalog::built_in().unwrap();
    let ran = |product: &str, gib: f64| Ran {
        device: "cuda:0".into(),
        product: Some(product.into()),
        memory_bytes: Some((gib * 1_073_741_824.0) as u64),
        instance: None,
    };
    // Names and sizes as NVML gives them.
    let cards = [
        (ran("NVIDIA A100-SXM4-40GB", 40.0), "a100-40gb"),
        (ran("NVIDIA A100-SXM4-80GB", 80.0), "a100-80gb"),
        (ran("NVIDIA H100 PCIe", 79.6), "h100-pcie"),
        (ran("NVIDIA H100 80GB HBM3", 79.6), "h100"),
        (ran("NVIDIA H200", 140.4), "h200"),
        (ran("NVIDIA GB200", 184.0), "gb200"),
        (ran("Tesla T4", 15.0), "t4"),
        (ran("NVIDIA RTX PRO 6000 Blackwell Server Edition", 95.6), "rtx-pro-6000"),
    ];
    for (card, own) in &cards {
        for (_, name) in &cards {
            let other = card.other_than(catalog.accelerator(name).unwrap());
            assert_eq!(other.is_none(), name == own, "{card} on {name}: {other:?}");
        }
    }
    // Neither in the catalogue.
    let h100 = catalog.accelerator("h100").unwrap();
    assert_eq!(
        ran("NVIDIA H100 NVL", 93.6).other_than(h100).as_deref(),
        Some("NVIDIA H100 NVL with 101 GB of memory")
    );
    let quadro = catalog.accelerator("rtx-pro-6000").unwrap();
    assert!(ran("Quadro RTX 6000", 24.0).other_than(quadro).is_some());
}

#[test]
fn a_neuron_host_says_which_chips_it_has() {
    let ran = |instance: &str| {
        let record = record(GENERATE, |value| {
            value["cell"]["device"] = "neuron:0".into();
            value["environment"]["facts"]["neuron-instance"] = instance.into();
        });
        Ran::from(&record)
    };
    let catalog = Catalog::built_in().unwrap();
    let (trn1, trn2) = (catalog.accelerator("trn1").unwrap(), catalog.accelerator("trn2").unwrap());
    assert_eq!(ran("trn2u.48xlarge").other_than(trn2), None);
    assert_eq!(ran("trn1n.32xlarge").other_than(trn2).as_deref(), Some("trn1n.32xlarge"));
    assert_eq!(ran("trn1n.32xlarge").other_than(trn1), None);
}

#[test]
fn what_arrived_is_no_capacity() {
    let record = record(GENERATE, |value| {
        value["cell"]["scenario"] = serde_json::json!({ "server": { "rate": 0.5 } });
    });
    let (work, platform) = (Work::from(&record), cpu());
    let used = Terms::new(false, 0.5).unwrap();
    let wanted = Wanted::new(vec![1.0, 1000.0], vec![1e6]).unwrap();
    let rows = cost_rows(&work, &platform, used, &wanted);
    let said = |i: usize| match &rows[i].usd {
        Ok(usd) => format!("{}: {}", rows[i].per.unwrap(), usd.value),
        Err(why) => format!("{}: {why}", rows[i].per.unwrap()),
    };
    let rate = throughput(&record);
    let load = format!("{rate:.2e}").parse::<f64>().unwrap();
    // The load says how much of the hour was used.
    let usd = platform.usd_per_hour.value / 3600.0 / rate * 1e6;
    assert!(close(rows[0].usd.as_ref().unwrap().value, usd));
    assert!(said(0).starts_with(&format!("1M output tokens at the scenario's {load} output tokens/s: ")));
    assert!(said(1).starts_with("1M output tokens at 1 output tokens/s offered: "));
    let unknown = format!("not known: the scenario offered {load} output tokens/s");
    assert!(said(2).ends_with(&unknown), "{}", said(2));
    assert!(said(rows.len() - 1).ends_with(&unknown), "{}", said(rows.len() - 1));
    let priced = price(&work, &platform, used).unwrap();
    let refused = exchange(&priced, &priced, 0.0).unwrap_err().to_string();
    assert_eq!(refused, unknown);
    assert!(matches!(priced.break_even_load(&priced.rates()[0], 1e-6), Err(NoCost::Offered { .. })));
}

#[test]
fn the_rent_of_a_site_is_of_the_hardwares_power() {
    // The worked example of the method notes: 10.2 kW at 130 USD a kW and month, PUE 1.25.
    let assumed = Assumptions {
        capital_usd: Some(300_000.0),
        it_kw: Some(10.2),
        pue: 1.25,
        usd_per_kwh: 0.08,
        rent: Some(Rent { usd_per_kw_month: 130.0, includes_power: false }),
        ..Assumptions::default()
    };
    let owned = Platform::owned(&Catalog::built_in().unwrap(), "h200-server", &assumed).unwrap();
    assert!((owned.usd_per_hour.value - 14.286_82).abs() < 6e-6, "{}", owned.usd_per_hour.value);
    assert!(owned.price_origin().contains("130 USD a month for each of 10.2 kW"), "{}", owned.price_origin());
}

#[test]
fn a_price_that_is_no_longer_known_to_hold_says_so() {
    let on = |day: &str| instance_on("p5en.48xlarge", Basis::OnDemand, "us-east-1", day);
    let (during, after) = (on("2025-05-01"), on("2025-07-01"));
    assert_eq!((during.usd_per_hour, during.price_remark()), (after.usd_per_hour, None));
    let remark = "the last one known: its period ended on 2025-06-30";
    assert_eq!(after.price_remark(), Some(remark));
    assert!(after.price_origin().contains(remark), "{}", after.price_origin());
    let ahead = on("2999-01-01");
    assert_eq!(ahead.price_remark(), Some("the last one known: 2999-01-01 is yet to come"));
}

#[test]
fn what_was_not_measured_says_how_it_ended() {
    let row = |record: &Record| {
        let rows = cost_rows(&Work::from(record), &cpu(), Terms::default(), &none());
        assert_eq!(rows.len(), 1);
        (rows[0].per, rows[0].usd.as_ref().unwrap_err().to_string())
    };
    let ended = record(GENERATE, |value| {
        value["outcome"] = "out-of-memory".into();
        value["figures"] = serde_json::json!([]);
    });
    assert_eq!(row(&ended), (None, "out-of-memory".to_owned()));
    let few = record(GENERATE, |value| {
        value["figures"][0]["value"] = serde_json::json!({ "is": "not-estimable", "reason": "one trial" });
    });
    assert_eq!(row(&few), (None, "not estimable: one trial".to_owned()));
    let without = record(GENERATE, |value| value["figures"] = serde_json::json!([]));
    assert_eq!(row(&without), (None, "has no throughput".to_owned()));
}

#[test]
fn an_interval_that_reaches_below_zero_has_no_upper_cost() {
    let record = record(GENERATE, |value| value["figures"][0]["value"]["low"] = (-1.0).into());
    let rows = cost_rows(&Work::from(&record), &cpu(), Terms::default(), &none());
    let usd = rows[0].usd.as_ref().unwrap();
    assert!(usd.low > 0.0 && usd.low <= usd.value && usd.high == f64::INFINITY);
    // JSON has no infinity.
    let json = serde_json::to_value(&rows[0]).unwrap();
    assert_eq!(json["usd"]["high"], serde_json::Value::Null);
}

#[test]
fn cost_falls_with_load_until_it_is_the_cost_at_full_use() {
    let record = record(TRAINING, |_| {});
    let (work, platform) = (Work::from(&record), cpu());
    let priced = price(&work, &platform, Terms::default()).unwrap();
    let rate = priced.rates()[0];
    let at = |share: f64| priced.at_load(&rate, share * rate.per_second.value).unwrap().value;
    assert!(close(at(0.1), 10.0 * at(1.0)) && close(at(0.5), 2.0 * at(1.0)));
    assert!(close(at(1.0), priced.cost(&rate).unwrap().value));
    let over = priced.at_load(&rate, 1.01 * rate.per_second.value).unwrap_err();
    assert!(matches!(over, NoCost::Overload), "{over}");
    assert!(matches!(priced.at_load(&rate, 0.0), Err(NoCost::Sum(_))));
}

#[test]
fn start_up_weighs_less_the_more_is_served() {
    let record = record(GENERATE, |_| {});
    let platform = cpu();
    let mut work = Work::from(&record);
    // Twenty minutes of compiling.
    work.startup_seconds = Some(1200.0);
    let priced = price(&work, &platform, Terms::default()).unwrap();
    let (few, many) = (priced.bill(1e3).unwrap(), priced.bill(1e9).unwrap());
    let bare = priced.cost(&priced.rates()[0]).unwrap().value;
    let startup = platform.usd_per_hour.value / 3.0;
    assert!(
        close(few.usd.value, startup + bare * 1e-3) && close(few.usd_per_count.value, few.usd.value * 1e3)
    );
    assert!(few.usd_per_count.value > 18.0 * bare && many.usd_per_count.value < 1.01 * bare);
    work.startup_seconds = None;
    let wanted = Wanted::new(vec![], vec![1e6]).unwrap();
    let rows = cost_rows(&work, &platform, Terms::default(), &wanted);
    let last = rows.last().unwrap();
    assert_eq!(last.per.unwrap().to_string(), "1,000,000 output tokens with its start-up");
    assert!(matches!(last.usd, Err(NoCost::NoStartup)));
}

#[test]
fn idle_time_is_billed() {
    let record = record(GENERATE, |_| {});
    let (work, platform) = (Work::from(&record), cpu());
    let cost = |utilisation: f64| {
        let priced = price(&work, &platform, Terms::new(false, utilisation).unwrap()).unwrap();
        priced.cost(&priced.rates()[0]).unwrap().value
    };
    assert!(close(cost(0.25), 4.0 * cost(1.0)));
    for bad in [0.0, -0.5, 1.5, f64::NAN] {
        assert!(Terms::new(false, bad).is_err(), "{bad}");
        assert!(Wanted::new(vec![-1.0], vec![]).is_err() && Wanted::new(vec![], vec![f64::NAN]).is_err());
    }
}

#[test]
fn an_old_run_is_priced_again_on_another_day() {
    let record = on_device(GENERATE, "cuda:0", 8);
    let work = Work::from(&record);
    let on = |day: &str| {
        let platform = instance_on("p5en.48xlarge", Basis::CapacityBlock, "us-east-1", day);
        let rows = cost_rows(&work, &platform, Terms::default(), &none());
        (rows[0].usd.as_ref().unwrap().value, rows[0].price_date.clone())
    };
    let (before, after) = (on("2026-02-01"), on("2026-11-01"));
    // AWS re-prices Capacity Blocks each quarter: 41.612 and 63.158 USD an hour.
    assert!(close(after.0 / before.0, 63.158 / 41.612));
    assert_ne!(before.1, after.1);
}

#[test]
fn owned_hardware_has_the_cost_of_its_parts() {
    let catalog = Catalog::built_in().unwrap();
    let assumed = Assumptions { usd_per_kwh: 0.08, pue: 1.25, ..Assumptions::default() };
    let owned = Platform::owned(&catalog, "gb200-nvl72", &assumed).unwrap();
    let Tariff::Owned { hourly, .. } = &owned.tariff else { panic!("owned") };
    // 3 million USD over 4 years at 10 % with monthly payments, 120 kW: annuity of 48 months at 10/12 %.
    let r: f64 = 0.1 / 12.0;
    let capital = 3e6 * r / (1.0 - (1.0 + r).powi(-48)) * 12.0 / 8760.0;
    assert!(close(hourly.capital, capital) && close(hourly.energy, 120.0 * 1.25 * 0.08));
    assert!(close(owned.usd_per_hour.value, hourly.capital + hourly.energy + 3e6 * 0.03 / 8760.0));
    assert_eq!((owned.basis(), owned.accelerators), ("owned", 72));
    assert_eq!(owned.price_date(), "2026-02-13");
    let missing = Platform::owned(&catalog, "trn2-ultraserver", &Assumptions::default()).unwrap_err();
    assert!(missing.to_string().contains("--capital USD"), "{missing}");
    let given = Assumptions { capital_usd: Some(2e6), ..Assumptions::default() };
    let given = Platform::owned(&catalog, "trn2-ultraserver", &given).unwrap();
    assert_eq!((given.price_date().as_str(), given.accelerators), ("given", 64));
}

#[test]
fn a_change_of_platform_breaks_even_and_pays_back() {
    let given = |rate: f64| Work::at_rate(WorkUnit::Tokens, Amount::exact(rate), Origin::Given).unwrap();
    // foxl-ai/kiln docs/price-performance.md: 2,359 tokens a second on p5en against 1,800 on trn2.
    let (now, then) = (given(2359.0), given(1800.0));
    let (p5en, trn2) = (
        instance("p5en.48xlarge", Basis::CapacityBlock, Some("us-east-1")),
        instance("trn2.48xlarge", Basis::CapacityBlock, Some("us-east-2")),
    );
    let half = Terms::new(false, 0.5).unwrap();
    let both = |terms: Terms| {
        exchange(&price(&now, &p5en, terms).unwrap(), &price(&then, &trn2, terms).unwrap(), 1e5).unwrap()
    };
    // P_b = P_a T_b / T_a, of an hour of the calendar whatever the use.
    let full = both(Terms::default());
    assert!(close(full.break_even.usd_per_hour.value, 63.158 * 1800.0 / 2359.0));
    assert!(close(both(half).break_even.usd_per_hour.value, full.break_even.usd_per_hour.value));
    assert_eq!((full.now.share, full.break_even.stand), (Share::Whole, Stand::Cheaper));
    assert!(close(full.against.usd.value, 35.7608 / 1800.0 / 3600.0 * 1e6));
    // N = M / (c_a - c_b); with half the use each token saves twice as much.
    let saved = (63.158 / 2359.0 - 35.7608 / 1800.0) / 3600.0;
    assert!(close(full.break_even.payback_units.unwrap().value, 1e5 / saved));
    assert!(close(both(half).break_even.payback_units.unwrap().value, 1e5 / (2.0 * saved)));
}

#[test]
fn unlike_works_are_not_exchanged_and_what_differs_is_named() {
    let platform = cpu();
    let one = record(GENERATE, |_| {});
    let against = |other: &Record| {
        let (one, other) = (Work::from(&one), Work::from(other));
        let terms = Terms::default();
        let found =
            exchange(&price(&one, &platform, terms).unwrap(), &price(&other, &platform, terms).unwrap(), 0.0);
        found.unwrap_err().to_string()
    };
    let message = against(&record(GENERATE, |value| {
        value["problem"]["fingerprint"] = "0123456789abcdef".into();
        value["problem"]["shape"]["prompt"] = 128.into();
        value["cell"]["numerics"] = "bf16".into();
        value["spec"]["boundary"] = "host-to-host".into();
    }));
    assert_eq!(
        message,
        "not the same work: programs 5ba96329bbfe and 0123456789ab (fingerprints); prompt 64 and 128; \
         numerics f32 and bf16; timers that enclose device-resident and host-to-host work"
    );
    let message = against(&record(TRAINING, |_| {}));
    assert!(message.contains("models gpt2 124m and gpt2 nano-char"), "{message}");
}

#[test]
fn rows_are_objects_with_numbers() {
    let rows = cost_rows(&Work::from(&record(GENERATE, |_| {})), &cpu(), Terms::default(), &none());
    let json = serde_json::to_value(&rows[0]).unwrap();
    assert_eq!(json["of-platform"], "whole");
    assert_eq!(json["per"], "1M output tokens");
    assert_eq!(json["provenance"], "measured");
    assert!(json["usd"]["value"].is_f64() && json["detail"].is_null());
    assert!(json["throughput"]["low"].is_f64());
}

proptest! {
    #[test]
    fn a_part_costs_as_much_an_hour_as_the_whole(replicas in 1..=8_u64, utilisation in 0.01..=1.0_f64) {
        let platform = instance("p5.48xlarge", Basis::OnDemand, Some("us-east-1"));
        let record = on_device(GENERATE, "cuda:0", replicas);
        let work = Work::from(&record);
        let cost = |scale: bool| {
            let priced = price(&work, &platform, Terms::new(scale, utilisation).unwrap()).unwrap();
            priced.cost(&priced.rates()[0]).unwrap().value
        };
        prop_assert!(close(cost(false) / cost(true), 8.0 / replicas as f64));
    }
}
