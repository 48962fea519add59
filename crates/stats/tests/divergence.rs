//! Code divergence against published values and its laws.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use portbench_stats::StatsError;
use portbench_stats::divergence::LineSets;
use proptest::prelude::*;

fn near(found: f64, golden: f64) {
    assert!((found - golden).abs() < 1e-11, "{found} is not {golden}");
}

fn sets(platforms: &[&str], lines: &[(&[&str], u64)]) -> LineSets {
    let mut sets = LineSets::new(platforms).unwrap();
    lines.iter().for_each(|(used_by, n)| sets.add(used_by, *n).unwrap());
    sets
}

/// Values that `metrics.divergence` of P3HPC/p3-analysis-library @bbebc59 gives for these coverage files.
#[test]
fn divergence_is_that_of_p3() {
    // foo.cpp, 10 lines, is used by A and B, bar.cpp, 10 lines, by B alone.
    near(sets(&["A", "B"], &[(&["A", "B"], 10), (&["B"], 10)]).divergence(), 0.5);
    // One path with two contents: no line is the same.
    near(sets(&["A", "B"], &[(&["A"], 10), (&["B"], 10)]).divergence(), 1.0);
    let all = ["cpu", "cuda", "neuron"];
    let three = sets(&all, &[(&all, 80), (&["cuda"], 20), (&["neuron"], 40)]);
    near(three.divergence(), 0.320_634_920_635);
    near(three.convergence(), 1.0 - 0.320_634_920_635);
}

/// Values that `codebasin` of code-base-investigator @dcea187 prints for these setmaps.
#[test]
fn coverage_is_that_of_cbi() {
    let one = sets(&["A", "B"], &[(&["A"], 1), (&["B"], 2), (&["A", "B"], 3), (&[], 4)]);
    near(one.divergence(), 0.5);
    near(one.coverage().unwrap(), 0.60);
    near(one.average_coverage().unwrap(), 0.45);
    let other = sets(&["X", "Y"], &[(&["X"], 1), (&["Y"], 2), (&["X", "Y"], 3), (&[], 6)]);
    near(other.divergence(), 0.5);
    near(other.coverage().unwrap(), 0.50);
    near(other.average_coverage().unwrap(), 0.375);
}

/// P3 drops a platform without lines and says 0.2; here it is as far as can be.
#[test]
fn a_platform_without_lines_counts() {
    let found = sets(&["cpu", "cuda", "neuron"], &[(&["cpu", "cuda"], 80), (&["cuda"], 20)]);
    near(found.divergence(), (0.2 + 1.0 + 1.0) / 3.0);
    let nothing = LineSets::new(&["cuda", "neuron"]).unwrap();
    near(nothing.divergence(), 0.0);
    assert_eq!((nothing.coverage(), nothing.average_coverage()), (None, None));
}

#[test]
fn what_has_no_divergence_is_refused() {
    assert!(matches!(LineSets::new(&["cuda"]), Err(StatsError::TooFew { needed: 2, got: 1, .. })));
    assert!(matches!(LineSets::new(&["cuda", "cuda"]), Err(StatsError::Repeated { .. })));
    assert!(matches!(LineSets::new(&["cuda", " "]), Err(StatsError::Unnamed { .. })));
    let mut two = LineSets::new(&["cuda", "neuron"]).unwrap();
    assert!(matches!(two.add(&["tpu"], 1), Err(StatsError::Unnamed { .. })));
    let one_set = [BTreeSet::from([1])];
    assert!(matches!(two.add_sets(&one_set, 0), Err(StatsError::LengthMismatch { left: 1, right: 2 })));
    assert_eq!(two.distance(0, 2), None);
}

proptest! {
    /// Lies between 0 and 1, is 0 for equal sets, does not depend on the order of platforms, and `add_sets` counts what `add` is told.
    #[test]
    fn laws_of_divergence(a in prop::collection::btree_set(0..40_u32, 0..30), b in prop::collection::btree_set(0..40_u32, 0..30)) {
        let of = |used: &[BTreeSet<u32>]| {
            let mut sets = LineSets::new(&["one", "other"]).unwrap();
            sets.add_sets(used, 3).unwrap();
            sets
        };
        let found = of(&[a.clone(), b.clone()]);
        prop_assert!((0.0..=1.0).contains(&found.divergence()));
        prop_assert_eq!(found.divergence(), of(&[b.clone(), a.clone()]).divergence());
        prop_assert_eq!(of(&[a.clone(), a.clone()]).divergence(), 0.0);
        let mut told = LineSets::new(&["one", "other"]).unwrap();
        told.add(&["one", "other"], a.intersection(&b).count() as u64).unwrap();
        told.add(&["one"], a.difference(&b).count() as u64).unwrap();
        told.add(&["other"], b.difference(&a).count() as u64).unwrap();
        told.add(&[], 3).unwrap();
        prop_assert_eq!(found.divergence(), told.divergence());
        prop_assert_eq!(found.coverage(), told.coverage());
        prop_assert_eq!(found.average_coverage(), told.average_coverage());
    }
}
