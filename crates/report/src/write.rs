//! The files of a report.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use portbench_catalog::Catalog;
use portbench_catalog::published::built_in;
use portbench_records::{RecordHead, Run, RunInfo};

use crate::bounds::judge_bounds;
use crate::charts::{self, Placed, Study};
use crate::error::ReportError;
use crate::html::{Files, details, figure};
use crate::page::{Page, page};
use crate::row::{Row, markdown, plain_text};
use crate::scaling::judge_scaling;

/// Most cells that charts and the page's details show.
pub(crate) const MOST: usize = 60;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFiles {
    /// The page.
    pub page: PathBuf,
    /// The Markdown table.
    pub markdown: PathBuf,
    /// The charts as SVG; of each there are a dark one, PNGs and its numbers as CSV beside it.
    pub charts: Vec<PathBuf>,
}

/// Writes the page, a Markdown table and the charts of a run into a folder, each file whole or not at all. Records are read one at a time; charts and details show the
/// first 60 cells, tables all.
///
/// # Errors
/// [`ReportError::Store`], [`ReportError::Write`], [`ReportError::Draw`].
pub fn write(run: &Run, folder: &Path) -> Result<ReportFiles, ReportError> {
    let info = run.info()?;
    let Cells { mut rows, first } = Cells::read(run, &info)?;
    judge_bounds(run, &mut rows)?;
    judge_scaling(&mut rows);
    let shown = &rows[..rows.len().min(MOST)];
    let runs = [run.clone()];
    let first = first.into_iter().map(|head| (0, head)).collect();
    let study = Study::of(&runs, vec![info.clone()], first, vec![Vec::new()]);
    let charts =
        charts::charts_of_run(&study.with_catalog(Catalog::built_in()?).with_published(built_in()?))?;
    let (mut folds, mut backend) = (Vec::new(), None);
    for row in shown {
        if let Some(record) = run.record(&row.id)? {
            folds.push(details(&row.id, &row.id, &run.id(), &record));
            backend = backend.or(record.backend);
        }
    }
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
    let mut figures = Vec::new();
    for placed in &charts {
        let Placed { chart, recipe, .. } = placed;
        for (name, content) in Files::of(placed)?.named(placed) {
            save(&folder.join(name), &content)?;
        }
        text.push_str(&format!("\n![{}]({}.svg)\n\n", plain_text(&chart.title), chart.name));
        for note in &chart.notes {
            text.push_str(&format!("- {}\n", plain_text(note)));
        }
        text.push_str(&format!(
            "- [numbers]({}.csv), [PNG]({}.png); drawn by `{}`\n",
            chart.name,
            chart.name,
            plain_text(recipe)
        ));
        files.charts.push(folder.join(format!("{}.svg", chart.name)));
        figures.push(figure(placed, "")?);
    }
    save(&files.markdown, text.as_bytes())?;
    let content = Page {
        info: &info,
        id: &run.id(),
        rows: &rows,
        figures: &figures,
        details: &folds,
        backend: backend.as_ref(),
    };
    save(&files.page, page(&content).as_bytes())?;
    Ok(files)
}

/// The cells of a run in the order of its plan.
struct Cells {
    /// A row of each.
    rows: Vec<Row>,
    /// The heads of the first [`MOST`]; those of all would fill the memory.
    first: Vec<RecordHead>,
}

impl Cells {
    fn read(run: &Run, info: &RunInfo) -> Result<Self, ReportError> {
        let planned: HashMap<String, usize> =
            info.plan.iter().enumerate().map(|(i, entry)| (entry.cell.id(), i)).collect();
        let place = |id: &str| planned.get(id).copied().unwrap_or(usize::MAX);
        let (mut rows, mut first) = (Vec::new(), BTreeMap::new());
        for (n, head) in run.heads()?.ahead().enumerate() {
            let head = head?;
            let place = (place(&head.cell.id()), n);
            if first.len() < MOST || first.last_key_value().is_some_and(|(last, _)| place < *last) {
                first.insert(place, head.clone());
            }
            if first.len() > MOST {
                first.pop_last();
            }
            rows.push(Row::from(head));
        }
        rows.sort_by_key(|row| place(&row.id));
        Ok(Self { rows, first: first.into_values().collect() })
    }
}

/// Writes a file whole or not at all. The directory that it belongs into is made where there is none.
///
/// # Errors
/// [`ReportError::Write`].
pub fn save(path: &Path, content: &[u8]) -> Result<(), ReportError> {
    let failed = |source| ReportError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = temporary().tempfile_in(folder).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Temporary files that everybody may read in the end, as other new files.
fn temporary() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}
