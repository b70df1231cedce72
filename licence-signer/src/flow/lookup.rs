//! Reading by office (用证): a department reads what its matter needs instead of asking the holder for it.

use serde_json::Value;
use store::audit;
use verifier::facts::Disclosure;
use verifier::time::Timestamp;

use super::error::FlowError;
use super::licence::{Licence, load};
use crate::LicenceSigner;
use crate::catalogue::LicenceType;
use crate::facts::Disclosures;
use crate::issuance::HolderCode;
use crate::lookup::{Matter, Reason};
use crate::officer::Officer;
use crate::storage::licences;
use crate::storage::looks;

/// The most licences that one lookup answers.
const MOST: i64 = 20;

/// Facts and report of one licence, never the credential: nothing would bind it to its bearer.
#[derive(Debug)]
pub struct Seen {
    /// The facts that the asker may know.
    pub facts: Value,
    /// The verifier's report on them.
    pub report: Value,
}

impl LicenceSigner {
    /// All licences of a type that a holder has, as far as the matter needs them. Each look stands in the holder's history.
    ///
    /// # Errors
    ///
    /// `NotGranted`; `Matter` if the register does not hold it or the department does not work on it; `TypeUnknown`;
    /// `MatterMayNotRead` if the type's rule does not name the matter.
    pub async fn look_up(
        &self,
        officer: &Officer,
        holder: &HolderCode,
        type_code: &str,
        reason: &Reason,
    ) -> Result<Vec<Seen>, FlowError> {
        let looked = self.look_up_now(officer, holder, type_code, reason).await;
        self.audit_refusal(officer, "licence.lookup", reason, &looked).await?;
        looked
    }

    /// A look that was refused stands in the record: who tries what is not his to see is what a supervisor asks for.
    pub(crate) async fn audit_refusal<T>(
        &self,
        officer: &Officer,
        action: &str,
        reason: &Reason,
        outcome: &Result<T, FlowError>,
    ) -> Result<(), FlowError> {
        let Err(error) = outcome else { return Ok(()) };
        if !error.is_refusal_to_look() {
            return Ok(());
        }
        let mut row = reason_row(officer, action, reason, self.sources().now());
        error.code().clone_into(&mut row.result);
        let mut tx = self.db().begin().await?;
        audit::append(&mut tx, &row).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn look_up_now(
        &self,
        officer: &Officer,
        holder: &HolderCode,
        type_code: &str,
        reason: &Reason,
    ) -> Result<Vec<Seen>, FlowError> {
        if !officer.may_look_up() {
            return Err(FlowError::NotGranted("licence.lookup".to_owned()));
        }
        self.matter_of(officer, &reason.matter)?;
        let licence_type = self.licence_type(type_code, None).ok_or(FlowError::TypeUnknown)?;
        let items = licence_type.items_for(&reason.matter).ok_or(FlowError::MatterMayNotRead)?.to_vec();
        let now = self.sources().now();
        let holder = self.digests("holder", &holder.canonical())?;

        let mut tx = self.db().begin().await?;
        let mut seen = Vec::new();
        for row in licences::of_holder_type(&mut tx, &holder, type_code, MOST).await? {
            let (id, version, holder_digest) = (row.id.clone(), row.version, row.holder_digest.clone());
            let (licence, disclosures) = load(self, &mut tx, row).await?;
            let kept = licences::rendition(&mut tx, &id, version, "sdjwt").await?;
            let look = self.look(officer, &id, &holder_digest, "lookup", reason, &items, now)?;
            looks::add(&mut tx, &look).await?;
            let row = reason_row(officer, "licence.lookup", reason, now).object(format!("licence:{id}"));
            audit::append(&mut tx, &row).await?;
            if let Some(kept) = kept {
                seen.push((licence, disclosures, kept));
            }
        }
        if seen.is_empty() {
            let mut row = reason_row(officer, "licence.lookup", reason, now);
            "none".clone_into(&mut row.result);
            audit::append(&mut tx, &row).await?;
        }
        tx.commit().await?;
        let mut answers = Vec::with_capacity(seen.len());
        for (licence, disclosures, jwt) in seen {
            answers.push(self.seen(&licence, &disclosures, &jwt, &items, true, now).await?);
        }
        Ok(answers)
    }

    /// The matter, if the register holds it and the officer's department works on it.
    pub(crate) fn matter_of(&self, officer: &Officer, code: &str) -> Result<std::sync::Arc<Matter>, FlowError> {
        let world = self.world();
        let matter = world.matter(code).filter(|matter| matter.is_worked_on_by(&officer.department().code));
        matter.cloned().ok_or(FlowError::Matter)
    }

    /// Facts and report on what is disclosed. `holder_is_known`: the asker named the number, so it is no news to him.
    pub(crate) async fn seen(
        &self,
        licence: &Licence,
        disclosures: &Disclosures,
        jwt: &[u8],
        items: &[String],
        holder_is_known: bool,
        now: Timestamp,
    ) -> Result<Seen, FlowError> {
        let jwt = std::str::from_utf8(jwt).map_err(|_| store::StorageError::Damaged("a kept credential"))?;
        let number_is_code = licence.facts.number == licence.facts.holder.code().code();
        let shown = |disclosure: &&Disclosure| match disclosure.name.as_str() {
            "holder_code" => holder_is_known,
            "number" => holder_is_known || !number_is_code,
            _ => true,
        };
        let top = disclosures.top();
        let all_items = disclosures.items();
        let chosen =
            top.iter().filter(shown).chain(all_items.iter().filter(|disclosure| items.contains(&disclosure.name)));
        let text = verifier::rendition::credential::write::assemble(jwt, chosen);
        let report = self.report(text.as_bytes(), now).await?;
        let known = self.licence_type(&licence.facts.type_code, Some(licence.facts.type_version));
        let mut facts = licence.facts.to_json(known.as_ref().map(|t| t.definition()), Some(items), holder_is_known);
        facts["item_titles"] = known.as_ref().map_or(Value::Null, |known| titles(known, items));
        facts["state"] = licence.standing(now).as_str().into();
        facts["state_since"] = licence.state_since.to_string().into();
        Ok(Seen { facts, report })
    }
}

/// What the items are called, in both languages.
fn titles(known: &LicenceType, items: &[String]) -> Value {
    let titled = items.iter().filter_map(|name| {
        let titles = known.definition().item_titles(name)?;
        Some((name.clone(), serde_json::to_value(titles).ok()?))
    });
    Value::Object(titled.collect())
}

/// An audit row with the reason of a look.
pub(crate) fn reason_row(officer: &Officer, action: &str, reason: &Reason, now: Timestamp) -> audit::Row {
    let mut row = audit::Row::new(officer.actor(), action, "done", now)
        .department(&officer.department().code)
        .matter(&reason.matter)
        .case(&reason.case);
    row.incident = crate::incident();
    row
}
