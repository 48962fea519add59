//! What work costs, against published sums and as properties.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_catalog::Amount;
use portbench_catalog::cost::{
    Offer, Stand, at_load, bill, break_even, break_even_load, interrupted, joules_per_unit, per_units,
    rate_per_megawatt, utilised,
};
use proptest::prelude::*;

fn close(found: f64, golden: f64, digits: f64) -> bool {
    (found - golden).abs() <= digits
}

fn per_million(usd_per_hour: f64, rate: f64) -> f64 {
    per_units(Amount::exact(usd_per_hour), Amount::exact(rate), 1e6).unwrap().value
}

#[test]
fn published_costs_per_million_tokens_come_out() {
    // InferenceX-app @77ca49a: an H100 at 1.30 USD/h and 1.73 kW writing 1000 tokens a second.
    assert!(close(per_million(1.30, 1000.0), 0.361_111, 1e-6));
    assert!(close(joules_per_unit(1.73, 1000.0).unwrap(), 1.73, 1e-12));
    assert!(close(rate_per_megawatt(1.73, 1000.0).unwrap(), 578_034.68, 0.01));
    // foxl-ai/kiln docs/price-performance.md @a04d1fa, to the cents printed there.
    assert!(close(per_million(72.795, 2359.0), 8.57, 0.005));
    assert!(close(per_million(35.7608, 632.4), 15.71, 0.005));
    assert!(close(per_million(2.15, 137.1), 4.36, 0.005));
    // AWS Neuron benchmark pages, BERT base: cost per million inferences on trn1.2xlarge and inf2.xlarge.
    assert!(close(per_million(0.512, 3421.57), 0.0416, 5e-5));
    assert!(close(per_million(0.328, 2674.19), 0.0341, 5e-5));
}

#[test]
fn break_even_and_payback() {
    let (a, b) = (
        Offer { usd_per_hour: Amount::exact(4.0), units_per_second: Amount::exact(1000.0) },
        Offer { usd_per_hour: Amount::exact(2.0), units_per_second: Amount::exact(700.0) },
    );
    // P_b = P_a T_b / T_a: 4.0 x 0.7 = 2.80 USD/h.
    let found = break_even(a, b, 1000.0).unwrap();
    assert!(close(found.usd_per_hour.value, 2.80, 1e-12));
    assert_eq!((found.stand, found.overlap, found.discount), (Stand::Cheaper, false, None));
    let units = found.payback_units.unwrap();
    let saved = (4.0 / 1000.0 - 2.0 / 700.0) / 3600.0;
    assert!(
        close(units.value * saved, 1000.0, 1e-6) && units.low == units.value && units.high == units.value
    );
    // Back again 4.00 USD/h would have to fall to 2.00 x 1000 / 700, by 28.6 %.
    let back = break_even(b, a, 1000.0).unwrap();
    assert_eq!((back.stand, back.payback_units), (Stand::Dearer, None));
    assert!(close(back.discount.unwrap().value, 1.0 - 2.0 / 0.7 / 4.0, 1e-12));
    let same = break_even(a, a, 1000.0).unwrap();
    assert_eq!(
        (same.stand, same.overlap, same.discount, same.payback_units),
        (Stand::Equal, true, None, None)
    );
    // 1.30 USD/h against an API at 0.50 USD per million.
    assert!(close(break_even_load(1.30, 0.5, 1e6).unwrap(), 722.222_222, 1e-6));
}

#[test]
fn break_even_reaches_as_far_as_the_intervals_of_both_sides() {
    let offer = |usd: f64, [value, low, high]: [f64; 3]| Offer {
        usd_per_hour: Amount::exact(usd),
        units_per_second: Amount { value, low, high },
    };
    let (a, b) = (offer(4.0, [1000.0, 800.0, 1250.0]), offer(2.0, [700.0, 500.0, 800.0]));
    let found = break_even(a, b, 3600.0).unwrap();
    let price = found.usd_per_hour;
    assert!(close(price.low, 4.0 * 500.0 / 1250.0, 1e-12) && close(price.high, 4.0 * 800.0 / 800.0, 1e-12));
    // 4/1250..4/800 USD a 3600 units against 2/800..2/500: it may never pay back.
    let units = found.payback_units.unwrap();
    assert!(found.overlap && close(units.low, 3600.0 * 3600.0 / (4.0 / 800.0 - 2.0 / 800.0), 1e-3));
    assert_eq!(units.high, f64::INFINITY);
    let back = break_even(b, a, 0.0).unwrap().discount.unwrap();
    assert!(back.low == 0.0 && back.low < back.value && back.value < back.high && back.high < 1.0);
}

#[test]
fn intervals_are_carried_end_to_end() {
    let price = Amount { value: 2.0, low: 1.0, high: 3.0 };
    let rate = Amount { value: 100.0, low: 80.0, high: 125.0 };
    let cost = per_units(price, rate, 3600.0).unwrap();
    assert_eq!((cost.value, cost.low, cost.high), (0.02, 0.008, 0.0375));
    let unbounded = per_units(price, Amount { low: 0.0, ..rate }, 1.0).unwrap();
    assert_eq!(unbounded.high, f64::INFINITY);
}

#[test]
fn what_is_not_a_price_or_rate_is_refused() {
    let one = Amount::exact(1.0);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(per_units(Amount::exact(bad), one, 1.0).is_err(), "{bad}");
        assert!(per_units(one, Amount::exact(bad), 1.0).is_err(), "{bad}");
        assert!(per_units(one, one, bad).is_err(), "{bad}");
        assert!(utilised(one, bad).is_err(), "{bad}");
        assert!(break_even_load(1.0, bad, 1.0).is_err(), "{bad}");
        assert!(joules_per_unit(bad, 1.0).is_err(), "{bad}");
    }
    assert!(utilised(one, 1.01).is_err());
    assert!(bill(one, one, 1.0, -1.0).is_err());
    assert!(interrupted(one, -0.1, 0.0).is_err());
    let message = at_load(one, one, 2.0, 1.0).unwrap_err().to_string();
    assert_eq!(
        message,
        "the offered load is 2; it must be at most the throughput: more than that cannot be served"
    );
}

fn amounts() -> impl Strategy<Value = Amount> {
    (1e-3..1e6_f64, 0.0..1.0_f64, 1.0..10.0_f64).prop_map(|(value, down, up)| Amount {
        value,
        low: value * (1.0 - down * 0.99),
        high: value * up,
    })
}

proptest! {
    #[test]
    fn costs_rise_with_price_and_fall_with_rate(price in amounts(), rate in amounts(), more in 1.001..100.0_f64, count in 1.0..1e9_f64) {
        let base = per_units(price, rate, count).unwrap();
        prop_assert!(base.low > 0.0 && base.low <= base.value && base.value <= base.high);
        prop_assert!(per_units(price.times(more), rate, count).unwrap().value > base.value);
        prop_assert!(per_units(price, rate.times(more), count).unwrap().value < base.value);
        prop_assert!(per_units(price, rate, count * more).unwrap().value > base.value);
    }

    #[test]
    fn partial_use_never_makes_work_cheaper(cost in amounts(), less in 0.01..1.0_f64, share in 0.01..1.0_f64) {
        let used = utilised(cost, share).unwrap();
        prop_assert!(used.value >= cost.value);
        prop_assert!(utilised(cost, share * less).unwrap().value >= used.value);
    }

    #[test]
    fn start_up_weighs_less_the_more_is_served(price in amounts(), rate in amounts(), units in 1.0..1e9_f64, startup in 1.0..1e4_f64, more in 1.1..100.0_f64) {
        let each = |n: f64| bill(price, rate, n, startup).unwrap().value / n;
        let bare = per_units(price, rate, 1.0).unwrap().value;
        prop_assert!(each(units) > bare);
        prop_assert!(each(units * more) < each(units));
        prop_assert!(bill(price, rate, units, 0.0).unwrap() == per_units(price, rate, units).unwrap());
    }

    #[test]
    fn a_load_costs_as_much_as_that_share_of_use(price in 0.01..1e3_f64, capacity in 1.0..1e6_f64, share in 0.001..1.0_f64) {
        let (price, capacity) = (Amount::exact(price), Amount::exact(capacity));
        let loaded = at_load(price, capacity, capacity.value * share, 1e6).unwrap().value;
        let used = utilised(per_units(price, capacity, 1e6).unwrap(), share).unwrap().value;
        prop_assert!((loaded / used - 1.0).abs() < 1e-9);
    }

    #[test]
    fn at_the_break_even_price_both_cost_the_same(pa in 0.01..1e3_f64, ta in 0.1..1e6_f64, pb in 0.01..1e3_f64, tb in 0.1..1e6_f64) {
        let offer = |usd, rate| Offer { usd_per_hour: Amount::exact(usd), units_per_second: Amount::exact(rate) };
        let (a, b) = (offer(pa, ta), offer(pb, tb));
        let found = break_even(a, b, 1.0).unwrap();
        let at = |p: f64, t: f64| per_million(p, t);
        prop_assert!((at(found.usd_per_hour.value, tb) / at(pa, ta) - 1.0).abs() < 1e-9);
        if let Some(discount) = found.discount {
            prop_assert!((pb * (1.0 - discount.value) / found.usd_per_hour.value - 1.0).abs() < 1e-6);
        }
        prop_assert_eq!(found.payback_units.is_some(), pb / tb < pa / ta);
        prop_assert_eq!(found.discount.is_some(), pb / tb > pa / ta);
    }
}
