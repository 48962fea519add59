//! Rows of text, written in the format that was asked for.

use std::io::{self, Write};

use crate::args::Format;

/// A table: column names, and rows of as many cells.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<&'static str>,
    /// Columns that people read from the right.
    numeric: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Empty table with these columns.
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), ..Self::default() }
    }

    /// The same with those columns aligned at the right where a person reads it.
    pub(crate) fn numeric(mut self, columns: &[&'static str]) -> Self {
        self.numeric = columns.to_vec();
        self
    }

    /// Appends a row.
    pub(crate) fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut row: Vec<String> = cells.into_iter().map(|c| c.as_ref().to_owned()).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// Keeps the rows whose first cell is wanted.
    pub(crate) fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        self.rows.retain(|row| row.first().is_some_and(|cell| wanted(cell)));
    }

    /// Whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes the table.
    pub(crate) fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Table => self.write_aligned(out),
            Format::Json => self.write_json(out),
            Format::Csv => self.write_csv(out),
            Format::Markdown => self.write_markdown(out),
        }
    }

    fn write_aligned(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = |i: usize| {
            let cells = self.rows.iter().map(|r| r[i].chars().count());
            cells.chain([self.columns[i].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut line = |cells: &[&str]| {
            let pad = |i: usize| {
                let (cell, w) = (cells[i], widths[i]);
                if self.numeric.contains(&self.columns[i]) {
                    format!("{cell:>w$}")
                } else {
                    format!("{cell:<w$}")
                }
            };
            let padded: Vec<String> = (0..cells.len()).map(pad).collect();
            writeln!(out, "{}", padded.join("  ").trim_end())
        };
        line(&self.columns)?;
        for r in &self.rows {
            line(&r.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let rows: Vec<serde_json::Map<String, serde_json::Value>> = self
            .rows
            .iter()
            .map(|r| {
                let cells = r.iter().map(|c| serde_json::Value::from(c.as_str()));
                self.columns.iter().map(|c| (*c).to_owned()).zip(cells).collect()
            })
            .collect();
        serde_json::to_writer_pretty(&mut *out, &rows)?;
        writeln!(out)
    }

    fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let quote = |c: &str| {
            if c.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", c.replace('"', "\"\""))
            } else {
                c.to_owned()
            }
        };
        writeln!(out, "{}", self.columns.join(","))?;
        for r in &self.rows {
            writeln!(out, "{}", r.iter().map(|c| quote(c)).collect::<Vec<_>>().join(","))?;
        }
        Ok(())
    }

    fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let escape = |c: &str| c.replace('|', "\\|").replace('\n', " ");
        writeln!(out, "| {} |", self.columns.join(" | "))?;
        let rule = |column| if self.numeric.contains(column) { " ---: |" } else { " --- |" };
        writeln!(out, "|{}", self.columns.iter().map(rule).collect::<String>())?;
        for r in &self.rows {
            writeln!(out, "| {} |", r.iter().map(|c| escape(c)).collect::<Vec<_>>().join(" | "))?;
        }
        Ok(())
    }
}
