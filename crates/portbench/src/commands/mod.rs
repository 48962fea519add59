//! One module a sub-command.

pub(crate) mod chart;
pub(crate) mod compare;
pub(crate) mod compile;
pub(crate) mod completions;
pub(crate) mod cost;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod goldens;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod migrate;
pub(crate) mod plan;
pub(crate) mod portability;
pub(crate) mod project;
pub(crate) mod report;
pub(crate) mod run;
mod runs;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod verify;
pub(crate) mod worker;
