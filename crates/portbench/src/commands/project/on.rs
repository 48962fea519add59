//! The hardware that a workload is projected to.

use portbench_catalog::{Accelerator, Catalog, Kind};

use crate::failure::{Failure, usage};

/// Accelerators that share the work.
pub(super) struct On<'c> {
    /// The instance, where one was named.
    pub(super) instance: Option<String>,
    pub(super) accelerator: &'c Accelerator,
    pub(super) count: u32,
}

impl<'c> On<'c> {
    /// One accelerator of that name or alias, or those of an instance.
    pub(super) fn named(catalog: &'c Catalog, name: &str) -> Result<Self, Failure> {
        let unknown = match catalog.accelerator(name) {
            Ok(accelerator) => return Ok(Self { instance: None, accelerator, count: 1 }),
            Err(unknown) => unknown,
        };
        let Ok(instance) = catalog.instance(name) else { return Err(usage(unknown)) };
        let accelerator = catalog.accelerator(&instance.accelerator).map_err(usage)?;
        if accelerator.kind == Kind::Cpu {
            return Err(Failure::usage(format!(
                "{name} is an instance with a part of a host CPU, and the catalogue knows {} as a whole: give the part's peaks in a file of your own (--catalog FILE)",
                accelerator.name
            )));
        }
        Ok(Self { instance: Some(instance.name.clone()), accelerator, count: instance.accelerators })
    }

    /// For people.
    pub(super) fn label(&self) -> String {
        match &self.instance {
            Some(instance) => format!("{instance}, {} x {}", self.count, self.accelerator.name),
            None => self.accelerator.name.clone(),
        }
    }
}
