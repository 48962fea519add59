//! The Python cells of a Jupyter notebook.

use serde::Deserialize;

#[derive(Deserialize)]
struct Notebook {
    cells: Vec<Cell>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    kernelspec: Kernel,
}

#[derive(Default, Deserialize)]
struct Kernel {
    #[serde(default)]
    language: Option<String>,
}

#[derive(Deserialize)]
struct Cell {
    #[serde(default)]
    cell_type: String,
    #[serde(default)]
    source: Lines,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Many(Vec<String>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// Number (from 1, as people count the cells of all kinds) and text of each cell with code; `None` for what is no notebook of Python.
pub(crate) fn cells(text: &[u8]) -> Option<Vec<(u32, String)>> {
    let notebook: Notebook = serde_json::from_slice(text).ok()?;
    if notebook.metadata.kernelspec.language.is_some_and(|l| !l.eq_ignore_ascii_case("python")) {
        return None;
    }
    let text = |cell: Cell| match cell.source {
        Lines::One(text) => text,
        Lines::Many(lines) => lines.concat(),
    };
    let numbered = (1..).zip(notebook.cells).filter(|(_, cell)| cell.cell_type == "code");
    Some(numbered.map(|(number, cell)| (number, text(cell))).collect())
}
