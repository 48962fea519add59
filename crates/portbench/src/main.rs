//! The portbench command line.

fn main() {}
