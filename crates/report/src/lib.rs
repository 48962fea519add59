//! Tables, charts, the page, and the comparison of runs: everything that people read of records.
//!
//! Not in this crate: how records come about, what is right or wrong about them.

mod bounds;
pub mod charts;
mod compare;
mod compilation;
mod cost;
mod efficiency;
mod error;
pub mod history;
mod html;
mod lowering;
mod page;
mod platform;
mod row;
mod scaling;
mod site;
mod telemetry;
mod write;

pub use bounds::judge_bounds;
pub use compare::{COMPARE_COLUMNS, COMPARE_NUMERIC, Change, CompareRow, compare, compare_runs};
pub use compilation::{COMPILATION_COLUMNS, COMPILATION_NUMERIC, compilation_cells};
pub use cost::{COST_COLUMNS, COST_NUMERIC, amount, amount_or, cost_cells, hourly, rate};
pub use efficiency::{
    EFFICIENCY_COLUMNS, EFFICIENCY_NUMERIC, Efficiency, NoEfficiency, efficiency, efficiency_cells, precision,
};
pub use error::ReportError;
pub use lowering::{LOWERING_COLUMNS, lowering_cells};
pub use platform::{Platform, Platforms};
pub use portbench_chart::number::{plain, plain_with};
pub use row::{COLUMNS, NUMERIC, Row, markdown};
pub use scaling::{Scaling, judge_scaling};
pub use site::{MANIFEST, SiteFiles, write_site};
pub use telemetry::{TELEMETRY_COLUMNS, TELEMETRY_NUMERIC, telemetry_cells};
pub use write::{ReportFiles, save, write};
