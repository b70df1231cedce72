//! The catalogue (证照目录): what kinds of licence there are, who may issue each, what stands in it, who may read it.

mod code_items;
mod definition;
mod licence_type;
mod schema;

pub use code_items::{CodeItem, CodeTooSmall};
pub use definition::{
    EndRule, Face, FaceField, FaceForm, HolderKind, ItemDefinition, LicenceKind, LookupRule, Titles, TypeDefinition,
    ValidityRule,
};
pub use licence_type::{CatalogueError, LicenceType};
pub use schema::{ItemFault, ItemSchema, SchemaError};
