//! Distinguished and general names, in a form that can be compared (RFC 5280 §7.1).

use x509_parser::extensions::GeneralName as Parsed;
use x509_parser::prelude::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

/// A distinguished name. Two are equal if they are after folding case and runs of blanks, whatever their string types.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Name(Vec<Vec<Attribute>>);

#[derive(Clone, Debug)]
struct Attribute {
    oid: String,
    /// What is compared: folded text, or tag and bytes.
    key: Vec<u8>,
    text: Option<String>,
}

impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        self.oid == other.oid && self.key == other.key
    }
}

impl Eq for Attribute {}

impl std::hash::Hash for Attribute {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.oid.hash(state);
        self.key.hash(state);
    }
}

impl Name {
    pub(super) fn new(name: &X509Name<'_>) -> Self {
        Self(name.iter_rdn().map(attributes).collect())
    }

    /// This name with one more relative name at its end.
    pub(super) fn with(&self, relative: &RelativeDistinguishedName<'_>) -> Self {
        let mut name = self.clone();
        name.0.push(attributes(relative));
        name
    }

    /// Whether the name has no parts.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `self` is `base` or below it.
    pub(super) fn is_within(&self, base: &Self) -> bool {
        self.0.starts_with(&base.0)
    }

    /// The text of each attribute of that type, in order.
    pub fn texts<'a>(&'a self, oid: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().flatten().filter(move |one| one.oid == oid).filter_map(|one| one.text.as_deref())
    }
}

impl std::fmt::Display for Name {
    /// `CN=…, O=…` in the order of the certificate; attributes that are no text are left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "";
        for attribute in self.0.iter().flatten() {
            let Some(text) = &attribute.text else { continue };
            let label = match attribute.oid.as_str() {
                "2.5.4.3" => "CN",
                "2.5.4.6" => "C",
                "2.5.4.7" => "L",
                "2.5.4.8" => "ST",
                "2.5.4.10" => "O",
                "2.5.4.11" => "OU",
                "2.5.4.97" => "organizationIdentifier",
                other => other,
            };
            write!(f, "{separator}{label}={text}")?;
            separator = ", ";
        }
        Ok(())
    }
}

fn attributes(relative: &RelativeDistinguishedName<'_>) -> Vec<Attribute> {
    let mut set: Vec<_> = relative.iter().map(attribute).collect();
    set.sort_by(|a, b| (&a.oid, &a.key).cmp(&(&b.oid, &b.key)));
    set
}

fn attribute(parsed: &AttributeTypeAndValue<'_>) -> Attribute {
    let value = parsed.attr_value();
    let tag = value.header.tag().0;
    let text = text(tag, value.data);
    let key = match &text {
        Some(text) => text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ").into_bytes(),
        None => [&tag.to_be_bytes()[..], &[0xFF], value.data].concat(),
    };
    Attribute { oid: parsed.attr_type().to_id_string(), key, text }
}

/// The text of a DER string type: UTF-8, printable, IA5, numeric, T61 (as Latin-1), BMP.
fn text(tag: u32, data: &[u8]) -> Option<String> {
    match tag {
        12 | 18 | 19 | 22 => std::str::from_utf8(data).ok().map(str::to_owned),
        20 => Some(data.iter().map(|byte| char::from(*byte)).collect()),
        30 => {
            let (units, rest) = data.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            rest.is_empty().then(|| char::decode_utf16(units).collect::<Result<String, _>>().ok())?
        }
        _ => None,
    }
}

/// A general name (RFC 5280 §4.2.1.6) of a type whose constraints are understood, or the tag of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneralName {
    /// A mail address.
    Mail(String),
    /// A host name.
    Dns(String),
    /// A URI.
    Uri(String),
    /// An address, or address and mask.
    Ip(Vec<u8>),
    /// A distinguished name.
    Directory(Name),
    /// Another type, by its tag, or one whose content is malformed.
    Other(u32),
}

impl GeneralName {
    pub(super) fn new(name: &Parsed<'_>) -> Self {
        match name {
            Parsed::RFC822Name(text) => Self::Mail((*text).to_owned()),
            Parsed::DNSName(text) => Self::Dns((*text).to_owned()),
            Parsed::URI(text) => Self::Uri((*text).to_owned()),
            Parsed::IPAddress(bytes) => Self::Ip(bytes.to_vec()),
            Parsed::DirectoryName(name) => Self::Directory(Name::new(name)),
            Parsed::OtherName(..) => Self::Other(0),
            Parsed::X400Address(_) => Self::Other(3),
            Parsed::EDIPartyName(_) => Self::Other(5),
            Parsed::RegisteredID(_) => Self::Other(8),
            Parsed::Invalid(tag, _) => Self::Other(tag.0),
        }
    }

    pub(super) fn list(names: &[Parsed<'_>]) -> Vec<Self> {
        names.iter().map(Self::new).collect()
    }
}

/// The name of a distribution point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PointName {
    /// Its names in full.
    Full(Vec<GeneralName>),
    /// One part below the name of the CRL's issuer, already joined to each name that this can be.
    Relative(Vec<Name>),
}

impl PointName {
    fn names(&self) -> Vec<GeneralName> {
        match self {
            Self::Full(names) => names.clone(),
            Self::Relative(names) => names.iter().cloned().map(GeneralName::Directory).collect(),
        }
    }

    /// Whether one of the names of one is one of the other's.
    pub(super) fn meets(&self, other: &[GeneralName]) -> bool {
        self.names().iter().any(|name| other.contains(name))
    }

    /// Whether two points have a name in common.
    pub(super) fn meets_point(&self, other: &Self) -> bool {
        self.meets(&other.names())
    }
}
