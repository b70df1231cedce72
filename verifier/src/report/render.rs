//! The report as lines of text for a terminal.

use std::fmt::Write as _;

use super::{Check, CheckCode, CheckResult, Language, LicenceFacts, Report, Sentence, day};
use crate::time::Date;

/// Writes the report: verdict, next step, facts, checks, trust. Control characters of foreign texts become `\u{FFFD}`.
pub(super) fn text(report: &Report, language: Language) -> String {
    let mut out = String::with_capacity(2048);
    line(&mut out, report.verdict_word().of(language));
    line(&mut out, report.summary().of(language));
    line(&mut out, report.next.of(language));
    line(&mut out, "");
    if let Some(licence) = &report.licence {
        facts(&mut out, licence, language);
        line(&mut out, "");
    }
    labelled(&mut out, &LABELS.presenter, &report.holder_binding.text, language);
    line(&mut out, "");
    for check in &report.checks {
        line(&mut out, &check_line(check, language));
    }
    line(&mut out, "");
    tail(&mut out, report, language);
    out
}

struct Labels {
    presenter: Sentence,
    kind: Sentence,
    holder: Sentence,
    number: Sentence,
    authority: Sentence,
    validity: Sentence,
    endless: Sentence,
    signer: Sentence,
    trust: Sentence,
    demonstration: Sentence,
    result: Sentence,
}

const LABELS: Labels = Labels {
    presenter: Sentence::fixed("出示的人", "Presenter"),
    kind: Sentence::fixed("证照", "Licence"),
    holder: Sentence::fixed("持证主体", "Holder"),
    number: Sentence::fixed("证照编号", "Number"),
    authority: Sentence::fixed("颁发机关", "Issued by"),
    validity: Sentence::fixed("有效期", "Valid"),
    endless: Sentence::fixed("长期", "without end"),
    signer: Sentence::fixed("签署证书", "Signed by"),
    trust: Sentence::fixed("信任包的根", "Trust root"),
    demonstration: Sentence::fixed("演示用的信任包，不是真实的机关", "the demonstration's: not real authorities"),
    result: Sentence::fixed("结果代码", "Result code"),
};

fn facts(out: &mut String, licence: &LicenceFacts, language: Language) {
    let title = licence
        .kind
        .title
        .clone()
        .unwrap_or_else(|| Sentence::new(licence.kind.code.clone(), licence.kind.code.clone()));
    labelled(out, &LABELS.kind, &title, language);
    let plain = |text: &str| Sentence::new(text.to_owned(), text.to_owned());
    if let Some(name) = &licence.holder.name {
        labelled(out, &LABELS.holder, &plain(name), language);
    }
    if let Some(number) = &licence.number {
        labelled(out, &LABELS.number, &plain(number), language);
    }
    labelled(out, &LABELS.authority, &plain(&licence.issuing_authority.name), language);
    let period = period(licence.valid_from, licence.valid_until);
    labelled(out, &LABELS.validity, &period, language);
    for (name, value) in &licence.items {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        line(out, &format!("  {name}: {value}"));
    }
}

/// From when until when; a code carries its last day alone.
fn period(from: Option<Date>, until: Option<Date>) -> Sentence {
    match (from.map(day), until.map(day)) {
        (Some(from), until) => {
            let until = until.unwrap_or_else(|| LABELS.endless.clone());
            Sentence::new(format!("{} — {}", from.zh, until.zh), format!("{} — {}", from.en, until.en))
        }
        (None, Some(until)) => Sentence::new(format!("到{}", until.zh), format!("to {}", until.en)),
        (None, None) => LABELS.endless.clone(),
    }
}

fn check_line(check: &Check, language: Language) -> String {
    let result = match check.result {
        CheckResult::Passed => Sentence::fixed("通过", "passed"),
        CheckResult::Failed => Sentence::fixed("未通过", "failed"),
        CheckResult::NotDone => Sentence::fixed("未做", "not done"),
    };
    let mut text = format!("[{}] {}: {}", result.of(language), name(check.code).of(language), check.text.of(language));
    if let Some(reason) = check.reason {
        let _ = write!(text, " ({})", reason.code());
    }
    if let (Some(as_of), Some(age)) = (check.as_of, check.age_seconds)
        && matches!(check.code, CheckCode::Status | CheckCode::Log)
    {
        // What was made a moment after the time of judging is not older than new.
        let _ = write!(text, " [{as_of}, {} s]", age.max(0));
    }
    text
}

const fn name(code: CheckCode) -> Sentence {
    match code {
        CheckCode::Trust => Sentence::fixed("信任包", "trust bundle"),
        CheckCode::Form => Sentence::fixed("文件格式", "form"),
        CheckCode::Signature => Sentence::fixed("签名", "signature"),
        CheckCode::Path => Sentence::fixed("证书", "certificate"),
        CheckCode::Power => Sentence::fixed("颁发权限", "power"),
        CheckCode::Algorithm => Sentence::fixed("算法", "algorithm"),
        CheckCode::Log => Sentence::fixed("公开日志", "public log"),
        CheckCode::Status => Sentence::fixed("当前状态", "status"),
        CheckCode::Validity => Sentence::fixed("有效期", "validity"),
        CheckCode::Coverage => Sentence::fixed("覆盖范围", "coverage"),
    }
}

fn tail(out: &mut String, report: &Report, language: Language) {
    if let Some(signer) = &report.signer {
        line(out, &format!("{}: {} ({})", LABELS.signer.of(language), signer.subject, signer.certificate_sha256));
    }
    if let Some(trust) = &report.trust {
        let root = &trust.root_sha256;
        line(out, &format!("{}: {root} (v{}, {})", LABELS.trust.of(language), trust.version, trust.expires));
        if trust.demonstration {
            line(out, LABELS.demonstration.of(language));
        }
    }
    let verdict = serde_json::to_value(report.verdict).ok();
    let verdict = verdict.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    let cause = report.cause.map(|cause| format!(" / {}", cause.code())).unwrap_or_default();
    line(out, &format!("{}: {verdict}{cause} · {}", LABELS.result.of(language), report.at));
    line(out, &format!("SHA-256 {} ({} bytes)", report.input.sha256, report.input.bytes));
}

fn labelled(out: &mut String, label: &Sentence, value: &Sentence, language: Language) {
    line(out, &format!("{}: {}", label.of(language), value.of(language)));
}

fn line(out: &mut String, text: &str) {
    out.extend(text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_says_what_is_known_of_it() {
        let date = |text: &str| text.parse::<Date>().ok();
        for (from, until, expected) in [
            ("2026-11-25", "2030-11-24", "25 November 2026 — 24 November 2030"),
            ("2026-11-25", "", "25 November 2026 — without end"),
            ("", "2030-11-24", "to 24 November 2030"),
            ("", "", "without end"),
        ] {
            assert_eq!(period(date(from), date(until)).en, expected);
        }
    }
}
