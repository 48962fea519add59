//! Rows of text, written in the format that was asked for.

use std::io::{self, Write};

use crate::args::Format;

/// A table: column names, and rows of as many cells.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<String>,
    /// Columns that people read from the right.
    numeric: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Empty table with these columns.
    pub(crate) fn new<C: AsRef<str>>(columns: &[C]) -> Self {
        Self { columns: columns.iter().map(|c| c.as_ref().to_owned()).collect(), ..Self::default() }
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

    /// Keeps the rows that are wanted.
    pub(crate) fn keep(&mut self, wanted: impl Fn(&[String]) -> bool) {
        self.rows.retain(|row| wanted(row));
    }

    /// The rows.
    pub(crate) fn rows(&self) -> &[Vec<String>] {
        &self.rows
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
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|r| r.iter().map(|c| printable(c)).collect()).collect();
        let width = |i: usize| {
            let cells = rows.iter().map(|r| r[i].chars().count());
            cells.chain([self.columns[i].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut line = |cells: &[String]| {
            let pad = |i: usize| {
                let (cell, w) = (&cells[i], widths[i]);
                if self.is_numeric(&self.columns[i]) { format!("{cell:>w$}") } else { format!("{cell:<w$}") }
            };
            let padded: Vec<String> = (0..cells.len()).map(pad).collect();
            writeln!(out, "{}", padded.join("  ").trim_end())
        };
        line(&self.columns)?;
        rows.iter().try_for_each(|row| line(row))
    }

    fn is_numeric(&self, column: &str) -> bool {
        self.numeric.contains(&column)
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let rows: Vec<serde_json::Map<String, serde_json::Value>> = self
            .rows
            .iter()
            .map(|r| {
                let cells = r.iter().map(|c| serde_json::Value::from(c.as_str()));
                self.columns.iter().cloned().zip(cells).collect()
            })
            .collect();
        serde_json::to_writer_pretty(&mut *out, &rows)?;
        writeln!(out)
    }

    fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let quote = |c: &str| {
            let c = printable(c);
            if c.contains([',', '"', '\n', '\r']) { format!("\"{}\"", c.replace('"', "\"\"")) } else { c }
        };
        writeln!(out, "{}", self.columns.iter().map(|c| quote(c)).collect::<Vec<_>>().join(","))?;
        for r in &self.rows {
            writeln!(out, "{}", r.iter().map(|c| quote(c)).collect::<Vec<_>>().join(","))?;
        }
        Ok(())
    }

    fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let escape = |c: &str| printable(c).replace('|', "\\|").replace('\n', " ");
        writeln!(out, "| {} |", self.columns.join(" | "))?;
        let rule = |column: &String| if self.is_numeric(column) { " ---: |" } else { " --- |" };
        writeln!(out, "|{}", self.columns.iter().map(rule).collect::<String>())?;
        for r in &self.rows {
            writeln!(out, "| {} |", r.iter().map(|c| escape(c)).collect::<Vec<_>>().join(" | "))?;
        }
        Ok(())
    }
}

/// Text with its control characters escaped, line breaks and tabs aside: names from files do not command a terminal.
pub(crate) fn printable(text: &str) -> String {
    let commands = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if !text.contains(commands) {
        return text.to_owned();
    }
    let show = |c: char| if commands(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(show).collect()
}
