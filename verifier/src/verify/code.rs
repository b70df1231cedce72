//! A code, judged as far as it can be without evidence.

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::certificate::{Certificate, Usage};
use crate::licence::identifier::{LicenceIdentifier, TypeCode};
use crate::rendition::code::{Claims, ClaimsError, Envelope, SCREEN_SECONDS};
use crate::report::{CheckCode, HolderFacts, LicenceFacts, Party, Reason, Rendition, TypeFacts};
use crate::time::{Date, Timestamp};
use crate::trust::Trust;
use crate::trust::rows::TypeRow;

use super::findings::Findings;
use super::signer::{Claim, Signer};
use super::{Judged, StatusQuestion, title};

/// Judges form, signature, path, power, algorithm and validity. The log is outside the verdict: a code has no room for it.
pub(super) fn judge(envelope: &Envelope, trust: Option<&Trust>, at: Timestamp, mut findings: Findings) -> Judged {
    let mut judged = Judged::new(Rendition::Cwt);
    let algorithm = envelope.algorithm();
    judged.algorithm = algorithm;
    if algorithm.is_none() {
        findings.find(CheckCode::Algorithm, Reason::AlgorithmUnsupported);
    }
    if let (Some(trust), Some(_)) = (trust, algorithm) {
        match find_signer(envelope, trust) {
            Found::None => findings.find(CheckCode::Path, Reason::PathUnknownIssuer),
            Found::Differs => findings.find(CheckCode::Signature, Reason::SignatureDiffers),
            Found::Signed(leaf) => signed(envelope, &Signer::new(trust, leaf), at, &mut findings, &mut judged),
        }
    }
    judged.findings = findings;
    judged
}

enum Found<'a> {
    None,
    Differs,
    Signed(&'a Certificate),
}

/// Tries every certificate of purpose `code` whose digest begins with the `kid`.
fn find_signer<'a>(envelope: &Envelope, trust: &'a Trust) -> Found<'a> {
    let message = envelope.message();
    let mut found = Found::None;
    for certificate in trust.code_candidates(*envelope.kid()) {
        found = Found::Differs;
        if certificate.public_key().is_some_and(|key| envelope.verify(key, &message).is_ok()) {
            return Found::Signed(certificate);
        }
    }
    found
}

fn signed(envelope: &Envelope, signer: &Signer, at: Timestamp, findings: &mut Findings, judged: &mut Judged) {
    findings.pass(CheckCode::Signature);
    findings.pass(CheckCode::Coverage);
    let path = signer.path(&[], at, None, findings);
    signer.algorithm(Algorithm::Es256, Usage::Code, at, findings);
    judged.signer = path.as_ref().map(|path| signer.facts(path));
    findings.pass(CheckCode::Form);
    if !envelope.headers_fit() {
        findings.find(CheckCode::Form, Reason::FormMalformed);
    }
    let claims = match envelope.claims() {
        Ok(claims) => claims,
        Err(ClaimsError::Malformed) => return findings.find(CheckCode::Form, Reason::FormMalformed),
        Err(ClaimsError::OtherFormat) => return findings.find(CheckCode::Form, Reason::InputUnrecognised),
    };
    let claim = Claim { usage: Usage::Code, type_code: &claims.type_code, iat: claims.iat };
    signer.power(&claim, path.as_ref(), &[], findings);
    let licence_type = signer.trust.licence_type(&claims.type_code, claims.type_version);
    form(&claims, licence_type, signer, findings);
    in_force(&claims, at, findings);
    judged.screen = claims.status.is_none();
    judged.status = Some(match &claims.status {
        Some(reference) => StatusQuestion::List { reference: reference.clone() },
        None => StatusQuestion::Screen { iat: claims.iat, exp: claims.exp },
    });
    judged.licence = Some(facts(claims, licence_type, signer));
}

fn form(claims: &Claims, licence_type: Option<&TypeRow>, signer: &Signer, findings: &mut Findings) {
    let exp = match claims.status {
        Some(_) => claims.last_day.map(Date::end),
        None => Some(claims.iat.plus(SCREEN_SECONDS)),
    };
    if claims.exp != exp {
        findings.find(CheckCode::Form, Reason::CodeProfile);
    }
    if identifier(claims, signer).is_none() {
        findings.find(CheckCode::Form, Reason::FormIdentifier);
    }
    match licence_type {
        None => findings.find(CheckCode::Form, Reason::FormTypeUnknown),
        Some(known) if known.code_items.len() != claims.items.len() => {
            findings.find(CheckCode::Form, Reason::FormInconsistent);
        }
        Some(_) => {}
    }
}

/// The identifier that type, serial and version make with the signer's credit code; `None` where they cannot.
fn identifier(claims: &Claims, signer: &Signer) -> Option<LicenceIdentifier> {
    let type_code: TypeCode = claims.type_code.parse().ok()?;
    let definer = type_code.definer().to_string();
    let issuer = signer.credit_code().unwrap_or(&definer);
    LicenceIdentifier::new(type_code, issuer, &claims.serial, claims.version).ok()
}

fn in_force(claims: &Claims, at: Timestamp, findings: &mut Findings) {
    findings.pass(CheckCode::Validity);
    if claims.nbf.is_some_and(|nbf| at < nbf) {
        findings.find(CheckCode::Validity, Reason::ValidityNotYet);
    }
    if claims.last_day.is_some_and(|day| at >= day.end()) {
        findings.find(CheckCode::Validity, Reason::ValidityExpired);
    }
    if claims.status.is_some() && claims.iat.plus(-super::CLOCK_TOLERANCE) > at {
        findings.find(CheckCode::Validity, Reason::IssuedAhead);
    }
}

fn facts(claims: Claims, licence_type: Option<&TypeRow>, signer: &Signer) -> LicenceFacts {
    let department = signer.department();
    // With predecessors the issuer inside the identifier may be one of them: then it cannot be told from the code.
    let certain = department.is_some_and(|department| department.predecessors.is_empty());
    let identifier = identifier(&claims, signer).filter(|_| certain).map(|identifier| identifier.to_string());
    let names = licence_type.map(|known| known.code_items.as_slice()).unwrap_or_default();
    let items: Map<String, Value> = names.iter().map(|item| item.name.clone()).zip(claims.items).collect();
    LicenceFacts {
        identifier,
        kind: TypeFacts {
            title: title(signer.trust, &claims.type_code, claims.type_version),
            code: claims.type_code,
            version: claims.type_version,
        },
        number: None,
        holder: HolderFacts { name: Some(claims.holder_name), ..HolderFacts::default() },
        issuing_authority: Party {
            code: signer.credit_code().unwrap_or_default().to_owned(),
            name: department.map_or_else(
                || signer.leaf.organization_name().unwrap_or_default().to_owned(),
                |department| department.name.clone(),
            ),
        },
        issue_date: None,
        valid_from: None,
        valid_until: claims.last_day,
        portrait_digest: None,
        items,
        copy: None,
    }
}
