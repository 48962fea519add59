//! The files of a report.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use portbench_measure::{LossPoint, Samples, Task};
use portbench_records::{Record, Run};

use crate::bounds::judge_bounds;
use crate::canvas::described;
use crate::cells_chart;
use crate::error::ReportError;
use crate::loss_chart;
use crate::page::{Chart, Details, page};
use crate::row::{Row, markdown, plain_text};
use crate::scaling::judge_scaling;

/// Most cells that charts and the page's details show.
pub(crate) const MOST: usize = 60;

/// What every chart says of itself to those who do not see it.
const DESCRIPTION: &str = "The figures are in the table of the report, with their intervals.";

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFiles {
    /// The page.
    pub page: PathBuf,
    /// The Markdown table.
    pub markdown: PathBuf,
    /// The charts.
    pub charts: Vec<PathBuf>,
}

/// Writes the page, a Markdown table and the charts of a run into a folder, each file whole or not at all. Records are read one at a time; charts and details show the
/// first 60 cells, tables all.
///
/// # Errors
/// [`ReportError::Store`], [`ReportError::Write`], [`ReportError::Draw`].
pub fn write(run: &Run, folder: &Path) -> Result<ReportFiles, ReportError> {
    let info = run.info()?;
    let mut rows = Vec::new();
    for head in run.heads()? {
        rows.push(Row::from(head?));
    }
    let position: HashMap<String, usize> =
        info.plan.iter().enumerate().map(|(i, entry)| (entry.cell.id(), i)).collect();
    rows.sort_by_key(|row| position.get(&row.id).copied().unwrap_or(usize::MAX));
    judge_bounds(run, &mut rows)?;
    judge_scaling(&mut rows);
    let shown = &rows[..rows.len().min(MOST)];
    let mut charts = Vec::new();
    let mut add = |name: &str, title: String, svg: Option<String>| {
        if let Some(svg) = svg {
            let svg = described(&svg, &title, DESCRIPTION);
            charts.push((format!("{name}.svg"), Chart { title, svg }));
        }
    };
    add("throughput", "Throughput of each cell".into(), cells_chart::throughput(shown)?);
    add("latency", "Latency of each cell".into(), cells_chart::latency(shown)?);
    let mut details = Details::default();
    for row in shown {
        let Some(record) = run.record(&row.id)? else { continue };
        details.add(&record);
        if let Some((losses, evaluations, target)) = curve(&record) {
            let svg = loss_chart::draw(&row.id, losses, evaluations, target)?;
            add(&format!("loss-{}", file_part(&row.id)), format!("Loss of {}", row.id), svg);
        }
    }
    fs::create_dir_all(folder).map_err(|source| ReportError::Write { path: folder.to_owned(), source })?;
    let mut text = format!("# portbench: {}\n\nRun {}.\n\n{}\n", info.suite, run.id(), markdown(&rows));
    if rows.len() > MOST {
        text.push_str(&format!("The charts show the first {MOST} of {} cells.\n", rows.len()));
    }
    for row in rows.iter().filter(|row| row.detail.is_some()) {
        let detail = row.detail.as_deref().unwrap_or_default().replace('\n', " ");
        text.push_str(&format!("- `{}` ({}): {}\n", row.id, row.outcome, plain_text(&detail)));
    }
    let mut files = ReportFiles {
        page: folder.join("index.html"),
        markdown: folder.join("report.md"),
        charts: Vec::new(),
    };
    for (name, chart) in &charts {
        let path = folder.join(name);
        save(&path, &chart.svg)?;
        text.push_str(&format!("\n![{}]({name})\n", chart.title));
        files.charts.push(path);
    }
    save(&files.markdown, &text)?;
    let charts: Vec<Chart> = charts.into_iter().map(|(_, chart)| chart).collect();
    save(&files.page, &page(&info, &run.id(), &rows, &charts, &details))?;
    Ok(files)
}

/// A cell's name as part of a file name, short enough for any file system.
fn file_part(id: &str) -> &str {
    id.char_indices().nth(200).map_or(id, |(end, _)| &id[..end])
}

/// The losses of the first trial that has evaluations, or of the first that has any.
fn curve(record: &Record) -> Option<(&[LossPoint], &[LossPoint], Option<f64>)> {
    let Task::Train { steps: Some(_), evaluation, .. } = &record.spec.task else { return None };
    let target = evaluation.as_ref().and_then(|e| e.target);
    record.trials.iter().find_map(|trial| match &trial.measurement.samples {
        Samples::Training { losses, evaluations, .. } => {
            Some((losses.as_slice(), evaluations.as_slice(), target))
        }
        _ => None,
    })
}

fn save(path: &Path, text: &str) -> Result<(), ReportError> {
    let failed = |source| ReportError::Write { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}
