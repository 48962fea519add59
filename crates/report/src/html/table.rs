//! Tables: what sorts, what is a number, what scrolls inside its box.

use maud::{Markup, Render, html};

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    words: &'static str,
    number: bool,
}

/// A column of words.
pub(crate) const fn words(words: &'static str) -> Column {
    Column { words, number: false }
}

/// A column of numbers, which stand at the right and sort from the largest.
pub(crate) const fn number(words: &'static str) -> Column {
    Column { words, number: true }
}

/// What a cell sorts by.
#[derive(Clone, Debug)]
enum Key {
    /// Its text.
    Text,
    /// A number of a unit; units stay together.
    Number(f64, &'static str),
    /// Nothing: it stays below whatever has a key.
    Nothing,
}

/// A cell.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    html: Markup,
    key: Key,
}

impl Data {
    /// Text or markup that sorts by its text.
    pub(crate) fn text(html: impl Render) -> Self {
        Self { html: html! { (html) }, key: Key::Text }
    }

    /// A number, with the words that show it.
    pub(crate) fn number(value: f64, html: impl Render) -> Self {
        Self::of_unit(value, "", html)
    }

    /// A number that sorts among those of its unit.
    pub(crate) fn of_unit(value: f64, unit: &'static str, html: impl Render) -> Self {
        Self { html: html! { (html) }, key: Key::Number(value, unit) }
    }

    /// No value, or words that say why there is none.
    pub(crate) fn nothing(why: &str) -> Self {
        Self { html: html! { @if !why.is_empty() { span.quiet { (why) } } }, key: Key::Nothing }
    }

    /// The number if there is one.
    pub(crate) fn optional(value: Option<f64>, show: impl Fn(f64) -> String) -> Self {
        value.map_or_else(|| Self::nothing(""), |v| Self::number(v, show(v)))
    }
}

/// A table with a caption. Its first column names the rows.
#[derive(Clone, Debug)]
pub(crate) struct Table<'a> {
    id: String,
    caption: Markup,
    columns: &'a [Column],
    rows: Vec<Vec<Data>>,
    sortable: bool,
    findable: bool,
}

impl<'a> Table<'a> {
    /// A table without rows; `id` is unique on its page.
    pub(crate) fn new(id: impl Into<String>, caption: impl Render, columns: &'a [Column]) -> Self {
        Self {
            id: id.into(),
            caption: html! { (caption) },
            columns,
            rows: Vec::new(),
            sortable: true,
            findable: false,
        }
    }

    /// With a field that looks for rows, where there are many.
    pub(crate) fn findable(self) -> Self {
        Self { findable: true, ..self }
    }

    /// In the order that it has.
    pub(crate) fn fixed(self) -> Self {
        Self { sortable: false, ..self }
    }

    /// Adds a row, a cell a column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Data>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Render for Table<'_> {
    fn render(&self) -> Markup {
        let caption = format!("{}-caption", self.id);
        html! {
            div.box tabindex="0" role="region" aria-labelledby=(caption) {
                table id=(self.id) class={ @if self.sortable { "sortable" } @if self.findable { " findable" } } {
                    caption { span id=(caption) { (self.caption) } }
                    thead { tr { @for column in self.columns { th scope="col" class=[column.number.then_some("n")] { (column.words) } } } }
                    tbody {
                        @for row in &self.rows {
                            tr {
                                @for (place, (column, data)) in self.columns.iter().zip(row).enumerate() {
                                    (cell(place == 0, *column, data))
                                }
                            }
                            "\n"
                        }
                    }
                }
            }
        }
    }
}

fn cell(first: bool, column: Column, data: &Data) -> Markup {
    let class = column.number.then_some("n");
    let (value, unit) = match data.key {
        Key::Number(value, unit) => (Some(value.to_string()), Some(unit).filter(|u| !u.is_empty())),
        Key::Text | Key::Nothing => (None, None),
    };
    let none = matches!(data.key, Key::Nothing).then_some("1");
    html! {
        @if first {
            th scope="row" class=[class] data-v=[value] data-unit=[unit] data-none=[none] { (data.html) }
        } @else {
            td class=[class] data-v=[value] data-unit=[unit] data-none=[none] { (data.html) }
        }
    }
}
