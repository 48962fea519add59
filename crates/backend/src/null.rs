//! A backend that does nothing, to measure the harness itself. Its outputs are zeros.
