//! The oracle: a slow, obvious f64 interpreter of graphs, with gradients.
