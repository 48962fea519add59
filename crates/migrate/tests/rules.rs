//! The table of rules: every rule against its own examples, sources, and files of one's own.

mod common;

use std::collections::BTreeSet;

use portbench_migrate::{
    Category, Execution, MigrateError, Options, Rule, Rules, Scope, Selection, Severity, Stack, Word,
};

use common::{scanned, scanned_by};

/// A file in which a rule finds an example, if anywhere.
fn file(rule: &Rule, example: &str) -> (String, String) {
    let text = example.to_owned();
    match rule.scope[0] {
        Scope::Forward => {
            let body: String = example.lines().map(|line| format!("        {line}\n")).collect();
            ("model.py".into(), format!("class Model:\n    def forward(self, x):\n{body}"))
        }
        Scope::Python => ("code.py".into(), text),
        Scope::Any if example.starts_with("#!") => ("run.sh".into(), text),
        Scope::Any if rule.id.starts_with("DEP") => ("job.yaml".into(), text),
        Scope::Any => ("code.py".into(), text),
        Scope::Cpp => ("code.cpp".into(), text),
        Scope::Cmake => ("CMakeLists.txt".into(), text),
        Scope::Requirements => ("requirements.txt".into(), text),
        Scope::Docker => ("Dockerfile".into(), text),
        Scope::Yaml => ("job.yaml".into(), text),
        Scope::Toml => ("Cargo.toml".into(), text),
        Scope::Rust => ("code.rs".into(), text),
        Scope::File => (text, String::new()),
    }
}

#[test]
fn every_rule_finds_its_hits_and_leaves_its_misses() {
    let rules = Rules::built_in();
    let mut wrong = Vec::new();
    for rule in rules.rules() {
        assert!(
            !rule.hits.is_empty() && !rule.misses.is_empty(),
            "{} has no examples of both kinds",
            rule.id
        );
        let stack = Stack::ALL.into_iter().find(|s| rule.applies(*s)).unwrap();
        let examples = rule.hits.iter().map(|e| (e, true)).chain(rule.misses.iter().map(|e| (e, false)));
        for (example, hit) in examples {
            let (name, text) = file(rule, example);
            let report = scanned(&[(&name, &text)], Options { stack, ..Options::default() });
            let found = report.findings.iter().any(|f| f.rule == rule.id && f.suppressed.is_none());
            if found != hit {
                wrong.push(format!("{} {} {example:?}", rule.id, if hit { "misses" } else { "finds" }));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ids_are_unique_sources_are_dated_and_none_is_idle() {
    let rules = Rules::built_in();
    let ids: BTreeSet<&str> = rules.rules().iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids.len(), rules.rules().len());
    let date = regex::Regex::new(r"^(undated|\d{4}(-\d\d){0,2}(\.\.\d{4}(-\d\d){0,2})?)$").unwrap();
    let mut named = BTreeSet::new();
    for rule in rules.rules() {
        assert!(!rule.sources.is_empty() && !rule.action.is_empty(), "{}", rule.id);
        for stack in Stack::ALL {
            named.extend(rule.sources(stack).iter().cloned());
        }
        named.extend(rule.calibration.iter().map(|c| c.port.clone()));
    }
    for (name, source) in rules.sources() {
        assert!(date.is_match(&source.date) && !source.what.is_empty(), "{name}: {source:?}");
        assert!(source.address.as_ref().is_none_or(|a| a.starts_with("https://")), "{name}");
        assert!(named.contains(name), "no rule names the source {name}");
    }
}

#[test]
fn every_category_and_severity_has_rules() {
    let rules = Rules::built_in().rules();
    for category in Category::ALL {
        assert!(rules.iter().any(|r| r.category == category), "{category}");
        assert_eq!(Category::named(category.name()), Some(category));
    }
    for severity in Severity::ALL {
        assert!(rules.iter().any(|r| r.severity == severity), "{severity}");
        assert_eq!(Severity::named(severity.name()), Some(severity));
    }
}

/// What depends on values waits for the device eagerly, breaks a graph under torch.compile, and is frozen or refused when traced (reference of TorchNeuron and of vLLM Neuron).
#[test]
fn severity_depends_on_execution_and_action_on_the_stack() {
    let rules = Rules::built_in();
    let of = |id: &str, execution| rules.rule(id).unwrap().severity(Stack::TorchNeuron, execution);
    let all = |id: &str| Execution::ALL.map(|execution| of(id, execution));
    assert_eq!(all("PY-DYN-001"), [Severity::Low, Severity::Medium, Severity::High]);
    assert_eq!(all("PY-DYN-003"), [Severity::Low, Severity::High, Severity::High]);
    assert_eq!(all("PY-KER-001"), [Severity::High; 3]);
    let move_to = rules.rule("PY-DEV-002").unwrap();
    assert!(move_to.action(Stack::TorchNeuron).contains("neuron"));
    assert!(move_to.action(Stack::Xla).contains("xla"));
    assert_ne!(move_to.sources(Stack::Xla), move_to.sources(Stack::TorchNeuron));
    let stale = rules.rule("PY-NRN-001").unwrap();
    assert!(stale.applies(Stack::TorchNeuron) && !stale.applies(Stack::Xla));
    // A limit is named where it holds on the stack's line of torch-neuronx.
    let random = rules.rule("PY-RNG-002").unwrap();
    assert_eq!((random.limits(Stack::TorchNeuron).count(), random.limits(Stack::Xla).count()), (1, 0));
}

/// The name torch-neuronx has two products: the version says which.
#[test]
fn the_two_products_called_torch_neuronx_are_told_apart() {
    let told = |version: &str, stack| {
        let text = format!("torch-neuronx{version}\n");
        let report = scanned_by(
            Rules::built_in(),
            &[("requirements.txt", &text)],
            Options { stack, ..Options::default() },
        );
        report.findings.iter().map(|f| f.rule.clone()).collect::<Vec<_>>()
    };
    assert_eq!(told("==2.9.0", Stack::TorchNeuron), ["DEP-013"]);
    assert_eq!(told("==2.14.3.0", Stack::TorchNeuron), [""; 0]);
    assert_eq!(told("==2.9.0", Stack::Xla), [""; 0]);
    assert_eq!(told("==2.14.3.0", Stack::Xla), ["DEP-014"]);
    assert_eq!(told("", Stack::Xla), ["DEP-015"]);
    assert_eq!(told("", Stack::TorchNeuron), ["DEP-015"]);
}

const OWN: &str = r#"
off = ["PY-DEV-014"]

[sources]
house = { what = "our own rules", date = "2026-11-01" }

[[rule]]
id = "OWN-001"
scope = ["python"]
pattern = 'our_kernels\.'
category = "kernel"
severity = "high"
action = "ask the kernel team"
sources = ["house"]

[[rule]]
id = "PY-DEV-001"
scope = ["python"]
pattern = '\.cuda\(\)'
category = "device"
severity = "low"
action = "our_device()"
sources = ["house"]
"#;

#[test]
fn a_file_of_ones_own_lies_over_the_rules() {
    let mut rules = Rules::built_in().clone();
    rules.lay("own.toml", OWN).unwrap();
    let report = scanned_by(
        &rules,
        &[("a.py", "our_kernels.f()\nx.cuda()\ntorch.accelerator.x\n")],
        Options::default(),
    );
    let found: Vec<(&str, &str)> =
        report.findings.iter().map(|f| (f.rule.as_str(), f.action.as_str())).collect();
    assert_eq!(found, [("OWN-001", "ask the kernel team"), ("PY-DEV-001", "our_device()")]);
    assert_eq!(report.sources["house"].date, "2026-11-01");
    assert_eq!(rules.rules().len(), Rules::built_in().rules().len());
}

#[test]
fn wrong_files_are_refused_with_the_place() {
    let rule = |lines: &str| {
        format!(
            "[[rule]]\nid = \"A\"\nscope = [\"any\"]\ncategory = \"device\"\nseverity = \"low\"\naction = \"x\"\n{lines}\n"
        )
    };
    let wrong = [
        "off = [\"NO-1\"]".to_owned(),
        "[[rule]]\nid = \"A\"\nscope = [\"somewhere\"]".to_owned(),
        rule("pattern = '('\nsources = []"),
        rule("pattern = 'x*'\nsources = []"),
        rule("pattern = 'x'\nsources = [\"nobody\"]"),
        rule("pattern = 'x'\nsources = []\nlimits = [\"sky\"]"),
        rule("pattern = 'x'\nsources = []\nguard = '['"),
        rule("pattern = 'x'\nsources = []").replace("\"A\"", "\"A B\""),
        rule("pattern = 'x'\nsources = []\nsevrity = 1"),
    ];
    let told: Vec<String> = wrong
        .iter()
        .map(|text| Rules::built_in().clone().lay("own.toml", text).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(told.join("\n----\n"));
    let missing = Rules::with_own("/nowhere/own.toml".as_ref()).unwrap_err();
    assert!(matches!(missing, MigrateError::Read { .. }), "{missing}");
}

#[test]
fn selections_are_categories_severities_and_ids() {
    let word = |text: &str| text.parse::<Word>().unwrap();
    let rules = Rules::built_in();
    let counts = |only: &[&str], except: &[&str]| {
        let of = |words: &[&str]| words.iter().map(|w| word(w)).collect();
        let selection = Selection { only: of(only), except: of(except) };
        selection.check(rules).unwrap();
        let text = "x.cuda()\nimport triton\ntorch.cuda.synchronize()\n";
        let report = scanned_by(rules, &[("a.py", text)], Options { selection, ..Options::default() });
        report.findings.iter().map(|f| f.rule.clone()).collect::<Vec<_>>()
    };
    assert_eq!(counts(&[], &[]), ["PY-DEV-001", "PY-KER-001", "PY-SYN-001"]);
    assert_eq!(counts(&["kernel"], &[]), ["PY-KER-001"]);
    assert_eq!(counts(&["low"], &[]), ["PY-SYN-001"]);
    assert_eq!(counts(&["PY-*"], &["PY-DEV-001", "high"]), ["PY-SYN-001"]);
    insta::assert_snapshot!("kernels".parse::<Word>().unwrap_err().to_string());
    let nobody = Selection { only: vec![word("NO-*")], except: Vec::new() };
    assert!(nobody.check(rules).unwrap_err().to_string().contains("NO-*"));
}
