//! Whatever needs a secret: signing keys, the key ring, certificates, encrypted fields; and the two sources of what no
//! rule may make up, time and chance.

pub mod administration;
pub mod authority;
pub mod certified;
pub mod certify;
pub mod field;
pub mod jws;
pub mod key_ring;
pub mod key_store;
pub mod note;
pub mod publish;
pub mod purpose;
pub mod signer;
pub mod software;
pub mod sources;

pub use key_ring::KeyRing;
pub use key_store::{KeyStore, KeyStoreError, Passphrase};
pub use purpose::{DepartmentUse, KeyKind, Purpose};
pub use signer::{Signer, SignerError};
