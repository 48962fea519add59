//! Sites of made-up runs, and what their pages say.

use std::fs;
use std::path::{Path, PathBuf};

use portbench_catalog::published;
use portbench_measure::{AcceleratorTelemetry, Mode, Unit};
use portbench_records::{Outcome, Record, Run};
use portbench_report::charts::Study;
use portbench_report::{ReportError, SiteFiles, write_site};

use super::{failed, record, sample_run};

/// Runs that lie in a folder of their own.
pub(crate) struct Runs {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) runs: Vec<Run>,
}

impl Runs {
    pub(crate) fn of(sets: &[Vec<Record>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("results");
        let runs = sets.iter().map(|records| sample_run(&results, "sample", records)).collect();
        Self { folder, runs }
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("site")
    }

    pub(crate) fn write(&self) -> Result<SiteFiles, ReportError> {
        self.write_to(&self.out())
    }

    pub(crate) fn write_to(&self, out: &Path) -> Result<SiteFiles, ReportError> {
        write_site(&Study::read(&self.runs)?.with_published(published::built_in().unwrap()), out)
    }

    pub(crate) fn page(&self, name: &str) -> String {
        read(&self.out().join(name))
    }
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// A record that a GPU of that name made; its program is that of the CPU's record.
pub(crate) fn on_gpu(name: &str, mut record: Record) -> Record {
    record.cell.device = "cuda:0".into();
    for trial in &mut record.trials {
        trial.measurement.accelerator =
            Some(AcceleratorTelemetry { name: Some(name.into()), ..AcceleratorTelemetry::default() });
    }
    record
}

/// Two platforms: the GPU is twice as fast at one workload, fails another, and was never asked for a third.
pub(crate) fn two_platforms() -> Runs {
    let gpu = "NVIDIA H100 80GB HBM3";
    let mut unsupported = failed("resnet18", "candle", Outcome::Unsupported, "no kernel for `conv2d`");
    unsupported.problem.unit = Unit::Images;
    let generate = |rate| record("gpt2-124m", Mode::Generate, "candle", Unit::Tokens, rate);
    Runs::of(&[
        vec![
            generate(20.0),
            record("resnet18", Mode::Inference, "candle", Unit::Images, 31.4),
            record("mlp", Mode::Training, "candle", Unit::Samples, 100.0),
        ],
        vec![on_gpu(gpu, generate(40.0)), on_gpu(gpu, unsupported)],
    ])
}

/// The page as XML: what HTML leaves open is closed first. Panics where tags do not match.
pub(crate) fn parsed(html: &str) -> String {
    let mut xml = String::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        let name = tag.split([' ', '/']).next().unwrap();
        xml.push_str(&rest[..end]);
        let open = ["meta", "link", "img", "br", "hr", "input", "source"].contains(&name);
        xml.push_str(if open && !tag.ends_with('/') { "/>" } else { ">" });
        rest = &rest[end + 1..];
    }
    xml.push_str(rest);
    roxmltree::Document::parse(&xml).unwrap_or_else(|e| panic!("{e}: {xml}"));
    xml
}

/// The cells of a table's rows as text.
pub(crate) fn rows(html: &str, table: &str) -> Vec<Vec<String>> {
    let xml = parsed(html);
    let document = roxmltree::Document::parse(&xml).unwrap();
    let table = document.descendants().find(|n| n.attribute("id") == Some(table)).unwrap();
    let body = table.children().find(|n| n.has_tag_name("tbody")).unwrap();
    let text = |node: roxmltree::Node<'_, '_>| -> String {
        let words: Vec<&str> =
            node.descendants().filter(roxmltree::Node::is_text).filter_map(|t| t.text()).collect();
        words.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let row =
        |row: roxmltree::Node<'_, '_>| row.children().filter(roxmltree::Node::is_element).map(text).collect();
    body.children().filter(|n| n.has_tag_name("tr")).map(row).collect()
}
