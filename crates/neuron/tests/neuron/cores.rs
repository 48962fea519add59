//! What the environment says: which NeuronCores there are, and what would change results.

use portbench_neuron::VisibleCores;
use portbench_neuron::environment::{recorded, refuse};

fn shown(cores: Option<&str>, count: Option<&str>) -> Option<Vec<u32>> {
    VisibleCores::read(cores, count).unwrap().shown().map(<[u32]>::to_vec)
}

#[test]
fn cores_are_read_as_the_runtime_reads_them() {
    assert_eq!(shown(None, None), None);
    assert_eq!(shown(Some(""), Some("0")), None);
    assert_eq!(shown(Some("3"), None), Some(vec![3]));
    assert_eq!(shown(Some("4-7"), Some("2")), Some(vec![4, 5, 6, 7]));
    assert_eq!(shown(Some(" 9, 0-1 "), None), Some(vec![9, 0, 1]));
    assert_eq!(shown(None, Some("2")), Some(vec![0, 1]));
}

#[test]
fn a_device_is_the_nth_core_that_is_shown() {
    let four = VisibleCores::read(Some("4-7"), None).unwrap();
    assert_eq!((four.nth(0).unwrap(), four.nth(3).unwrap()), (4, 7));
    let error = four.nth(4).unwrap_err().to_string();
    assert!(error.contains("NEURON_RT_VISIBLE_CORES=4-7 shows 4 NeuronCore(s)"), "{error}");
    assert!(error.contains("neuron:4 is not one of them"), "{error}");
    assert_eq!(VisibleCores::read(None, None).unwrap().nth(31).unwrap(), 31);
    assert!(VisibleCores::read(None, None).unwrap().nth(99_999).is_err());
}

#[test]
fn what_names_no_cores_is_refused() {
    for wrong in ["abc", "1-", "3-1", "0,0", "1-3,2", "-1", "0-4294967295", ","] {
        let error = VisibleCores::read(Some(wrong), None).unwrap_err().to_string();
        assert!(error.contains(&format!("NEURON_RT_VISIBLE_CORES={wrong} names no NeuronCores")), "{error}");
    }
    let error = VisibleCores::read(None, Some("many")).unwrap_err().to_string();
    assert!(error.contains("NEURON_RT_NUM_CORES=many"), "{error}");
}

#[test]
fn what_changes_results_unseen_is_refused_and_what_is_a_choice_recorded() {
    let with = |given: &'static [(&str, &str)]| {
        move |name: &str| given.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    };
    for off in ["", "0", "false"] {
        assert!(refuse(|name| (name == "XLA_USE_BF16").then(|| off.to_owned()), true).is_ok());
    }
    let error = refuse(with(&[("XLA_DOWNCAST_BF16", "1")]), false).unwrap_err().to_string();
    assert!(error.starts_with("XLA_DOWNCAST_BF16=1: f32 would be computed in bf16"), "{error}");
    let flags = with(&[("NEURON_CC_FLAGS", "--auto-cast all")]);
    assert!(refuse(flags, true).unwrap_err().to_string().contains("unset it"));
    assert!(refuse(flags, false).is_ok());
    let kept =
        recorded(with(&[("NEURON_RT_STOCHASTIC_ROUNDING_EN", "1"), ("NEURON_RT_LOG_LOCATION", "/home/a")]));
    assert_eq!(
        kept.into_iter().collect::<Vec<_>>(),
        [("NEURON_RT_STOCHASTIC_ROUNDING_EN".into(), "1".into())]
    );
}
