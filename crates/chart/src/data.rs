//! The numbers behind a chart.

/// A table of what a chart shows, with all digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Data {
    /// An empty table with these columns.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|c| (*c).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; one that is too short is filled up with empty fields, what is too much is left out.
    pub fn row<T: Into<String>>(&mut self, fields: impl IntoIterator<Item = T>) {
        let mut row: Vec<String> = fields.into_iter().map(Into::into).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// Names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows, each as long as the columns.
    #[must_use]
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// The table as CSV (RFC 4180, with a header, lines ending in CR LF).
    #[must_use]
    pub fn csv(&self) -> String {
        let field = |text: &String| {
            if text.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text.clone()
            }
        };
        let line = |row: &Vec<String>| {
            let fields: Vec<String> = row.iter().map(field).collect();
            format!("{}\r\n", fields.join(","))
        };
        std::iter::once(&self.columns).chain(&self.rows).map(line).collect()
    }
}

/// All digits of a number that is known and finite; else an empty field.
#[must_use]
pub fn digits(value: impl Into<Option<f64>>) -> String {
    value.into().filter(|v| v.is_finite()).map(|v| v.to_string()).unwrap_or_default()
}
