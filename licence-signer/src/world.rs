//! Departments, licence types and matters in memory: read at start, again after each change and every half minute.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::catalogue::{LicenceType, TypeDefinition};
use crate::lookup::Matter;
use crate::officer::Department;

/// The catalogue as it stood when it was read. Replaced whole, never changed.
#[derive(Debug, Default)]
pub struct World {
    departments: BTreeMap<String, Arc<Department>>,
    types: HashMap<(String, u32), Arc<LicenceType>>,
    newest: BTreeMap<String, Arc<LicenceType>>,
    matters: BTreeMap<String, Arc<Matter>>,
}

impl World {
    /// Reads the stored bodies.
    pub(crate) fn read(bodies: &[Vec<String>; 3]) -> Result<Self, String> {
        let mut world = Self::default();
        for body in &bodies[0] {
            let department: Department = serde_json::from_str(body).map_err(|error| error.to_string())?;
            world.departments.insert(department.code.clone(), Arc::new(department));
        }
        for body in &bodies[1] {
            let definition: TypeDefinition = serde_json::from_str(body).map_err(|error| error.to_string())?;
            let licence_type = Arc::new(LicenceType::new(definition).map_err(|error| error.to_string())?);
            let newer =
                world.newest.get(licence_type.code()).is_none_or(|known| known.version() < licence_type.version());
            if newer {
                world.newest.insert(licence_type.code().to_owned(), licence_type.clone());
            }
            world.types.insert((licence_type.code().to_owned(), licence_type.version()), licence_type);
        }
        for body in &bodies[2] {
            let matter: Matter = serde_json::from_str(body).map_err(|error| error.to_string())?;
            world.matters.insert(matter.code.clone(), Arc::new(matter));
        }
        Ok(world)
    }

    /// A department by its credit code.
    pub fn department(&self, code: &str) -> Option<&Arc<Department>> {
        self.departments.get(code)
    }

    /// All departments.
    pub fn departments(&self) -> impl Iterator<Item = &Arc<Department>> {
        self.departments.values()
    }

    /// A type in one version, or its newest.
    pub fn licence_type(&self, code: &str, version: Option<u32>) -> Option<&Arc<LicenceType>> {
        match version {
            Some(version) => self.types.get(&(code.to_owned(), version)),
            None => self.newest.get(code),
        }
    }

    /// The newest version of each type.
    pub fn types(&self) -> impl Iterator<Item = &Arc<LicenceType>> {
        self.newest.values()
    }

    /// Every version of every type.
    pub fn all_types(&self) -> impl Iterator<Item = &Arc<LicenceType>> {
        self.types.values()
    }

    /// A matter.
    pub fn matter(&self, code: &str) -> Option<&Arc<Matter>> {
        self.matters.get(code)
    }

    /// All matters.
    pub fn matters(&self) -> impl Iterator<Item = &Arc<Matter>> {
        self.matters.values()
    }
}
