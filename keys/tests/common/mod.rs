//! What the tests share: a folder that goes away, one instant, one authority.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use keys::authority::{Authority, DepartmentOrder, Founding};
use keys::certify::Power;
use keys::publish::{CodeItem, DepartmentEntry, Register, Titles, TypeEntry};
use keys::sources::Sources;
use keys::{DepartmentUse, KeyStore, Passphrase};
use verifier::time::Timestamp;

pub const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;
pub const DEPARTMENT: &str = "11990100001000010R";
pub const TYPE: &str = "11990100001000010R001";
pub const SIGNER: &str = "http://localhost:8081";

pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let name: [u8; 8] = Sources::system().bytes().unwrap();
        let path = std::env::temp_dir().join(format!("xinyin-keys-{:016x}", u64::from_be_bytes(name)));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).unwrap()
}

pub fn founding() -> Founding {
    Founding {
        authority: "demo.xinyin.example".to_owned(),
        title: "示范省".to_owned(),
        oid_arc: "1.3.6.1.4.1.32473".to_owned(),
        signer: SIGNER.to_owned(),
        bound: None,
    }
}

pub fn order() -> DepartmentOrder {
    DepartmentOrder {
        code: DEPARTMENT.to_owned(),
        name: "示例市公安局".to_owned(),
        uri: format!("{SIGNER}/departments/{DEPARTMENT}"),
        power: Power { types: vec![TYPE.to_owned()], regions: vec!["990100".to_owned()] },
        longest_licence_years: Some(10),
    }
}

pub const USES: [DepartmentUse; 4] =
    [DepartmentUse::Credential, DepartmentUse::Code, DepartmentUse::Copies, DepartmentUse::Stamping];

pub fn authority() -> Authority {
    let store = KeyStore::in_memory();
    let authority = Authority::found(&store, &founding(), NOW).unwrap();
    authority.certify_department(&order(), &USES, NOW).unwrap();
    authority
}

pub fn register() -> Register {
    let titles = |zh: &str, en: &str| Titles { zh_cn: zh.to_owned(), en: en.to_owned() };
    Register {
        departments: vec![DepartmentEntry {
            code: DEPARTMENT.to_owned(),
            name: "示例市公安局".to_owned(),
            former_names: Vec::new(),
            region: "990100".to_owned(),
            predecessors: Vec::new(),
        }],
        types: vec![TypeEntry {
            code: TYPE.to_owned(),
            version: 1,
            titles: titles("居住证", "Residence permit"),
            code_items: vec![CodeItem {
                name: "registered_at".to_owned(),
                titles: titles("登记机关", "Registered at"),
            }],
        }],
        ..Register::default()
    }
}
