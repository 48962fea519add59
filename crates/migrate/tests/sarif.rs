//! SARIF: what the specification (SARIF 2.1.0, OASIS, 2020) and GitHub's page on it ask for.

mod common;

use std::collections::BTreeSet;

use portbench_migrate::{Options, Rules, sarif};
use serde_json::Value;

fn log() -> Value {
    let notebook = r#"{"cells": [{"cell_type": "code", "source": "x.cuda()"}]}"#;
    let report = common::scanned(
        &[
            (
                "a dir/ä.py",
                "x.cuda()\nx.cuda()\ny = 1; x.cuda()  # portbench: allow PY-DEV-001 why\nimport triton\n",
            ),
            ("b.ipynb", notebook),
            ("k.cu", "// nothing\n"),
            ("guard.py", "if torch.cuda.is_available():\n    x.cuda()\nelse:\n    pass\n"),
        ],
        Options::default(),
    );
    sarif(&report, Rules::built_in(), "1.2.3")
}

#[test]
fn the_log_has_what_readers_need() {
    let log = log();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(
        (driver["name"].as_str(), driver["semanticVersion"].as_str()),
        (Some("portbench migrate"), Some("1.2.3"))
    );
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = driver["rules"].as_array().unwrap();
    let ids: BTreeSet<&str> = rules.iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len());
    for rule in rules {
        for text in ["/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"] {
            assert!(!rule.pointer(text).unwrap().as_str().unwrap().is_empty(), "{rule}");
        }
        assert!(
            ["note", "warning", "error"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap())
        );
        assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 10);
        assert!(rule["helpUri"].as_str().is_none_or(|uri| uri.starts_with("https://")));
    }
    let mut prints = BTreeSet::new();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!(rules[index]["defaultConfiguration"]["level"], result["level"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.is_ascii() && !uri.contains(' ') && !uri.starts_with('/'), "{uri}");
        if let Some(region) = place.get("region") {
            let number = |key: &str| region[key].as_u64().unwrap();
            assert!(number("startLine") >= 1 && number("startColumn") >= 1);
            assert_eq!(number("startLine"), number("endLine"));
            assert!(number("endColumn") > number("startColumn"), "{region}");
        }
        assert!(
            prints.insert(
                result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().to_owned()
            )
        );
    }
    assert_eq!(run["results"].as_array().unwrap().len(), prints.len());
}

#[test]
fn what_is_suppressed_says_so_and_names_are_encoded() {
    let log = log();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let of = |path: &str| -> Vec<&Value> {
        let place = "/locations/0/physicalLocation/artifactLocation/uri";
        results.iter().filter(|r| r.pointer(place).unwrap() == path).collect()
    };
    let python = of("a%20dir/%C3%A4.py");
    assert_eq!(python.len(), 4);
    let kinds: Vec<_> =
        python.iter().map(|r| r.pointer("/suppressions/0/kind").and_then(Value::as_str)).collect();
    assert_eq!(kinds, [None, None, Some("inSource"), None]);
    let guarded = of("guard.py").into_iter().find(|r| r["ruleId"] == "PY-DEV-001").unwrap();
    assert_eq!(guarded["suppressions"][0]["kind"], "external");
    let cell = of("b.ipynb")[0];
    assert!(cell.pointer("/locations/0/physicalLocation/region").is_none());
    assert_eq!(cell["locations"][0]["logicalLocations"][0]["name"], "cell 1, line 1");
    let file = of("k.cu");
    assert!(file[0].pointer("/locations/0/physicalLocation/region").is_none());
}
