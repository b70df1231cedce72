//! Certificates, revocation lists, extensions.

use verifier::certificate::{Certificate, Crl, Pool, Power, Rules};
use verifier::region::Region;

use crate::fixtures::{AT, CA, CERTIFICATES, CRL, LEAF, ROOT};

const ARC: &str = "1.3.6.1.4.1.32473";

fn pool(lists: Vec<Crl>) -> Pool {
    let [root, ca, _] = CERTIFICATES.clone();
    Pool::new(vec![root], vec![ca], lists)
}

pub(crate) fn certificate(data: &[u8]) {
    let Ok(read) = Certificate::parse(data) else { return };
    assert_eq!(read.der(), data);
    assert_eq!(Certificate::parse(data).as_ref(), Ok(&read));
    let _ = (read.power(ARC), read.usages(ARC), read.subject().to_string(), read.issuer().to_string());
    let _ = (read.organization_identifier(), read.organization_name(), read.uris().count(), read.is_ca());
    if let Some(key) = read.public_key() {
        assert_eq!(key.spki_sha256(), *read.spki_sha256(), "two encodings of one key");
    }
    // Only what the authority certified has a path, whatever the document brings along.
    let leaf = &CERTIFICATES[2];
    let known = data == LEAF || data == ROOT || data == CA;
    let rules = Rules::at(AT);
    assert!(pool(Vec::new()).path(&read, std::slice::from_ref(leaf), &rules).is_err() || known, "a forgery has a path");
    let beside = pool(Vec::new()).path(leaf, std::slice::from_ref(&read), &rules);
    assert!(beside.is_ok(), "what stands beside spoils a good path");
}

pub(crate) fn certificate_seeds() -> Vec<Vec<u8>> {
    vec![LEAF.to_vec(), CA.to_vec(), ROOT.to_vec()]
}

pub(crate) fn crl(data: &[u8]) {
    let Ok(read) = Crl::parse(data) else { return };
    // A list that no CA of the pool signed revokes nothing.
    assert!(pool(vec![read]).path(&CERTIFICATES[2], &[], &Rules::at(AT)).is_ok());
}

pub(crate) fn crl_seeds() -> Vec<Vec<u8>> {
    vec![CRL.to_vec()]
}

/// One DER element; the length in its shortest form.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = match length {
        0..0x80 => vec![tag, u8::try_from(length).unwrap()],
        0x80..0x100 => vec![tag, 0x81, u8::try_from(length).unwrap()],
        _ => [&[tag, 0x82], u16::try_from(length).unwrap().to_be_bytes().as_slice()].concat(),
    };
    out.extend_from_slice(content);
    out
}

fn written(power: &Power) -> Vec<u8> {
    let list = |texts: &[String]| {
        let texts: Vec<u8> = texts.iter().flat_map(|text| element(12, text.as_bytes())).collect();
        element(0x30, &texts)
    };
    element(0x30, &[list(&power.types), list(&power.regions)].concat())
}

pub(crate) fn extensions(data: &[u8]) {
    if let Some(read) = Power::read(data) {
        assert_eq!(written(&read), data, "two encodings of one power");
    }
    // Any texts as a power: written, read, the same; and what it has is what stands there.
    let texts: Vec<String> = String::from_utf8_lossy(data).split('\n').take(8).map(str::to_owned).collect();
    let half = texts.len() / 2;
    let power = Power { types: texts[..half].to_vec(), regions: texts[half..].to_vec() };
    if written(&power).len() < 60_000 {
        assert_eq!(Power::read(&written(&power)).as_ref(), Some(&power));
    }
    assert!(power.types.iter().all(|code| power.has_type(code)));
    for region in power.regions.iter().filter_map(|text| text.parse::<Region>().ok()) {
        assert!(power.has_region(&region));
    }
}

pub(crate) fn extension_seeds() -> Vec<Vec<u8>> {
    let power = |types: &[&str], regions: &[&str]| {
        let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        written(&Power { types: texts(types), regions: texts(regions) })
    };
    vec![
        power(&["11990100001000010R001", "11990100001000010R002"], &["990100", "990121100"]),
        power(&[], &[]),
        b"11990100001000010R001\n990100".to_vec(),
    ]
}
