//! The reference passes the suite it is the oracle of, in both precisions; backends with planted faults do not.

use portbench_backend::BackendInfo;
use portbench_backend::conformance::{self, CaseReport, Report, Verdict};
use portbench_reference::Reference;

#[test]
fn the_exact_interpreter_passes() {
    conformance::run(&mut Reference::exact(), &mut Reference::exact()).assert_passed();
}

#[test]
fn the_rounding_interpreter_passes() {
    conformance::run(&mut Reference::rounded(), &mut Reference::exact()).assert_passed();
}

#[test]
fn a_report_reads_as_text() {
    let case = |name: &str, verdict| CaseReport { name: name.into(), verdict };
    let report = Report {
        backend: BackendInfo { backend: "mine".into(), device: "chip:0".into(), ..BackendInfo::default() },
        cases: vec![
            case("add (f32[2])", Verdict::Passed),
            case("sin (bf16[2])", Verdict::Unsupported { reason: "sin: no kernel for bf16".into() }),
            case("sub (f32[2])", Verdict::Failed { reason: "element 0 is 1e0 instead of -1e0".into() }),
        ],
    };
    let text = "\
conformance of mine on chip:0: 1 passed, 1 unsupported, 1 failed
failed       sub (f32[2]): element 0 is 1e0 instead of -1e0
unsupported  sin (bf16[2]): sin: no kernel for bf16
";
    assert_eq!(report.to_string(), text);
    assert_eq!(report.counts(), (1, 1, 1));
}
