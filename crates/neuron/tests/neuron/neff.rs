//! The head of a NEFF without libnrt. The files are built here, from the documented layout; none comes from a compiler.

use std::fs;
use std::path::Path;

use crate::files::{PROGRAM, neff};
use portbench_neuron::{NeffHeader, NeuronError};
use proptest::prelude::*;

fn refused(bytes: &[u8]) -> String {
    NeffHeader::of_bytes("model.neff", bytes).unwrap_err().to_string()
}

#[test]
fn the_head_is_read_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.neff");
    fs::write(&path, neff(PROGRAM)).unwrap();
    let head = NeffHeader::read(&path).unwrap();
    assert_eq!(head.package_version, 2);
    assert_eq!(head.data_bytes, PROGRAM.len() as u64);
    assert_eq!(head.version, [2, 7]);
    assert_eq!(head.build, "2.27.5334.0+double");
    assert_eq!(head.cores, 2);
    assert_eq!((head.hash, head.uuid), ([0xab; 32], [0xcd; 16]));
    assert_eq!(head.name, "double.neff");
    assert_eq!((head.features, head.lnc), (5, Some(2)));
    assert_eq!(head.to_string(), format!("NEFF 2.7 `double.neff` of {} bytes, LNC 2", PROGRAM.len()));
}

#[test]
fn what_is_no_neff_is_refused() {
    assert!(refused(b"").contains("ends after 0 bytes"));
    assert!(refused(&neff(PROGRAM)[..1000]).contains("ends after 1000 bytes, inside its head"));
    assert!(refused(&[0x7f; 4096]).contains("it is none: its head would have"));
    let text = "{\"nodes\": []}".repeat(200);
    assert!(refused(text.as_bytes()).contains("give the file that neuronx-cc wrote"));
    let mut zero = neff(PROGRAM);
    zero[0] = 0;
    assert!(refused(&zero).contains("package version 0"));
}

#[test]
fn cut_and_lengthened_files_are_refused() {
    let whole = neff(PROGRAM);
    let cut = refused(&whole[..whole.len() - 1]);
    let (have, want) = (whole.len() - 1, whole.len());
    assert_eq!(
        cut,
        format!(
            "model.neff cannot be used as a NEFF: it is cut: {have} bytes of {want}; compile it again, or copy it again"
        )
    );
    let longer: Vec<u8> = whole.iter().copied().chain([0; 3]).collect();
    assert!(refused(&longer).contains("3 bytes follow its end"));
    let mut huge = whole;
    huge[16..24].fill(0xff);
    assert!(refused(&huge).contains("it is cut"));
}

#[test]
fn another_lnc_is_refused_with_both_ways_out() {
    let head = NeffHeader::of_bytes("m", &neff(PROGRAM)).unwrap();
    head.check_lnc("m", 2).unwrap();
    let error = head.check_lnc("m", 1).unwrap_err().to_string();
    assert_eq!(
        error,
        "m cannot be used as a NEFF: it was compiled with --lnc 2 and this process runs with 1; \
         set NEURON_LOGICAL_NC_CONFIG=2, or compile with --lnc 1"
    );
    let mut old = neff(PROGRAM);
    old[552..556].fill(0);
    let old = NeffHeader::of_bytes("m", &old).unwrap();
    assert_eq!(old.lnc, None);
    old.check_lnc("m", 1).unwrap();
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = NeffHeader::read(Path::new("/nonexistent/model.neff")).unwrap_err();
    assert!(matches!(&error, NeuronError::File { action: "read", .. }));
    assert_eq!(error.to_string(), "cannot read /nonexistent/model.neff");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..2048),
        sizes in proptest::option::of((0u64..2000, 1000u64..1100)),
    ) {
        if let (Some((data, header)), true) = (sizes, bytes.len() >= 24) {
            bytes[8..16].copy_from_slice(&header.to_le_bytes());
            bytes[16..24].copy_from_slice(&data.to_le_bytes());
        }
        if let Ok(head) = NeffHeader::of_bytes("m", &bytes) {
            prop_assert_eq!(head.data_bytes + 1024, bytes.len() as u64);
        }
    }
}
