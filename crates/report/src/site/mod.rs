//! The site: pages of some runs that work from a folder and from any static host.
//!
//! Everything on a page is there without script; the script sorts and searches tables and walks through charts. The same records give the same bytes.

mod cells;
mod comparison;
mod figures;
mod folder;
mod frame;
mod gaps;
mod method;
mod model;
mod moves;
mod overview;
mod platform;
mod published;
mod workload;

use std::path::{Path, PathBuf};

use crate::charts::{Study, WORKLOADS, charts};
use crate::error::ReportError;
use crate::html::{SCRIPT, STYLE};
use folder::Folder;
use frame::{Page, whole};

pub use folder::MANIFEST;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFiles {
    /// Every file, in order.
    pub files: Vec<PathBuf>,
    /// What whoever made the site should know, one line each: prices that fit no cell, records of one name that are about different work, records that cannot be read.
    pub notes: Vec<String>,
}

/// Writes a site of a study's runs, with the prices, published results and projections that it has, into a folder. A site that stands there is replaced whole once the new one is complete; a folder that holds anything else is left as it is.
///
/// # Errors
/// [`ReportError::OthersFiles`] where the folder holds files that no site of ours wrote; [`ReportError::Store`], [`ReportError::Draw`], [`ReportError::ReadFolder`],
/// [`ReportError::Write`].
pub fn write_site(study: &Study<'_>, folder: &Path) -> Result<SiteFiles, ReportError> {
    let mut folder = Folder::begin(folder)?;
    let site = model::gather(study)?;
    folder.add(frame::STYLE, STYLE.as_bytes())?;
    folder.add(frame::SCRIPT, SCRIPT.as_bytes())?;
    let placed = charts(study)?;
    let drawn = figures::draw(&placed, &mut folder)?;
    let mut add = |page: &Page| folder.add(&page.path, whole(&site, page).as_bytes());
    add(&overview::page(&site, &drawn))?;
    for place in 0..site.workloads.len() {
        add(&workload::page(&site, study, place, &drawn)?)?;
    }
    for place in 0..site.platforms.len() {
        add(&platform::page(&site, place, &drawn))?;
    }
    add(&gaps::page(&site, &drawn))?;
    add(&method::page(&site))?;
    if !site.published.is_empty() {
        add(&published::page(&site))?;
    }
    Ok(SiteFiles { files: folder.finish()?, notes: notes(&site) })
}

fn notes(site: &model::Site<'_>) -> Vec<String> {
    let apart = site.comparisons.iter().filter(|c| !c.unlike.is_empty()).map(|c| {
        let name = &site.workloads[c.workload].name;
        format!("{name} ({}): kept apart from other work of that name: {}", c.conditions, c.unlike.join("; "))
    });
    let missing = site.missing.iter().filter(|gap| gap.workload.is_none()).map(|gap| gap.reason.clone());
    let workloads = site.workloads.len();
    let without = (workloads > WORKLOADS)
        .then(|| format!("the first {WORKLOADS} of {workloads} workloads have charts of their own"));
    site.unfit.iter().cloned().chain(without).chain(apart).chain(missing).collect()
}
