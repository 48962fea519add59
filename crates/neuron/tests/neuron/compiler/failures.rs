//! Failures, read from messages that AWS's pages or third parties published, and from made-up ones where it is said.

use portbench_neuron::compiler::{Cause, End, Failure, Refusal, meaning};
use proptest::prelude::*;

fn refusal(output: &str) -> Failure {
    Failure::read(End::Exit(70), output)
}

#[test]
fn the_code_and_the_op_are_found() {
    // Published: code, message and the line of HLO below it.
    let sort = refusal(
        "[ERROR] [NCC_EVRF029] Operation sort is not supported on trn2. Use supported equivalent operation like TopK.\n\
         %sort.16 = (f32[16,256], s32[16,256]) sort(%p0, %iota.3), dimensions={1}\n",
    );
    assert_eq!(sort.cause, Cause::Refused(Refusal::Op));
    assert_eq!((sort.code.as_deref(), sort.op.as_deref()), (Some("NCC_EVRF029"), Some("sort")));
    insta::assert_snapshot!(sort.to_string());
    let topk = refusal(
        "2026-01-01T00:00:00Z ERROR 4242 [neuronx-cc]: [NCC_EVRF001] Operator topk is not supported. Locate it.",
    );
    assert_eq!(topk.op.as_deref(), Some("topk"));
    let complex = refusal(
        "[NCC_EVRF004] Complex data types are not supported but found to be used with operator multiply.",
    );
    assert_eq!(
        (complex.op.as_deref(), complex.cause),
        (Some("multiply"), Cause::Refused(Refusal::ElementType))
    );
    let isa = refusal("[NCC_IINAR001] ISA validation failed: Copy;\ninst failed assertion check");
    assert_eq!((isa.op.as_deref(), isa.cause), (None, Cause::Refused(Refusal::Internal)));
}

#[test]
fn an_op_that_only_the_graph_names_comes_from_the_graph() {
    // Varied: the published line of HLO below a message of the error pages.
    let failure = refusal(
        "NCC_EUOC002: An unsupported operator was used.\n  %ts.3 = f32[8,8]{1,0} triangular-solve(%a, %b), lower=true\n",
    );
    assert_eq!(failure.op.as_deref(), Some("triangular-solve"));
    assert_eq!(refusal("[NCC_EUOC002] An unsupported operator was used.\nmore text = none\n").op, None);
}

#[test]
fn device_memory_is_told_from_host_memory() {
    let device = refusal(
        "[ERROR] [NCC_EOOM001] Maximum peak HBM usage of 32.00GB exceeds HBM limit of 24.00GB for Trn2.",
    );
    assert_eq!(device.cause, Cause::Refused(Refusal::DeviceMemory));
    for host in [
        Failure::read(End::Signal(9), ""),
        Failure::read(End::Exit(137), "Killed\n"),
        Failure::read(End::Exit(70), "[F137] neuronx-cc was forcibly killed\n"),
    ] {
        assert_eq!((host.cause, host.code.as_deref()), (Cause::HostMemory, None));
        assert!(host.to_string().contains("compile on a host with more memory"), "{host}");
    }
    // A code says more than the signal that ended the compiler afterwards.
    let coded = Failure::read(
        End::Signal(9),
        "[NCC_EVRF009] Size of total input and output tensors exceeds HBM limit",
    );
    assert_eq!(coded.cause, Cause::Refused(Refusal::DeviceMemory));
}

#[test]
fn crashes_time_limits_and_silence() {
    assert_eq!(Failure::read(End::Signal(11), "").cause, Cause::Crashed(11));
    assert_eq!(refusal("x\n[F134] the compiler aborted\n").cause, Cause::Crashed(6));
    let late = Failure::read(End::TimeLimit(600), "[NCC_EVRF001] half a mess");
    assert_eq!((late.cause, late.code), (Cause::TimeLimit(600), None));
    let silent = refusal("\n\n");
    assert_eq!(silent.cause, Cause::Failed);
    assert_eq!(silent.to_string(), "exit status 70: it printed nothing; read the compiler's log");
}

#[test]
fn messages_are_short_and_name_no_directory() {
    let failure =
        refusal(&format!("[NCC_EVRF064] bad file /home/somebody/secret/graph.hlo {}", "x".repeat(5000)));
    assert!(
        failure.message.starts_with("bad file graph.hlo xxx") && failure.message.len() == 400,
        "{failure}"
    );
    let last = refusal("see '/tmp/secret/log-neuron-cc.txt'\n");
    assert_eq!(last.message, "exit status 70: see 'log-neuron-cc.txt'");
}

#[test]
fn every_published_code_has_a_kind_and_a_way_out() {
    // The codes of AWS's list (2026-07-14), and two that were published elsewhere.
    let ranges = [(1, 1), (4, 7), (9, 11), (13, 13), (15, 19), (22, 22), (29, 29), (31, 31), (35, 65)];
    let numbered = ranges.into_iter().flat_map(|(from, to)| (from..=to).map(|n| format!("NCC_EVRF{n:03}")));
    let named = [
        "EARG001", "EBIR023", "EBVF030", "EHCA005", "EMOD025", "EOOM001", "EOOM002", "ESFH002", "ESPP004",
        "ESPP047", "EUOC002", "EXSP001", "EXTP004",
    ];
    for code in numbered.chain(named.map(|n| format!("NCC_{n}"))) {
        let (kind, way_out) = meaning(&code);
        assert!(kind != Refusal::Unknown && !way_out.is_empty(), "{code}");
    }
    assert_eq!(meaning("NCC_IINAR001").0, Refusal::Internal);
    assert_eq!(meaning("NCC_EZZZ999").0, Refusal::Unknown);
}

proptest! {
    #[test]
    fn no_output_makes_it_panic(output in "(\\[?NCC_[A-Z]{0,5}[0-9]{0,4}\\]? ?|%[a-z.0-9]{1,4} = |[ -~é\\n]{0,20}){0,8}", exit in any::<i32>()) {
        let failure = Failure::read(End::Exit(exit), &output);
        prop_assert!(failure.message.chars().count() <= 400 + 30);
        let json = serde_json::to_string(&failure).unwrap();
        prop_assert_eq!(serde_json::from_str::<Failure>(&json).unwrap(), failure);
    }
}
