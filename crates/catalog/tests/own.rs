//! Owned hardware: goldens of the formulas, and how costs move.

use portbench_catalog::own::{Colocation, Ownership, Payments};
use proptest::prelude::*;

/// A server of 300,000 USD: the worked example of the method notes from which the formulas were taken.
fn server() -> Ownership {
    Ownership {
        capital_usd: 300_000.0,
        years: 4.0,
        interest: 0.10,
        payments: Payments::Monthly,
        it_kw: 10.2,
        load: 1.0,
        pue: 1.25,
        usd_per_kwh: 0.08,
        colocation: Some(Colocation { usd_per_kw_month: 130.0, provisioned_kw: 10.2, includes_power: false }),
        operations: 0.03,
        utilisation: 0.7,
    }
}

fn near(found: f64, golden: f64) {
    assert!((found - golden).abs() < 6e-6, "{found} is not {golden}");
}

#[test]
fn the_worked_example_comes_out() {
    let cost = server().hourly().unwrap();
    near(cost.capital, 10.422_98);
    near(cost.energy, 1.02);
    near(cost.colocation, 1.816_44);
    near(cost.operations, 1.027_40);
    near(cost.total, 14.286_82);
    near(cost.useful, 20.409_74);
    near(Ownership { payments: Payments::Yearly, ..server() }.hourly().unwrap().capital, 10.803_79);
    near(Ownership { interest: 0.0, ..server() }.hourly().unwrap().capital, 300_000.0 / 4.0 / 8760.0);
    near(Ownership { interest: 1e-9, ..server() }.hourly().unwrap().capital, 300_000.0 / 4.0 / 8760.0);
}

#[test]
fn rent_that_holds_the_power_is_not_charged_with_it() {
    let site = Colocation { usd_per_kw_month: 180.0, provisioned_kw: 10.2, includes_power: true };
    let cost = Ownership { colocation: Some(site), ..server() }.hourly().unwrap();
    near(cost.energy, 0.0);
    near(cost.colocation, 10.2 * 180.0 * 12.0 / 8760.0);
    let cost = Ownership { colocation: None, ..server() }.hourly().unwrap();
    near(cost.colocation, 0.0);
    near(cost.energy, 1.02);
}

#[test]
fn sensitivity_names_what_matters_most_first() {
    let found = server().sensitivity(0.2).unwrap();
    let names: Vec<&str> = found.iter().map(|s| s.assumption).collect();
    assert_eq!(names[..3], ["utilisation", "capital", "years"]);
    assert!(names.contains(&"colocation"));
    let capital = found.iter().find(|s| s.assumption == "capital").unwrap();
    near(capital.higher.usd - capital.lower.usd, 0.4 * (10.422_98 + 1.027_40) / 0.7);
    near(capital.higher.to, 360_000.0);
    let named =
        |o: Ownership, name: &str| o.sensitivity(0.2).unwrap().into_iter().find(|s| s.assumption == name);
    // What cannot move that far is computed and named at its bound.
    let full = Ownership { utilisation: 1.0, pue: 1.15, ..server() };
    let (used, pue) = (named(full, "utilisation").unwrap(), named(full, "pue").unwrap());
    assert!(used.higher.bounded && used.higher.to == 1.0 && !used.lower.bounded);
    near(used.higher.usd, full.hourly().unwrap().useful);
    assert!(pue.lower.bounded && pue.lower.to == 1.0 && pue.assumed == 1.15);
    let owned = Ownership { colocation: None, interest: 0.0, ..server() }.sensitivity(0.2).unwrap();
    assert!(owned.iter().all(|s| !["colocation", "interest"].contains(&s.assumption)));
}

#[test]
fn what_is_out_of_range_is_refused_by_name() {
    let base = server();
    let refused = |o: Ownership| o.hourly().unwrap_err().to_string();
    assert_eq!(
        refused(Ownership { capital_usd: 0.0, ..base }),
        "the capital in USD is 0; it must be a number above 0"
    );
    assert_eq!(refused(Ownership { pue: 0.9, ..base }), "the PUE is 0.9; it must be at least 1");
    assert_eq!(
        refused(Ownership { utilisation: 0.0, ..base }),
        "utilisation is 0; it must be above 0 and at most 1"
    );
    assert!(refused(Ownership { usd_per_kwh: 0.0, ..base }).contains("kWh"));
    assert!(refused(Ownership { interest: f64::NAN, ..base }).contains("interest"));
    assert!(base.sensitivity(1.0).is_err());
}

proptest! {
    #[test]
    fn every_assumption_moves_the_cost_the_way_it_should(
        capital in 1e3..1e7_f64, years in 1.0..10.0_f64, interest in 0.0..0.5_f64, kw in 0.1..200.0_f64, used in 0.05..0.95_f64
    ) {
        let base = Ownership { capital_usd: capital, years, interest, it_kw: kw, utilisation: used, ..server() };
        let useful = |change: fn(&mut Ownership)| {
            let mut changed = base;
            change(&mut changed);
            changed.hourly().unwrap().useful
        };
        let cost = base.hourly().unwrap();
        prop_assert!(cost.capital > 0.0 && cost.energy > 0.0 && cost.useful > cost.total);
        prop_assert!((cost.capital + cost.energy + cost.colocation + cost.operations - cost.total).abs() < 1e-9 * cost.total);
        prop_assert!(useful(|o| o.capital_usd *= 1.1) > cost.useful);
        prop_assert!(useful(|o| o.interest += 0.01) > cost.useful);
        prop_assert!(useful(|o| o.years += 1.0) < cost.useful);
        prop_assert!(useful(|o| o.it_kw *= 1.1) > cost.useful);
        prop_assert!(useful(|o| o.utilisation += 0.01) < cost.useful);
        // Interest costs at least nothing: what is paid back is at least what was borrowed.
        prop_assert!(cost.capital * 8760.0 * years >= capital * (1.0 - 1e-9));
    }
}
