//! Workload and suite files: what is run, at which shapes, on which inputs.
