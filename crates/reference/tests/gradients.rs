//! Gradients against central differences of the loss. The differences go through the direct formulas of the composites, the gradients
//! through their decompositions: neither is computed from the other.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_backend::conformance::{GradientCase, gradient_cases};
use portbench_backend::{Backend, CompileOptions, EntryId, Executable, HostTensor, ParamSource};
use portbench_graph::DType;
use portbench_reference::Reference;

const FORWARD: EntryId = EntryId(1);

/// Loss with element `i` of the shift `name` set to `by`.
fn shifted(executable: &mut dyn Executable, name: &str, zeros: &HostTensor, i: usize, by: f64) -> f64 {
    let mut values = zeros.to_f64();
    values[i] = by;
    let shift = HostTensor::from_f64(zeros.ty().clone(), &values).unwrap();
    executable.bind(FORWARD, &[(name, &shift)]).unwrap();
    executable.execute(FORWARD).unwrap();
    executable.fetch(FORWARD, "loss").unwrap().to_f64()[0]
}

fn differences(case: &GradientCase) -> Vec<Vec<f64>> {
    // The seed of the suite's own parameters, so that both sides stand at the same point.
    let source = ParamSource::Generated { seed: 5 };
    let mut executable =
        Reference::exact().compile(&case.program, &source, &CompileOptions::default()).unwrap();
    for (name, value) in &case.inputs {
        executable.bind(FORWARD, &[(name, value)]).unwrap();
    }
    let h = 1e-5;
    (0..case.params.len())
        .map(|p| {
            let (name, zeros) = &case.inputs[p];
            let by_element = (0..zeros.ty().shape.elements())
                .map(|i| {
                    let up = shifted(&mut *executable, name, zeros, i, h);
                    let down = shifted(&mut *executable, name, zeros, i, -h);
                    (up - down) / (2.0 * h)
                })
                .collect();
            executable.bind(FORWARD, &[(name, zeros)]).unwrap();
            by_element
        })
        .collect()
}

#[test]
fn gradients_are_what_small_moves_of_the_loss_show() {
    let cases = gradient_cases(DType::F64);
    assert!(cases.len() > 60, "{}", cases.len());
    for case in &cases {
        let gradients = case.gradients(&mut Reference::exact()).unwrap().unwrap();
        for ((gradient, expected), param) in gradients.iter().zip(differences(case)).zip(&case.params) {
            let size = expected.iter().fold(1.0f64, |m, e| m.max(e.abs()));
            for (i, (g, e)) in gradient.to_f64().iter().zip(&expected).enumerate() {
                assert!((g - e).abs() < 2e-8 * size, "{}, {param}[{i}]: {g} instead of {e}", case.name);
            }
        }
    }
}
