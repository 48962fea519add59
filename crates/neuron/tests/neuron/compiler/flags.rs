//! Every flag is written down, and flags that contradict each other are refused.

use portbench_neuron::Target;
use portbench_neuron::compiler::{AutoCast, CastType, Choices, CompilerVersion, Flags};

/// What neuronx-cc 2.27 prints, as published by a third party.
const PRINTED: &str = "NeuronX Compiler version 2.27.5334.0+f702b353\n\nPython version 3.13.7\nHWM version 2.27.5334.0+f702b353\nNumPy version 2.4.6\n";

fn version(text: &str) -> CompilerVersion {
    text.parse().unwrap()
}

#[test]
fn defaults_are_written_out() {
    let newer = CompilerVersion::of_output(PRINTED).unwrap();
    assert_eq!(newer.to_string(), "2.27.5334.0+f702b353");
    let args = |target, version: &CompilerVersion| Flags::new(target).args(version).unwrap().join(" ");
    assert_eq!(
        args(Target::Trn2, &newer),
        "--target trn2 --auto-cast none --optlevel 2 --lnc 2 --native-int64 disabled --implicit-integer-downcast all"
    );
    let older = version("2.26.6360.0");
    assert_eq!(args(Target::Trn1, &newer), "--target trn1 --auto-cast none --optlevel 2 --lnc 1");
    assert_eq!(args(Target::Trn3, &older), "--target trn3 --auto-cast none --optlevel 2 --lnc 2");
}

#[test]
fn settings_reach_the_arguments_and_the_text() {
    let flags = Flags::new(Target::Trn2).auto_cast(AutoCast::Matmult(CastType::Bf16)).optimize(1).unwrap();
    let flags = flags.lnc(1).unwrap().int64(true).unwrap();
    assert_eq!(
        flags.args(&version("2.28.7631.0")).unwrap().join(" "),
        "--target trn2 --auto-cast matmult --auto-cast-type bf16 --optlevel 1 --lnc 1 --native-int64 enabled --implicit-integer-downcast none"
    );
    assert_eq!(flags.to_string(), "trn2 auto-cast matmult-bf16 O1 lnc 1 integers 64");
    assert_eq!(flags.environment(), ("NEURON_LOGICAL_NC_CONFIG", "1".to_owned()));
}

#[test]
fn contradictions_are_refused_with_the_way_out() {
    let refused = |r: Result<Flags, portbench_neuron::NeuronError>| r.unwrap_err().to_string();
    let trn1 = Flags::new(Target::Trn1);
    assert!(refused(trn1.lnc(2)).contains("NCC_EARG001"));
    assert!(refused(Flags::new(Target::Trn2).lnc(4)).contains("1 or 2 physical ones, not 4"));
    assert!(refused(trn1.int64(true)).contains("trn1 computes integers in 32 bits"));
    assert_eq!(refused(trn1.optimize(0)), "`0` is no level of optimisation; known: 1, 2, 3");
    let asked = Flags::new(Target::Trn2).int64(true).unwrap();
    assert!(asked.args(&version("2.26.6360.0")).unwrap_err().to_string().contains("has no --native-int64"));
    assert!(CompilerVersion::of_output("command not found").is_err());
    assert!("latest".parse::<CompilerVersion>().is_err());
}

#[test]
fn the_environment_has_to_agree_with_the_flags() {
    let flags = Flags::new(Target::Trn2);
    for agreed in [None, Some(""), Some("2"), Some(" 2 ")] {
        flags.check_environment(agreed).unwrap();
    }
    assert_eq!(
        flags.check_environment(Some("1")).unwrap_err().to_string(),
        "NEURON_LOGICAL_NC_CONFIG=1 and --lnc 2: a NEFF runs only on logical cores of its own size; unset the variable, or compile with --lnc 1"
    );
}

#[test]
fn ways_to_cast_are_read_as_they_are_written() {
    for text in ["none", "matmult-bf16", "matmult-fp16", "matmult-tf32", "all-bf16", "all-fp16", "all-tf32"] {
        assert_eq!(text.parse::<AutoCast>().unwrap().to_string(), text);
    }
    let error = "matmult".parse::<AutoCast>().unwrap_err().to_string();
    assert!(error.starts_with("`matmult` is no way to cast; known: none, matmult-bf16"), "{error}");
}

#[test]
fn what_was_chosen_travels_as_one_text() {
    let chosen = Choices {
        auto_cast: Some(AutoCast::Matmult(CastType::Bf16)),
        optlevel: Some(1),
        lnc: Some(1),
        int64: true,
    };
    let text = chosen.to_string();
    assert_eq!(text, "--auto-cast matmult-bf16 --optlevel 1 --lnc 1 --int64");
    assert_eq!(text.parse::<Choices>().unwrap(), chosen);
    let flags = chosen.apply(Flags::new(Target::Trn2)).unwrap();
    assert_eq!(flags.to_string(), "trn2 auto-cast matmult-bf16 O1 lnc 1 integers 64");
    assert!("".parse::<Choices>().unwrap().is_empty());
    // What is typed goes before what the environment says, which fills in the rest.
    let typed = Choices { optlevel: Some(3), ..Choices::default() };
    assert_eq!(typed.or(chosen).to_string(), "--auto-cast matmult-bf16 --optlevel 3 --lnc 1 --int64");
    let wrong = |text: &str| text.parse::<Choices>().unwrap_err().to_string();
    assert!(wrong("--optlevel fast").contains("--optlevel `fast`: it takes a number"));
    assert!(wrong("--lnc").contains("--lnc ``"));
    assert!(wrong("-O1").starts_with("`-O1` is no flag; known: --auto-cast WAY"));
    assert!(chosen.apply(Flags::new(Target::Trn1)).is_err());
}
