//! Rows for programs and for people: objects with numbers in JSON, the same flattened in CSV, a table otherwise.

use std::fmt;
use std::io::Write;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::args::Format;
use crate::failure::Failure;
use crate::table::Table;

/// Writes `rows` for programs, or `table`, which shows the same to people.
///
/// In CSV an object within a row is a column for each of its parts, `usd-low` and `usd-high` beside `usd` of an amount.
pub(crate) fn write<R: Serialize>(
    rows: &[R],
    table: &Table,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, rows)?;
            writeln!(out)?;
        }
        Format::Csv => csv(rows)?.write(format, out)?,
        Format::Table | Format::Markdown => table.write(format, out)?,
    }
    Ok(())
}

fn csv<R: Serialize>(rows: &[R]) -> Result<Table, Failure> {
    let mut columns: Vec<String> = Vec::new();
    let mut flat = Vec::new();
    for row in rows {
        let node: Node = serde_json::from_str(&serde_json::to_string(row)?)?;
        let mut cells = Vec::new();
        node.flatten("", &mut cells);
        // A column that only some rows have stands where they have it.
        let mut at = 0;
        for (name, _) in &cells {
            match columns.iter().position(|column| column == name) {
                Some(place) => at = place + 1,
                None => {
                    columns.insert(at, name.clone());
                    at += 1;
                }
            }
        }
        flat.push(cells);
    }
    let mut table = Table::new(&columns);
    for cells in flat {
        let of = |column: &String| {
            cells.iter().find(|(name, _)| name == column).map(|(_, text)| text.as_str()).unwrap_or_default()
        };
        table.row(columns.iter().map(of));
    }
    Ok(table)
}

/// Pairs as an object, in their order.
pub(crate) fn object<T: Serialize, S: Serializer>(
    pairs: &[(String, T)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// A value of JSON whose objects keep the order in which they were written.
enum Node {
    Leaf(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Node {
    /// The leaves by name; that of an amount itself has the amount's name.
    fn flatten(self, name: &str, found: &mut Vec<(String, String)>) {
        let below = |part: &str| match (name, part) {
            ("", part) => part.to_owned(),
            (name, "value") => name.to_owned(),
            (name, part) => format!("{name}-{part}"),
        };
        match self {
            Self::Leaf(text) => found.push((name.to_owned(), text)),
            Self::List(nodes) => {
                for (i, node) in nodes.into_iter().enumerate() {
                    node.flatten(&below(&(i + 1).to_string()), found);
                }
            }
            Self::Object(nodes) => {
                for (part, node) in nodes {
                    node.flatten(&below(&part), found);
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(String::new()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Leaf(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Leaf(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Leaf(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Leaf(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Leaf(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut nodes: A) -> Result<Node, A::Error> {
        let mut found = Vec::new();
        while let Some(node) = nodes.next_element()? {
            found.push(node);
        }
        Ok(Node::List(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut nodes: A) -> Result<Node, A::Error> {
        let mut found = Vec::new();
        while let Some(node) = nodes.next_entry()? {
            found.push(node);
        }
        Ok(Node::Object(found))
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::{csv, object};
    use crate::args::Format;

    #[derive(Serialize)]
    struct Row {
        name: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        usd: Option<Usd>,
        #[serde(serialize_with = "object")]
        shares: Vec<(String, f64)>,
        running: Vec<f64>,
        note: Option<String>,
    }

    #[derive(Serialize)]
    struct Usd {
        value: f64,
        low: f64,
    }

    #[test]
    fn amounts_lists_and_objects_are_columns_in_the_order_of_the_row() {
        let shares = || vec![("z".to_owned(), 0.5), ("a".to_owned(), 1.0)];
        let rows = [
            Row { name: "one", usd: None, shares: shares(), running: vec![1.0], note: None },
            Row {
                name: "two, \u{1b}[31m",
                usd: Some(Usd { value: 2.5, low: 1e-7 }),
                shares: shares(),
                running: vec![1.0, 0.5],
                note: Some("n".into()),
            },
        ];
        let mut text = Vec::new();
        csv(&rows).unwrap().write(Format::Csv, &mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "name,usd,usd-low,shares-z,shares-a,running-1,running-2,note\n\
             one,,,0.5,1,1,,\n\
             \"two, \\u{1b}[31m\",2.5,0.0000001,0.5,1,1,0.5,n\n"
        );
    }
}
