//! The table of limits, and programs held against it.

use std::collections::BTreeSet;

use portbench_graph::{
    BinaryKind, DType, DecayRule, Op, Optimizer, Program, ProgramBuilder, Schedule, TrainSpec, Type, rewrite,
};
use portbench_models::{Form, Model, Request};
use portbench_neuron::limits::{Certainty, Finding, Platform, Verdict, check, limits, of_op, parse};
use portbench_neuron::{Line, Sdk, Target};

fn program(family: &str, preset: &str, form: Form, dtype: DType) -> Program {
    let request = Request { form, batch: 1, storage: dtype, compute: dtype };
    Model::preset(family, preset).unwrap().program(&request).unwrap()
}

fn forward(family: &str) -> Program {
    program(family, "tiny", Form::Forward { sequence: 8, mask: false }, DType::F32)
}

fn on(target: Target) -> Platform {
    Platform::new(target, target.line())
}

fn ids(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|f| f.limit.id.as_str()).collect()
}

#[test]
fn every_entry_is_complete() {
    let table = limits();
    let names: BTreeSet<&str> = table.iter().map(|l| l.id.as_str()).collect();
    assert_eq!(names.len(), table.len(), "an id twice");
    let ops = known_ops();
    for limit in table {
        let id = &limit.id;
        assert_ne!(limit.when.is_some(), limit.outside.is_some(), "{id}: either when or outside");
        for text in [&limit.what, &limit.way_out, &limit.source] {
            assert!(text.len() > 10 && !text.ends_with('.'), "{id}: `{text}`");
        }
        let day: Vec<u32> = limit.date.split('-').map(|n| n.parse().unwrap()).collect();
        assert!(matches!(day[..], [2023..=2026, 1..=12, 1..=31]), "{id}: {}", limit.date);
        assert!(
            limit.codes.iter().all(|c| c.starts_with("NCC_E") && c.len() == 11),
            "{id}: {:?}",
            limit.codes
        );
        assert!(!limit.targets.is_empty() && !limit.lines.is_empty(), "{id}");
        if let (Some(from), Some(to)) = (limit.from, limit.to) {
            assert!(from <= to, "{id}");
        }
        for op in limit.when.iter().flat_map(|w| &w.ops) {
            assert!(ops.contains(op.as_str()), "{id}: the graph has no op `{op}`");
        }
        if limit.certainty == Certainty::Reported {
            assert!(
                limit.source.contains("one published report") || limit.source.contains("one report"),
                "{id}"
            );
        }
    }
}

/// Names of ops that occur in programs of the models, composites and their decompositions.
fn known_ops() -> BTreeSet<&'static str> {
    let generate = Form::Generate { prompt: 4, new_tokens: 2 };
    let mut programs: Vec<Program> = ["gpt2", "bert", "vit", "resnet", "mlp", "mixtral"].map(forward).into();
    programs.push(program("llama", "tiny", generate, DType::F32));
    let decomposed: Vec<Program> = programs.iter().map(|p| rewrite(p, &|_, _| false).unwrap()).collect();
    let all = programs.iter().chain(&decomposed);
    all.flat_map(|p| &p.entries).flat_map(|g| &g.nodes).map(|n| n.op.name()).collect()
}

#[test]
fn a_table_with_a_mistake_is_refused_with_its_place() {
    let error = parse("[[limit]]\nid = \"x\"\nverdict = \"maybe\"\n").unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("maybe"), "{error}");
    assert!(parse("[[limit]]\nid = \"x\"\nsdk = \"2.30\"\n").is_err());
}

#[test]
fn f64_is_refused_everywhere() {
    let form = Form::Forward { sequence: 8, mask: false };
    for target in Target::ALL {
        let findings = check(&program("mlp", "tiny", form.clone(), DType::F64), on(target));
        assert_eq!(findings[0].limit.id, "f64");
        assert_eq!(findings[0].limit.verdict, Verdict::Unsupported);
        assert!(findings[0].values > 3);
        assert!(!ids(&check(&forward("mlp"), on(target))).contains(&"f64"));
    }
}

#[test]
fn each_family_at_tiny() {
    let mut lines = Vec::new();
    for family in ["gpt2", "llama", "mixtral", "bert", "vit", "resnet", "mlp"] {
        let form = match family {
            "gpt2" | "llama" | "mixtral" => Form::Generate { prompt: 4, new_tokens: 2 },
            _ => Form::Forward { sequence: 8, mask: false },
        };
        for target in [Target::Trn1, Target::Trn2] {
            let findings = check(&program(family, "tiny", form.clone(), DType::Bf16), on(target));
            lines.push(format!("{family} on {target}:"));
            lines.extend(
                findings
                    .iter()
                    .map(|f| format!("  {} {} x{} at {}", f.limit.verdict, f.limit.id, f.values, f.place)),
            );
        }
    }
    insta::assert_snapshot!("families", lines.join("\n"));
}

#[test]
fn a_finding_says_what_where_and_what_to_do() {
    let findings = check(&forward("mixtral"), on(Target::Trn2));
    let topk = findings.iter().find(|f| f.limit.id == "topk").unwrap();
    insta::assert_snapshot!("topk", topk.to_string());
}

fn training(program: Program) -> Program {
    let spec = TrainSpec {
        entry: "train".into(),
        loss: "loss".into(),
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        schedule: Schedule::Constant { rate: 0.1 },
        clip_norm: None,
    };
    Program { training: Some(spec), ..program }
}

#[test]
fn lines_targets_and_sdks_are_told_apart() {
    let model = training(forward("mlp"));
    let at = |target, line, sdk: &str| {
        let platform = Platform { target, line, sdk: Some(sdk.parse().unwrap()) };
        let findings = check(&model, platform);
        findings.iter().map(|f| f.limit.id.clone()).collect::<BTreeSet<_>>()
    };
    assert!(at(Target::Trn1, Some(Line::Native), "2.33").contains("native-line-needs-trn2"));
    assert!(!at(Target::Trn2, Some(Line::Native), "2.33").contains("native-line-needs-trn2"));
    assert!(!at(Target::Trn1, Some(Line::Xla), "2.31").contains("native-line-needs-trn2"));
    assert!(at(Target::Trn1, Some(Line::Xla), "2.31").contains("xla-training-ended"));
    assert!(!at(Target::Trn1, Some(Line::Xla), "2.29").contains("xla-training-ended"));
    assert!(!at(Target::Trn2, Some(Line::Native), "2.33").contains("xla-training-ended"));
    assert!(at(Target::Trn1, None, "2.26").contains("f32-products-in-bf16"));
    assert!(!at(Target::Trn1, None, "2.27").contains("f32-products-in-bf16"));
    assert!(at(Target::Trn1, Some(Line::Xla), "2.33").contains("xla-line-ended"));
    assert!(at(Target::Trn3, Some(Line::Xla), "2.31").contains("xla-line-on-trn3"));
    assert!(!at(Target::Trn2, Some(Line::Xla), "2.31").contains("xla-line-on-trn3"));
    // Nothing known of the SDK or the line: everything that may hold.
    let open = check(&model, Platform { target: Target::Trn1, line: None, sdk: None });
    assert!(ids(&open).contains(&"f32-products-in-bf16") && ids(&open).contains(&"native-line-needs-trn2"));
}

#[test]
fn models_that_exceed_a_core_are_told_before_they_are_compiled() {
    let form = Form::Generate { prompt: 8, new_tokens: 8 };
    let meets = |preset, dtype, target| {
        ids(&check(&program("llama", preset, form.clone(), dtype), on(target)))
            .iter()
            .any(|id| id.starts_with("memory-of-a-core"))
    };
    // 8.03 G parameters: 16.06e9 bytes in bf16 are 14.96 GiB, 29.9 GiB in f32.
    assert!(!meets("3.1-8b", DType::Bf16, Target::Trn1));
    assert!(meets("3.1-8b", DType::F32, Target::Trn1));
    assert!(meets("3.1-8b", DType::F32, Target::Trn2));
    assert!(!meets("3.1-8b", DType::F32, Target::Trn3));
    assert!(meets("3.1-70b", DType::Bf16, Target::Trn3));
}

#[test]
fn an_op_is_held_against_the_table_by_itself() {
    let ids = |op: &Op, args: &[&Type], result: &Type| {
        let met = of_op(op, args, result, on(Target::Trn1));
        met.iter().map(|limit| (limit.id.as_str(), limit.forbids())).collect::<Vec<_>>()
    };
    let (floats, doubles) = (Type::new(DType::F32, [4]), Type::new(DType::F64, [4]));
    let (integers, add) = (Type::new(DType::I64, [4]), Op::Binary { kind: BinaryKind::Add });
    assert_eq!(ids(&add, &[&floats, &floats], &floats), []);
    assert_eq!(ids(&add, &[&doubles, &doubles], &doubles), [("f64", true)]);
    assert_eq!(ids(&add, &[&integers, &integers], &integers), [("i64-is-32-bit", false)]);
    let forbidding: Vec<&str> = limits().iter().filter(|l| l.forbids()).map(|l| l.id.as_str()).collect();
    // What AWS ceased to ship or support may run all the same.
    assert!(!forbidding.contains(&"xla-training-ended") && !forbidding.contains(&"topk"), "{forbidding:?}");
    assert!(forbidding.contains(&"memory-of-a-core-16"), "{forbidding:?}");
}

#[test]
fn optimiser_moments_count() {
    let mut model =
        training(program("llama", "3.2-1b", Form::Forward { sequence: 8, mask: false }, DType::F32));
    let bytes = model.parameter_bytes();
    assert!(bytes < 16 << 30 && bytes * 3 > 13 << 30);
    let meets = |model: &Program| ids(&check(model, on(Target::Trn1))).contains(&"memory-of-a-core-16");
    assert!(!meets(&model));
    for parameter in &mut model.params {
        parameter.ty = Type::new(DType::F32, [parameter.ty.shape.elements() * 2]);
    }
    assert!(!meets(&model));
    let spec = model.training.as_mut().unwrap();
    spec.optimizer =
        Optimizer::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decay: DecayRule::All };
    assert!(meets(&model));
}

#[test]
fn constants_beyond_32_bits_are_found() {
    let build = |value: f64| {
        let mut builder = ProgramBuilder::new("constants", DType::F32);
        builder.entry("forward", |g| {
            let x = g.input("x", Type::new(DType::I64, [4]));
            let c = g.constant(value, Type::new(DType::I64, [4]));
            let y = g.add(x, c);
            g.output("y", y);
        });
        builder.finish().unwrap()
    };
    let found = |value| ids(&check(&build(value), on(Target::Trn2))).contains(&"i64-beyond-32-bit");
    assert!(!found(2_147_483_647.0));
    assert!(found(2_147_483_648.0));
    assert!(found(-2_147_483_649.0));
}

#[test]
fn targets_lines_and_sdks_are_read() {
    let of = |name| Target::of_instance(name);
    assert_eq!(of("trn1n.32xlarge"), Some(Target::Trn1));
    assert_eq!(of("trn2.3xlarge"), Some(Target::Trn2));
    assert_eq!(of("trn2u"), Some(Target::Trn2));
    assert_eq!(of("Inf2"), Some(Target::Inf2));
    assert_eq!(of("trn3pds98"), Some(Target::Trn3));
    assert_eq!((of("inf1.xlarge"), of("p5.48xlarge"), of("trn22.xlarge"), of("")), (None, None, None, None));
    assert_eq!("trn1n".parse::<Target>().unwrap(), Target::Trn1);
    assert_eq!(
        "trn4".parse::<Target>().unwrap_err().to_string(),
        "`trn4` is no target; known: trn1, trn2, trn3, inf2"
    );
    assert_eq!("2.31.1".parse::<Sdk>().unwrap(), Sdk { major: 2, minor: 31 });
    assert!("2".parse::<Sdk>().is_err() && "2.x".parse::<Sdk>().is_err() && "2.3.b".parse::<Sdk>().is_err());
}
