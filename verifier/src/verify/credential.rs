//! A credential, judged as far as it can be without evidence.

use crate::algorithm::Algorithm;
use crate::certificate::{Certificate, Usage};
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

/// Judges form, signature, path, power, algorithm, log and validity, in the order in which they need each other.
pub(super) fn judge(
    text: &str,
    trust: Option<&Trust>,
    at: Timestamp,
    mut findings: Findings,
) -> Result<Judged, (Unread, Findings)> {
    let envelope = match Envelope::read(text) {
        Ok(envelope) => envelope,
        Err(unread) => return Err((unread, findings)),
    };
    let mut chain = envelope.chain().iter().map(|der| Certificate::parse(der));
    let Some(Ok(leaf)) = chain.next() else { return Err((Unread::Damaged, findings)) };
    let extra: Result<Vec<Certificate>, _> = chain.collect();
    let signer = trust.map(|trust| Signer::new(trust, &leaf));
    let mut judged = Judged::new(Rendition::SdJwt);
    if envelope.is_critical() {
        findings.find(CheckCode::Form, Reason::FormCritical);
    }

    let algorithm = envelope.algorithm().filter(|algorithm| *algorithm != Algorithm::Rs256);
    let (Some(algorithm), Some(key)) = (algorithm, leaf.public_key()) else {
        findings.find(CheckCode::Algorithm, Reason::AlgorithmUnsupported);
        judged.findings = findings;
        return Ok(judged);
    };
    judged.algorithm = Some(algorithm);
    let is_genuine = envelope.verify(key, algorithm).is_ok();
    findings.settle(CheckCode::Signature, if is_genuine { Ok(()) } else { Err(Reason::SignatureDiffers) });
    if is_genuine {
        findings.pass(CheckCode::Coverage);
    }

    let claims = if is_genuine { envelope.claims().ok() } else { None };
    let names = claims.as_ref().and_then(Names::read);
    let proven = claims.as_ref().and_then(|claims| {
        let department = names.as_ref().map(|names| names.department);
        inclusion::judge(claims, names.as_ref().map(|names| names.type_version), department, trust, at, &mut findings)
    });
    let path = signer.as_ref().and_then(|signer| {
        let extra = extra.as_deref().unwrap_or_default();
        let path = signer.path(extra, at, proven, &mut findings);
        let usage = if names.as_ref().is_some_and(|names| names.is_copy) { Usage::Copies } else { Usage::Credential };
        signer.algorithm(algorithm, usage, proven.unwrap_or(at), &mut findings);
        if let (Some(claims), Some(names)) = (&claims, &names) {
            let claim = Claim { usage, type_code: names.type_code, iat: claims.iat };
            signer.power(&claim, path.as_ref(), extra, &mut findings);
        }
        path
    });
    if is_genuine {
        let anchors = |certificate: &Certificate| trust.is_some_and(|trust| trust.is_anchor(certificate));
        let brings_anchor = anchors(&leaf) || extra.as_ref().is_ok_and(|extra| extra.iter().any(anchors));
        if extra.is_err() || brings_anchor {
            findings.find(CheckCode::Form, Reason::FormMalformed);
        }
        judged.licence = form(&envelope, claims.as_ref(), names.as_ref(), &leaf, signer.as_ref(), &mut findings);
    }
    if let Some(claims) = claims {
        validity(&claims, at, &mut findings);
        judged.status = Some(StatusQuestion::List { reference: claims.status });
    }
    judged.signer = path.as_ref().and_then(|path| signer.as_ref().map(|signer| signer.facts(path)));
    judged.findings = findings;
    Ok(judged)
}

/// Judges the form under a good signature; the facts come back where they can be read.
fn form(
    envelope: &Envelope,
    claims: Option<&Claims>,
    names: Option<&Names>,
    leaf: &Certificate,
    signer: Option<&Signer>,
    findings: &mut Findings,
) -> Option<LicenceFacts> {
    findings.pass(CheckCode::Form);
    let mut find = |reason| findings.find(CheckCode::Form, reason);
    let Some(claims) = claims else {
        find(Reason::FormMalformed);
        return None;
    };
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
    let thumbprint = leaf.public_key().map(crate::algorithm::PublicKey::thumbprint).unwrap_or_default();
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
