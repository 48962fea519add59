//! What pages are made of: tables, charts, folds, words; and how they look.

mod details;
mod figure;
mod slug;
mod table;
mod words;

pub(crate) use details::details;
pub(crate) use figure::{Files, figure};
pub(crate) use portbench_chart::number::counted;
pub(crate) use slug::Slugs;
pub(crate) use table::{Column, Data, Table, number, words};
pub(crate) use words::{date, moment};

/// The style sheet.
pub(crate) const STYLE: &str = include_str!("assets/site.css");

/// The script; every page reads as well without it.
pub(crate) const SCRIPT: &str = include_str!("assets/site.js");
