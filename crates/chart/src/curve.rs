//! The frontier of points that no other one beats, and the curve through it.

/// A monotone cubic through points: Steffen, "A simple method for monotonic interpolation in one dimension", Astronomy and Astrophysics 239 (1990) 443. It goes through every point
/// and between two of them never leaves their values, so that it promises nothing that was not measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Steffen {
    knots: Vec<(f64, f64)>,
    slopes: Vec<f64>,
}

impl Steffen {
    /// The curve through points whose x strictly rises; `None` for fewer than two, or others.
    #[must_use]
    pub fn through(knots: &[(f64, f64)]) -> Option<Self> {
        let finite = knots.iter().all(|(x, y)| x.is_finite() && y.is_finite());
        if knots.len() < 2 || !finite || knots.windows(2).any(|pair| pair[1].0 <= pair[0].0) {
            return None;
        }
        let widths: Vec<f64> = knots.windows(2).map(|p| p[1].0 - p[0].0).collect();
        let secants: Vec<f64> = knots.windows(2).zip(&widths).map(|(p, h)| (p[1].1 - p[0].1) / h).collect();
        let last = knots.len() - 1;
        let mut slopes = vec![0.0; knots.len()];
        for i in 1..last {
            let (before, after) = (secants[i - 1], secants[i]);
            let p = (before * widths[i] + after * widths[i - 1]) / (widths[i - 1] + widths[i]);
            let signs = sign(before) + sign(after);
            slopes[i] = signs * before.abs().min(after.abs()).min(0.5 * p.abs());
        }
        if last == 1 {
            slopes = vec![secants[0]; 2];
        } else {
            slopes[0] = f64::midpoint(3.0 * secants[0], -slopes[1]);
            slopes[last] = f64::midpoint(3.0 * secants[last - 1], -slopes[last - 1]);
        }
        Some(Self { knots: knots.to_vec(), slopes })
    }

    /// Slope at each point.
    #[must_use]
    pub fn slopes(&self) -> &[f64] {
        &self.slopes
    }

    /// Value at an x; beyond the ends that of the end.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        let (first, last) = (self.knots[0], self.knots[self.knots.len() - 1]);
        if x.is_nan() || x <= first.0 {
            return first.1;
        }
        if x >= last.0 {
            return last.1;
        }
        let i = self.knots.partition_point(|k| k.0 <= x) - 1;
        let ((x0, y0), (x1, y1)) = (self.knots[i], self.knots[i + 1]);
        let (h, t) = (x1 - x0, x - x0);
        let secant = (y1 - y0) / h;
        let (m0, m1) = (self.slopes[i], self.slopes[i + 1]);
        let a = (m0 + m1 - 2.0 * secant) / (h * h);
        let b = (3.0 * secant - 2.0 * m0 - m1) / h;
        ((a * t + b) * t + m0) * t + y0
    }
}

fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// Which way a coordinate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More of it.
    Higher,
    /// Less of it.
    Lower,
}

/// Places of the points that no other point beats in both coordinates, by rising x: the Pareto frontier where more `x` is better and `y` is as said. Points that are not finite are on no frontier; of
/// equal ones the first is.
#[must_use]
pub fn frontier(points: &[(f64, f64)], better: Better) -> Vec<usize> {
    let gain = |i: usize| match better {
        Better::Higher => points[i].1,
        Better::Lower => -points[i].1,
    };
    let mut order: Vec<usize> =
        (0..points.len()).filter(|&i| points[i].0.is_finite() && points[i].1.is_finite()).collect();
    // From the right: whoever gains more than everything to its right stays.
    order.sort_by(|&a, &b| {
        points[b].0.total_cmp(&points[a].0).then(gain(b).total_cmp(&gain(a))).then(a.cmp(&b))
    });
    let mut best = f64::NEG_INFINITY;
    order.retain(|&i| {
        let stays = gain(i) > best;
        best = best.max(gain(i));
        stays
    });
    order.reverse();
    order
}
