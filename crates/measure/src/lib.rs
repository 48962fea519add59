//! Clock, warm-up, sampling, scenarios and telemetry.
