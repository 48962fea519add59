//! Shares of peaks, against published ones.

use portbench_catalog::utilisation::{mbu, mfu};

#[test]
fn palm_comes_out_as_published() {
    // PaLM, appendix B: 540.35e9 parameters, 118 layers, 48 heads of 256, sequences of 2048, 238,300 tokens a second on 6144 TPU v4 of 275 TFLOPS: 46.2 %, 45.7 % without attention.
    let parameters = 6.0 * 540.35e9;
    let attention = 12.0 * 118.0 * 48.0 * 256.0 * 2048.0;
    let peak = 6144.0 * 275e12;
    let with = mfu(238.3e3 * (parameters + attention), peak).unwrap();
    let without = mfu(238.3e3 * parameters, peak).unwrap();
    assert!((with - 0.462_29).abs() < 5e-6, "{with}");
    assert!((without - 0.457_26).abs() < 5e-6, "{without}");
}

#[test]
fn decoding_by_the_definition_of_databricks() {
    // 7 billion parameters in 16 bits, 14 ms a token, 2 TB/s: 50 %.
    let share = mbu(7e9 * 2.0 / 0.014, 2e12).unwrap();
    assert!((share - 0.5).abs() < 1e-12, "{share}");
}

#[test]
fn more_than_the_peak_is_no_result() {
    assert_eq!(mfu(0.0, 1.0).unwrap(), 0.0);
    assert_eq!(mfu(1.0, 1.0).unwrap(), 1.0);
    let message = mfu(1.1, 1.0).unwrap_err().to_string();
    assert_eq!(message, "the share of the compute peak is 1.1; it must be above 0 and at most 1");
    assert!(mbu(2.0, 1.0).unwrap_err().to_string().contains("share of the bandwidth"));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(mfu(1.0, bad).is_err() && mbu(1.0, bad).is_err(), "{bad}");
    }
    assert!(mfu(-1.0, 1.0).is_err() && mfu(f64::NAN, 1.0).is_err());
}
