//! The curve through a frontier, and the frontier.

use portbench_chart::curve::{Better, Steffen, frontier};
use proptest::prelude::*;

/// Golden: `d3.curveMonotoneX` (d3-shape), which is Steffen's method, through the same knots.
#[test]
fn the_curve_is_steffens() {
    let curve = Steffen::through(&[(20.0, 9000.0), (40.0, 7000.0), (60.0, 4000.0), (100.0, 1000.0)]).unwrap();
    assert_eq!(curve.slopes(), [-87.5, -125.0, -125.0, -50.0]);
    for (x, y) in [(30.0, 8093.75), (45.0, 6296.875), (50.0, 5500.0), (80.0, 2125.0)] {
        assert!((curve.at(x) - y).abs() < 1e-9, "{x}: {}", curve.at(x));
    }
    assert_eq!((curve.at(0.0), curve.at(500.0)), (9000.0, 1000.0), "never beyond the data");
}

#[test]
fn two_points_are_joined_by_a_line_and_fewer_by_nothing() {
    let line = Steffen::through(&[(0.0, 1.0), (2.0, 5.0)]).unwrap();
    assert!((line.at(0.5) - 2.0).abs() < 1e-12);
    assert_eq!(Steffen::through(&[(1.0, 1.0)]), None);
    assert_eq!(Steffen::through(&[(1.0, 1.0), (1.0, 2.0)]), None, "x has to rise");
    assert_eq!(Steffen::through(&[(1.0, 1.0), (f64::NAN, 2.0)]), None);
}

/// By hand: (2, 5) is beaten by (3, 6), (1, 8) by nobody, (4, 1) by nobody to its right.
#[test]
fn the_frontier_is_what_nothing_beats() {
    let points = [(2.0, 5.0), (1.0, 8.0), (3.0, 6.0), (4.0, 1.0), (f64::NAN, 9.0), (3.0, 6.0)];
    assert_eq!(frontier(&points, Better::Higher), [1, 2, 3]);
    // Where less is better, (4, 1) beats everything to its left.
    assert_eq!(frontier(&points, Better::Lower), [3]);
    assert_eq!(frontier(&[(1.0, 1.0), (2.0, 3.0), (3.0, 9.0)], Better::Lower), [0, 1, 2]);
    assert!(frontier(&[], Better::Higher).is_empty());
}

proptest! {
    /// Between two knots the curve keeps between their values.
    #[test]
    fn the_curve_never_overshoots(
        ys in prop::collection::vec(-1e6f64..1e6, 2..12),
        steps in prop::collection::vec(0.01f64..100.0, 12),
        part in 0.0f64..1.0,
    ) {
        let mut x = 0.0;
        let knots: Vec<(f64, f64)> = ys.iter().zip(&steps).map(|(y, step)| { x += step; (x, *y) }).collect();
        let curve = Steffen::through(&knots).unwrap();
        for pair in knots.windows(2) {
            let at = pair[0].0 + (pair[1].0 - pair[0].0) * part;
            let (low, high) = (pair[0].1.min(pair[1].1), pair[0].1.max(pair[1].1));
            let room = 1e-9 * (1.0 + high.abs().max(low.abs()));
            prop_assert!(curve.at(at) >= low - room && curve.at(at) <= high + room);
        }
    }

    /// No point of a frontier is beaten by any point, and every other one is beaten or has an equal.
    #[test]
    fn a_frontier_beats_all_others(points in prop::collection::vec((0u8..20, 0u8..20), 0..30)) {
        let points: Vec<(f64, f64)> = points.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).collect();
        let best = frontier(&points, Better::Higher);
        for (i, p) in points.iter().enumerate() {
            let beaten = points.iter().any(|q| q.0 >= p.0 && q.1 >= p.1 && q != p);
            let twin = best.iter().any(|&j| points[j] == *p);
            prop_assert_eq!(!beaten, twin, "{} {:?}", i, p);
        }
        prop_assert!(best.windows(2).all(|pair| points[pair[0]].0 < points[pair[1]].0));
    }
}
