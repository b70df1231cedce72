//! A status list, checked and inflated once, asked many times.

use std::fmt;

use url::Url;

use super::read::Token;
use super::{ENTRIES, MEDIA_TYPE_CWT, MEDIA_TYPE_JWT};
use crate::algorithm::Algorithm;
use crate::certificate::{Certificate, Usage};
use crate::report::Reason;
use crate::time::Timestamp;
use crate::trust::Trust;
use crate::verify::CLOCK_TOLERANCE;

/// Behind which rendition a list is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Behind {
    /// Only a list as JWT counts.
    Credential,
    /// Both encodings count.
    Code,
}

/// A list whose signature and content were checked, with what may still end with time.
pub struct StatusList {
    uri: String,
    is_jwt: bool,
    issued_at: Timestamp,
    expires: Timestamp,
    /// Within which its signer's path holds, the end inclusive.
    path_holds: Result<(Timestamp, Timestamp), Reason>,
    /// Until which its algorithm counts.
    algorithm_until: Option<Timestamp>,
    bytes: Vec<u8>,
}

impl StatusList {
    /// Checks a list as it came from `uri`, signed by a certificate that the bundle names for that origin.
    ///
    /// The path of its signer is judged at `at`; [`StatusList::counts`] judges the rest of the times at each question.
    ///
    /// # Errors
    ///
    /// The one of `status.origin`, `.signer`, `.signature`, `.malformed` and `.media_type` that stands first in that order.
    pub fn prepare(uri: &str, media_type: &str, body: &[u8], trust: &Trust, at: Timestamp) -> Result<Self, Reason> {
        let origin = trust.status_origin(uri).filter(|_| may_be_fetched(uri)).ok_or(Reason::StatusOrigin)?;
        let media_type = super::essence(media_type);
        let token = match media_type.as_str() {
            MEDIA_TYPE_JWT => Token::jwt(body),
            MEDIA_TYPE_CWT => Token::cwt(body),
            _ => return Err(Reason::StatusMediaType),
        };
        let token = token.ok_or(if looks_other(&media_type, body) {
            Reason::StatusMediaType
        } else {
            Reason::StatusMalformed
        })?;
        let mut chain = token.chain.iter().map(|der| Certificate::parse(der));
        let leaf = chain.next().and_then(Result::ok).ok_or(Reason::StatusMalformed)?;
        let extra: Vec<Certificate> = chain.collect::<Result<_, _>>().map_err(|_| Reason::StatusMalformed)?;
        let (Some(key), Some(algorithm)) = (leaf.public_key(), token.algorithm) else {
            return Err(Reason::StatusSigner);
        };
        let algorithm_until = algorithm_until(trust, algorithm)?;
        let row = trust.certificate(leaf.sha256()).ok_or(Reason::StatusSigner)?;
        if !origin.signers.contains(leaf.sha256()) || row.compromised_from.is_some() {
            return Err(Reason::StatusSigner);
        }
        // What the row says of its time is judged below, once the list's own time is known.
        trust.purpose(&leaf, Usage::Status, row.signs_from).map_err(|_| Reason::StatusSigner)?;
        if !token.verifies(key, algorithm) {
            return Err(Reason::StatusSignature);
        }
        let content = token.content();
        let outside = |iat: Timestamp| iat < row.signs_from || iat >= row.signs_until;
        if content.as_ref().is_some_and(|content| outside(content.iat)) {
            return Err(Reason::StatusSigner);
        }
        let content = content.filter(|content| content.sub == uri && token.headers_fit && token.names(key));
        let content = content.ok_or(Reason::StatusMalformed)?;
        let path = trust.path(&leaf, &extra, at).map_err(|_| Reason::StatusSigner);
        Ok(Self {
            uri: uri.to_owned(),
            is_jwt: media_type == MEDIA_TYPE_JWT,
            issued_at: content.iat,
            expires: content.exp,
            path_holds: path.map(|path| {
                let below = &path.certificates()[..path.certificates().len() - 1];
                let from = below.iter().map(Certificate::not_before).max().unwrap_or(at);
                let until = below.iter().map(Certificate::not_after).min().unwrap_or(at);
                (from, until)
            }),
            algorithm_until,
            bytes: content.bytes,
        })
    }

    /// Where it was fetched, which is its own name.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The state is as of this time.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// From this time on it counts no more.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Whether the list counts behind such a rendition at that time.
    pub fn counts(&self, behind: Behind, at: Timestamp) -> Result<(), Reason> {
        if at >= self.expires {
            return Err(Reason::StatusStale);
        }
        if self.issued_at.plus(-CLOCK_TOLERANCE) > at {
            return Err(Reason::StatusLater);
        }
        let (from, until) = self.path_holds?;
        if at < from || at > until || self.algorithm_until.is_some_and(|until| at >= until) {
            return Err(Reason::StatusSigner);
        }
        if behind == Behind::Credential && !self.is_jwt {
            return Err(Reason::StatusMediaType);
        }
        Ok(())
    }

    /// What a position says; the value 3 has no meaning in version 1.
    pub fn state(&self, position: u64) -> Result<(), Reason> {
        if position >= ENTRIES {
            return Err(Reason::StatusMalformed);
        }
        let byte =
            usize::try_from(position / 4).ok().and_then(|at| self.bytes.get(at)).ok_or(Reason::StatusMalformed)?;
        match byte >> (position % 4 * 2) & 3 {
            0 => Ok(()),
            1 => Err(Reason::StatusInvalid),
            2 => Err(Reason::StatusSuspended),
            _ => Err(Reason::StatusUnknownValue),
        }
    }
}

impl fmt::Debug for StatusList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusList({}, {})", self.uri, self.issued_at)
    }
}

/// Whether a URI can be that of a list: one of http or https that carries no name and password.
pub(crate) fn may_be_fetched(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
    })
}

/// Until when the algorithm counts for status lists; none: without end. Without a row it has never counted.
fn algorithm_until(trust: &Trust, algorithm: Algorithm) -> Result<Option<Timestamp>, Reason> {
    trust.algorithm_row(Usage::Status.name(), algorithm).map(|row| row.until).ok_or(Reason::StatusSigner)
}

/// Whether the body is in the encoding of the other media type.
fn looks_other(media_type: &str, body: &[u8]) -> bool {
    if media_type == MEDIA_TYPE_JWT { Token::cwt(body).is_some() } else { Token::jwt(body).is_some() }
}
