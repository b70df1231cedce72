//! The pure half of the writer: claims, what is signed, the text, and whether a type's items fit at all.

use crate::cose::ToSign;
use crate::deflate::deflate;
use crate::digest::sha256;
use crate::encoding::b45;
use crate::encoding::emit::Emit;
use crate::licence::licence::HolderKind;
use crate::time::{Date, Timestamp};

/// Where a code is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// On a screen for five minutes; itself evidence of state as of `iat`.
    Screen,
    /// Printed, with a status claim.
    Printed,
}

impl Profile {
    /// The most characters that a writer puts into the QR code: version 13-M on a screen, 18-M printed.
    pub const fn most(self) -> usize {
        match self {
            Self::Screen => 483,
            Self::Printed => 816,
        }
    }
}

/// The value of an item in a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Text, dates too.
    Text(String),
    /// An integer.
    Integer(i64),
    /// Yes or no.
    Bool(bool),
    /// The licence has no such item.
    Absent,
}

/// What an item of a type can hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Text of so many characters, in ASCII alone or in any script.
    Text {
        /// `maxLength`, or that of the longest value of an `enum`.
        characters: usize,
        /// Whether the schema allows ASCII alone.
        ascii: bool,
    },
    /// A date, `YYYY-MM-DD`.
    Date,
    /// An integer.
    Integer,
    /// Yes or no.
    Bool,
}

impl Bound {
    /// Whether `item` keeps within this bound.
    pub fn admits(&self, item: &Item) -> bool {
        match (self, item) {
            (_, Item::Absent) | (Self::Integer, Item::Integer(_)) | (Self::Bool, Item::Bool(_)) => true,
            (Self::Text { characters, ascii }, Item::Text(text)) => {
                text.chars().count() <= *characters && text.len() <= self.bytes() && (!ascii || text.is_ascii())
            }
            (Self::Date, Item::Text(text)) => text.parse::<Date>().is_ok(),
            _ => false,
        }
    }

    /// Three bytes a character of any script, one of ASCII.
    fn bytes(&self) -> usize {
        match self {
            Self::Text { characters, ascii } => characters.saturating_mul(if *ascii { 1 } else { 3 }),
            Self::Date => 10,
            Self::Integer | Self::Bool => 0,
        }
    }

    fn largest(&self) -> Item {
        match self {
            Self::Text { .. } | Self::Date => Item::Text("x".repeat(self.bytes().min(super::MAX_BYTES))),
            Self::Integer => Item::Integer(i64::MIN),
            Self::Bool => Item::Bool(true),
        }
    }
}

/// Why no code is made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// A value, or the holder's name, is over its bound.
    #[error("{0} is too long for a code")]
    TooLong(String),
    /// The values do not fit the type's list of items in a code.
    #[error("the type has {expected} items in a code, {given} are given")]
    Items {
        /// What the type has.
        expected: usize,
        /// What is given.
        given: usize,
    },
    /// A date is no day of the calendar.
    #[error("{0} is not a day")]
    Date(&'static str),
    /// The text is over what the profile's QR code holds.
    #[error("{characters} characters, {most} are the most")]
    TooLarge {
        /// What it would take.
        characters: usize,
        /// What the profile holds.
        most: usize,
    },
}

/// All that a code says, before it is signed. With a status entry it is a printed one, else one for a screen.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// When it is signed (`iat`).
    pub issued_at: Timestamp,
    /// The licence type's code.
    pub type_code: &'a str,
    /// The licence type's version.
    pub type_version: u64,
    /// The serial within the licence identifier.
    pub serial: &'a str,
    /// The version within the licence identifier, 1 to 999.
    pub version: u16,
    /// The holder's name.
    pub holder_name: &'a str,
    /// The first valid day.
    pub valid_from: &'a str,
    /// The last valid day; none: without end.
    pub last_day: Option<&'a str>,
    /// The values, by the position that the type's version gives them.
    pub items: &'a [Item],
    /// URI and position of the status entry of a printed code.
    pub status: Option<(&'a str, u64)>,
}

impl Draft<'_> {
    /// Whether name and values keep within the bounds of their type, so that the code must fit.
    pub fn check(&self, holder: HolderKind, bounds: &[(&str, Bound)]) -> Result<(), CodeError> {
        let longest = holder.longest_name();
        if self.holder_name.chars().count() > longest || self.holder_name.len() > longest * 3 {
            return Err(CodeError::TooLong("holder_name".to_owned()));
        }
        if bounds.len() != self.items.len() {
            return Err(CodeError::Items { expected: bounds.len(), given: self.items.len() });
        }
        match bounds.iter().zip(self.items).find(|((_, bound), item)| !bound.admits(item)) {
            Some(((name, _), _)) => Err(CodeError::TooLong((*name).to_owned())),
            None => Ok(()),
        }
    }

    /// The profile that the status entry decides.
    pub fn profile(&self) -> Profile {
        if self.status.is_some() { Profile::Printed } else { Profile::Screen }
    }

    /// The claims, encoded.
    pub fn claims(&self) -> Result<Vec<u8>, CodeError> {
        let issued = self.issued_at;
        let day = |name, text: &str| text.parse::<Date>().map_err(|_| CodeError::Date(name));
        let starts = day("valid_from", self.valid_from)?.first_second();
        let last_day = self.last_day.map(|text| day("last_day", text)).transpose()?;
        let expires = match self.profile() {
            Profile::Screen => Some(issued.plus(super::SCREEN_SECONDS)),
            Profile::Printed => last_day.map(Date::end),
        };
        let not_before = (starts > issued).then_some(starts);
        let count =
            2 + usize::from(expires.is_some()) + usize::from(not_before.is_some()) + usize::from(self.status.is_some());
        let mut out = Emit::with_capacity(512);
        out.map(count);
        if let Some(expires) = expires {
            out.unsigned(4).integer(expires.seconds());
        }
        if let Some(not_before) = not_before {
            out.unsigned(5).integer(not_before.seconds());
        }
        out.unsigned(6).integer(issued.seconds());
        if let Some((uri, idx)) = self.status {
            out.unsigned(65_535).map(1).text("status_list").map(2).text("idx").unsigned(idx).text("uri").text(uri);
        }
        out.integer(-65_537);
        self.licence(last_day, &mut out);
        Ok(out.into_bytes())
    }

    fn licence(&self, last_day: Option<Date>, out: &mut Emit) {
        out.array(8).unsigned(1).text(self.type_code).unsigned(self.type_version).text(self.serial);
        out.unsigned(self.version.into()).text(self.holder_name);
        match last_day {
            Some(day) => out.unsigned(day.compact().into()),
            None => out.null(),
        };
        out.array(self.items.len());
        for item in self.items {
            match item {
                Item::Text(text) => out.text(text),
                Item::Integer(number) => out.integer(*number),
                Item::Bool(value) => out.bool(*value),
                Item::Absent => out.null(),
            };
        }
    }

    /// What the department's `code` key signs, by ES256; `certificate` is its DER.
    pub fn to_sign(&self, certificate: &[u8]) -> Result<ToSign, CodeError> {
        Ok(ToSign::new(protected(&sha256(certificate)), self.claims()?))
    }
}

/// The text of a signed code: the shorter of the plain and the zlib form, within what the profile holds.
pub fn text(cose: &[u8], profile: Profile) -> Result<String, CodeError> {
    let deflated = deflate(cose);
    let shorter = if deflated.len() < cose.len() { &deflated } else { cose };
    let text = format!("{}{}", super::PREFIX, b45::encode(shorter));
    match text.len() {
        characters if characters > profile.most() => Err(CodeError::TooLarge { characters, most: profile.most() }),
        _ => Ok(text),
    }
}

/// The characters that a code of a type takes at most in each profile (screen, printed), compression not counted.
///
/// A type may have such a code only if its figure is at most [`Profile::most`].
pub fn largest(type_code: &str, type_version: u64, holder: HolderKind, bounds: &[Bound]) -> (usize, usize) {
    let items: Vec<Item> = bounds.iter().map(Bound::largest).collect();
    let name = "x".repeat(holder.longest_name() * 3);
    let uri = "x".repeat(64);
    let draft = Draft {
        issued_at: Timestamp::from_seconds(4_000_000_000), // as wide as any until 2106
        type_code,
        type_version,
        serial: "00000000000000000000",
        version: 999,
        holder_name: &name,
        valid_from: "9999-12-30",
        last_day: Some("9999-12-30"),
        items: &items,
        status: None,
    };
    let characters = |draft: &Draft| {
        let claims = draft.claims().map_or(usize::MAX / 4, |claims| claims.len());
        base45_length(super::PREFIX.len(), cose_length(claims))
    };
    let printed = Draft { status: Some((&uri, (1 << 20) - 1)), ..draft.clone() };
    (characters(&draft), characters(&printed))
}

/// Length of a tagged `COSE_Sign1` with the code's protected header, claims of that length and 64 bytes of signature.
fn cose_length(claims: usize) -> usize {
    let protected = protected(&[0; 32]).len() + 1;
    let payload_head = if claims > 0xff { 3 } else { 2 };
    2 + protected + 1 + payload_head + claims + 2 + 64
}

fn base45_length(prefix: usize, bytes: usize) -> usize {
    prefix + bytes / 2 * 3 + bytes % 2 * 2
}

/// `{1: ES256, 4: first eight bytes of the certificate's digest}`.
fn protected(certificate_digest: &[u8; 32]) -> Vec<u8> {
    let mut out = Emit::default();
    out.map(2).unsigned(1).integer(-7).unsigned(4).bytes(&certificate_digest[..8]);
    out.into_bytes()
}
