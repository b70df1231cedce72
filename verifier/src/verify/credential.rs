//! A credential, judged as far as it can be without evidence.

use crate::algorithm::{Algorithm, PublicKey};
use crate::certificate::{Certificate, Path, Usage};
use crate::licence::identifier::LicenceIdentifier;
use crate::rendition::Unread;
use crate::rendition::credential::{Claims, Disclosed, Envelope, NotDisclosed};
use crate::report::{CheckCode, CopyFacts, HolderFacts, LicenceFacts, Party, Reason, Rendition, TypeFacts};
use crate::time::Timestamp;
use crate::trust::Trust;

use super::consistency::{self, Names};
use super::findings::Findings;
use super::signer::{Claim, Signer};
use super::{Judged, StatusQuestion, inclusion, title};

/// A credential taken apart, with its certificates and what the bundle says of the first of them.
struct Parts<'a> {
    envelope: Envelope<'a>,
    leaf: &'a Certificate,
    /// The rest of `x5c`; none where one of them cannot be read.
    extra: Option<&'a [Certificate]>,
    signer: Option<Signer<'a>>,
    trust: Option<&'a Trust>,
    at: Timestamp,
}

/// Judges form, signature, path, power, algorithm, log and validity, in the order in which they need each other.
pub(super) fn judge(text: &str, trust: Option<&Trust>, at: Timestamp, findings: Findings) -> Result<Judged, Unread> {
    let envelope = Envelope::read(text)?;
    let mut chain = envelope.chain().iter().map(|der| Certificate::parse(der));
    let leaf = chain.next().and_then(Result::ok).ok_or(Unread::Damaged)?;
    let extra = chain.collect::<Result<Vec<Certificate>, _>>().ok();
    let signer = trust.map(|trust| Signer::new(trust, &leaf));
    let parts = Parts { envelope, leaf: &leaf, extra: extra.as_deref(), signer, trust, at };
    let mut judged = Judged { findings, ..Judged::new(Rendition::SdJwt) };
    if parts.envelope.is_critical() {
        judged.findings.find(CheckCode::Form, Reason::FormCritical);
    }
    let algorithm = parts.envelope.algorithm().filter(|algorithm| *algorithm != Algorithm::Rs256);
    match (algorithm, leaf.public_key()) {
        (Some(algorithm), Some(key)) => parts.judge(algorithm, key, &mut judged),
        _ => judged.findings.find(CheckCode::Algorithm, Reason::AlgorithmUnsupported),
    }
    Ok(judged)
}

impl Parts<'_> {
    fn judge(&self, algorithm: Algorithm, key: &PublicKey, judged: &mut Judged) {
        judged.algorithm = Some(algorithm);
        let findings = &mut judged.findings;
        let outcome = self.envelope.verify(key, algorithm);
        findings.settle(CheckCode::Signature, outcome.map_err(|_| Reason::SignatureDiffers));
        if outcome.is_err() {
            self.path(None, algorithm, None, findings);
            return;
        }
        findings.pass(CheckCode::Coverage);
        findings.settle(CheckCode::Form, self.certificates_fit());
        let Ok(claims) = self.envelope.claims() else {
            findings.find(CheckCode::Form, Reason::FormMalformed);
            self.path(None, algorithm, None, findings);
            return;
        };
        let names = Names::read(&claims);
        let (version, department) = names.as_ref().map(|names| (names.type_version, names.department)).unzip();
        let proven = inclusion::judge(&claims, version, department, self.trust, findings);
        let path = self.path(Some((&claims, names.as_ref())), algorithm, proven, findings);
        judged.signer = path.as_ref().and_then(|path| self.signer.as_ref().map(|signer| signer.facts(path)));
        judged.licence = form(&self.envelope, &claims, names.as_ref(), self.leaf, self.signer.as_ref(), findings);
        validity(&claims, self.at, findings);
        judged.status = Some(StatusQuestion::List { reference: claims.status });
    }

    /// `x5c` can be read and does not bring an anchor (formats §2).
    fn certificates_fit(&self) -> Result<(), Reason> {
        let extra = self.extra.ok_or(Reason::FormMalformed)?;
        let is_anchor = |certificate: &Certificate| self.trust.is_some_and(|trust| trust.is_anchor(certificate));
        if is_anchor(self.leaf) || extra.iter().any(is_anchor) { Err(Reason::FormMalformed) } else { Ok(()) }
    }

    /// Judges path and algorithm, and power where the claims can be read.
    fn path(
        &self,
        content: Option<(&Claims, Option<&Names>)>,
        algorithm: Algorithm,
        proven: Option<Timestamp>,
        findings: &mut Findings,
    ) -> Option<Path> {
        let signer = self.signer.as_ref()?;
        let extra = self.extra.unwrap_or_default();
        let path = signer.path(extra, self.at, proven, findings);
        let names = content.and_then(|(_, names)| names);
        let usage = if names.is_some_and(|names| names.is_copy) { Usage::Copies } else { Usage::Credential };
        signer.algorithm(algorithm, usage, proven.unwrap_or(self.at), findings);
        if let Some((claims, Some(names))) = content {
            let claim = Claim { usage, type_code: names.type_code, iat: claims.iat };
            signer.power(&claim, path.as_ref(), extra, findings);
        }
        path
    }
}

/// Judges the form under a good signature; the facts come back where they can be read.
fn form(
    envelope: &Envelope,
    claims: &Claims,
    names: Option<&Names>,
    leaf: &Certificate,
    signer: Option<&Signer>,
    findings: &mut Findings,
) -> Option<LicenceFacts> {
    let mut find = |reason| findings.find(CheckCode::Form, reason);
    let disclosed = match envelope.disclosed(claims) {
        Ok(disclosed) => Some(disclosed),
        Err(NotDisclosed::Malformed) => {
            find(Reason::FormMalformed);
            None
        }
        Err(NotDisclosed::Disclosure) => {
            find(Reason::FormDisclosure);
            None
        }
    };
    let identifier = claims.identifier.parse::<LicenceIdentifier>();
    if identifier.is_err() {
        find(Reason::FormIdentifier);
    }
    let Some(names) = names else {
        find(Reason::FormInconsistent);
        return None;
    };
    let thumbprint = leaf.public_key().map(PublicKey::thumbprint).unwrap_or_default();
    if let Ok(identifier) = &identifier
        && !consistency::holds(claims, names, identifier, envelope, &thumbprint, signer, leaf)
    {
        find(Reason::FormInconsistent);
    }
    disclosed.map(|disclosed| facts(claims, names, disclosed, signer.map(|signer| signer.trust)))
}

fn validity(claims: &Claims, at: Timestamp, findings: &mut Findings) {
    findings.pass(CheckCode::Validity);
    if at < claims.nbf {
        findings.find(CheckCode::Validity, Reason::ValidityNotYet);
    }
    if claims.exp.is_some_and(|exp| at >= exp) {
        findings.find(CheckCode::Validity, Reason::ValidityExpired);
    }
    if claims.iat.plus(-super::CLOCK_TOLERANCE) > at {
        findings.find(CheckCode::Validity, Reason::IssuedAhead);
    }
}

fn facts(claims: &Claims, names: &Names, disclosed: Disclosed, trust: Option<&Trust>) -> LicenceFacts {
    let mut hidden = disclosed.top;
    let mut take = |name: &str| match hidden.remove(name) {
        Some(serde_json::Value::String(text)) => Some(text),
        _ => None,
    };
    LicenceFacts {
        identifier: Some(claims.identifier.clone()),
        kind: TypeFacts {
            code: names.type_code.to_owned(),
            version: names.type_version,
            title: trust.and_then(|trust| title(trust, names.type_code, names.type_version)),
        },
        number: take("number"),
        holder: HolderFacts {
            kind: take("holder_kind"),
            name: take("holder_name"),
            code_type: take("holder_code_type"),
            code: take("holder_code"),
        },
        issuing_authority: Party {
            code: claims.issuing_authority.code.clone(),
            name: claims.issuing_authority.name.clone(),
        },
        issue_date: Some(claims.issue_date),
        valid_from: Some(claims.valid_from),
        valid_until: claims.valid_until,
        portrait_digest: take("portrait_digest"),
        items: disclosed.items,
        copy: claims.copy.as_ref().map(|copy| CopyFacts {
            recipient: Party { code: copy.terms.recipient_code.clone(), name: copy.terms.recipient_name.clone() },
            purpose: copy.terms.purpose.clone(),
            until: copy.until,
        }),
    }
}
