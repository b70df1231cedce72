//! What a clerk reads: lines of the checks, the head, the presenter's line, the next step. Kind, plain, exact.

use super::{
    CheckCode, CheckResult, HolderBinding, LicenceFacts, Reason, Rendition, Report, Row, Sentence, SignerFacts,
    TrustFacts, Verdict, day,
};
use crate::algorithm::Algorithm;

pub(super) const fn verdict(verdict: Verdict) -> Sentence {
    match verdict {
        Verdict::Valid => Sentence::fixed("有效", "Valid"),
        Verdict::Invalid => Sentence::fixed("无效", "Invalid"),
        Verdict::Undetermined => Sentence::fixed("无法判定", "Undetermined"),
        Verdict::NotInForce => Sentence::fixed("真实但当前无效", "Genuine, but not in force"),
    }
}

pub(super) fn state(cause: Option<Reason>) -> Option<Sentence> {
    Some(match cause? {
        Reason::ValidityNotYet => Sentence::fixed("尚未生效", "not yet in force"),
        Reason::ValidityExpired => Sentence::fixed("已过期", "expired"),
        Reason::StatusSuspended => Sentence::fixed("已暂停", "suspended"),
        Reason::StatusInvalid => Sentence::fixed("已失效", "no longer in force"),
        _ => return None,
    })
}

pub(super) fn summary(report: &Report) -> Sentence {
    let title = title(report.licence.as_ref());
    match (report.verdict, report.cause) {
        (Verdict::Valid, _) => {
            Sentence::new(format!("{}是真的，现在有效。", title.zh), format!("{} is genuine and in force.", title.en))
        }
        (Verdict::NotInForce, cause) => {
            let state = state(cause).unwrap_or(Sentence::fixed("当前无效", "not in force"));
            Sentence::new(
                format!("{}是真的，但{}。", title.zh, state.zh),
                format!("{} is genuine, but {}.", title.en, state.en),
            )
        }
        (Verdict::Invalid, Some(Reason::SignatureDiffers)) => Sentence::fixed(
            "这份文件在签署之后被改动过，不能相信。",
            "This document was changed after it was signed and cannot be trusted.",
        ),
        (Verdict::Invalid, _) => Sentence::fixed(
            "这份文件不是有权的机关按规定签署的，不能相信。",
            "This document was not signed as prescribed by a department with the power to do so and cannot be trusted.",
        ),
        (Verdict::Undetermined, Some(reason)) if reason.row() == Row::InForceUnknown => Sentence::new(
            format!("{}是真的，但查不到它现在有没有被暂停或失效。", title.zh),
            format!("{} is genuine, but whether it is in force now could not be found out.", title.en),
        ),
        (Verdict::Undetermined, Some(Reason::InputUnrecognised)) => Sentence::fixed(
            "认不出这是什么文件，它不像一份电子证照。",
            "This is not recognised: it does not look like an e-licence.",
        ),
        (Verdict::Undetermined, Some(Reason::InputDamaged | Reason::InputTooLarge)) => {
            Sentence::fixed("这份文件读不完整。", "This document cannot be read whole.")
        }
        (Verdict::Undetermined, _) => Sentence::fixed(
            "现在还不能判定这份文件是真是假。",
            "Whether this document is genuine cannot be decided at present.",
        ),
    }
}

fn title(licence: Option<&LicenceFacts>) -> Sentence {
    let unnamed = || Sentence::fixed("这份证照", "This licence");
    let title = licence.and_then(|licence| licence.kind.title.clone()).unwrap_or_else(unnamed);
    if licence.is_some_and(|licence| licence.copy.is_some()) {
        return Sentence::new(format!("{}（加注件）", title.zh), format!("{} (copy for a purpose)", title.en));
    }
    title
}

/// What the lines of passed checks name.
pub(crate) struct Passed<'a> {
    pub(crate) rendition: Rendition,
    pub(crate) licence: Option<&'a LicenceFacts>,
    pub(crate) signer: Option<&'a SignerFacts>,
    pub(crate) trust: Option<&'a TrustFacts>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) screen: bool,
}

pub(crate) fn passed(check: CheckCode, about: &Passed) -> Sentence {
    match check {
        CheckCode::Trust => trust(about.trust),
        CheckCode::Form => match about.rendition {
            Rendition::SdJwt => Sentence::fixed("结构完整，是证照数据凭证", "Complete; it is a licence credential"),
            Rendition::Cwt => Sentence::fixed("结构完整，是证照二维码", "Complete; it is a licence code"),
        },
        CheckCode::Signature => Sentence::fixed(
            "签名与内容相符，签署后没有改动",
            "The signature matches the content; nothing was changed after signing",
        ),
        CheckCode::Path => path(about.signer),
        CheckCode::Power => power(about.licence),
        CheckCode::Algorithm => {
            let name = about.algorithm.map_or("", Algorithm::name);
            Sentence::new(format!("{name}，在核验的时间仍被承认"), format!("{name} counts at the time of this check"))
        }
        CheckCode::Log => Sentence::fixed("这次颁发已记入公开日志", "This issuance is in the public log"),
        CheckCode::Status if about.screen => Sentence::fixed(
            "二维码是刚查过状态才签出的，没有暂停，没有失效",
            "The code was signed just after a status check: not suspended, not ended",
        ),
        CheckCode::Status => Sentence::fixed("没有暂停，没有失效", "Not suspended, not ended"),
        CheckCode::Validity => validity(about.licence),
        CheckCode::Coverage => {
            Sentence::fixed("看到的内容全部在签名之内", "All that is seen is covered by the signature")
        }
    }
}

fn trust(trust: Option<&TrustFacts>) -> Sentence {
    let until = trust.and_then(|trust| crate::time::Date::of(trust.expires)).map(day);
    match until {
        Some(until) => Sentence::new(
            format!("信任包没有过期，到{}为止", until.zh),
            format!("The trust bundle has not expired; it holds until {}", until.en),
        ),
        None => Sentence::fixed("信任包没有过期", "The trust bundle has not expired"),
    }
}

fn path(signer: Option<&SignerFacts>) -> Sentence {
    match signer.and_then(|signer| signer.path.last()) {
        Some(anchor) => Sentence::new(
            format!("颁发机关的证书逐级连到受信任的根证书（{anchor}）"),
            format!("The department's certificate leads to a trusted root ({anchor})"),
        ),
        None => Sentence::fixed("颁发机关的证书受信任", "The department's certificate is trusted"),
    }
}

fn power(licence: Option<&LicenceFacts>) -> Sentence {
    let Some(licence) = licence else {
        return Sentence::fixed("签署的机关有权颁发这种证照", "The signing department may issue this type of licence");
    };
    let name = &licence.issuing_authority.name;
    let unnamed = || Sentence::fixed("这种证照", "this type of licence");
    let title = licence.kind.title.clone().unwrap_or_else(unnamed);
    Sentence::new(format!("{name}有权颁发{}", title.zh), format!("{name} has the power to issue: {}", title.en))
}

fn validity(licence: Option<&LicenceFacts>) -> Sentence {
    let (from, until) = licence.map_or((None, None), |licence| (licence.valid_from, licence.valid_until));
    match (from.map(day), until.map(day)) {
        (Some(from), Some(until)) => {
            Sentence::new(format!("{}至{}", from.zh, until.zh), format!("From {} to {}", from.en, until.en))
        }
        (Some(from), None) => {
            Sentence::new(format!("{}起，长期有效", from.zh), format!("From {}, without end", from.en))
        }
        (None, Some(until)) => Sentence::new(format!("有效到{}", until.zh), format!("Valid to {}", until.en)),
        (None, None) => Sentence::fixed("长期有效", "Valid without end"),
    }
}

/// How far a document came, for the lines of checks that were not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// No signature was verified.
    Nothing,
    /// The signature is right, the content cannot be read.
    Signature,
    /// The content was read; there is no trust bundle.
    Content,
    /// All of it, under a trust bundle.
    Bundle,
}

/// The line of a check that was not done because another does not hold, or that is outside the verdict.
pub(crate) fn rests_on(check: CheckCode, rendition: Option<Rendition>, reached: Reached) -> Sentence {
    match (reached, check, rendition) {
        (_, CheckCode::Signature, _) => {
            Sentence::fixed("没有可以核对的签名", "There is no signature that could be checked")
        }
        (Reached::Nothing, _, None) => {
            Sentence::fixed("要先认得出文件", "This needs a document that is recognised first")
        }
        (Reached::Nothing, ..) => Sentence::fixed("要先有可信的签名", "This needs a trusted signature first"),
        (Reached::Signature, ..) => Sentence::fixed("要先读得出内容", "This needs content that can be read first"),
        (_, CheckCode::Log, Some(Rendition::Cwt)) => Sentence::fixed(
            "二维码装不下公开日志的证明，不影响结果",
            "A code is too small for a proof from the public log; this does not change the result",
        ),
        (Reached::Bundle, CheckCode::Log, _) => Sentence::fixed(
            "颁发机关没有公开日志，不影响结果",
            "The authority keeps no public log; this does not change the result",
        ),
        (Reached::Content, ..) => Sentence::fixed("要先有信任包", "This needs a trust bundle first"),
        (Reached::Bundle, ..) => Sentence::fixed("要先有可信的证书", "This needs a trusted certificate first"),
    }
}

/// The presenter's line: no form of version 1 is bound to its bearer.
pub(crate) fn holder_binding(rendition: Option<Rendition>, screen: bool) -> HolderBinding {
    let text = match rendition {
        Some(Rendition::Cwt) if screen => Sentence::fixed(
            "没有核对出示的人。屏幕上的二维码可能是别人的截图，请看身份证件。",
            "The presenter was not checked. A code on a screen may be a copy of someone else's; please look at the identity document.",
        ),
        _ => Sentence::fixed(
            "没有核对出示的人。这份文件谁都可能拿到，请看身份证件。",
            "The presenter was not checked. Anyone may have this document; please look at the identity document.",
        ),
    };
    HolderBinding { result: CheckResult::NotDone, text }
}

/// The one next step.
pub(crate) fn next(verdict: Verdict, cause: Option<Reason>, copy: Option<&super::CopyFacts>) -> Sentence {
    match (verdict, cause) {
        (Verdict::Valid, _) => match copy {
            Some(copy) => Sentence::new(
                format!("只能由{}用于“{}”，可以采用。", copy.recipient.name, copy.purpose),
                format!("It may be accepted by {} for \u{201c}{}\u{201d} alone.", copy.recipient.name, copy.purpose),
            ),
            None => Sentence::fixed("可以采用，不用再收复印件。", "You may accept it; no paper copy is needed."),
        },
        (Verdict::Invalid, Some(Reason::SignatureDiffers)) => Sentence::fixed(
            "不要采用。请持证人登录后当面出示二维码，或者直接查询颁发机关的数据。文件被改动不一定是持证人做的。",
            "Do not accept it. Ask the holder to sign in and show the code in person, or look it up at the issuing department. \
             The holder need not be the one who changed it.",
        ),
        (Verdict::Invalid, _) => Sentence::fixed(
            "不要采用。请直接查询颁发机关的数据；怀疑伪造的，报告给颁发机关。",
            "Do not accept it. Look it up at the issuing department; if you suspect a forgery, report it there.",
        ),
        (Verdict::NotInForce, cause) => not_in_force(cause),
        (Verdict::Undetermined, Some(reason)) => undetermined(reason),
        (Verdict::Undetermined, None) => undetermined(Reason::InputUnrecognised),
    }
}

fn not_in_force(cause: Option<Reason>) -> Sentence {
    match cause {
        Some(Reason::ValidityNotYet) => Sentence::fixed(
            "今天不能采用。请告诉持证人：到开始生效的那一天再来。",
            "It cannot be accepted today. Tell the holder to come back on its first valid day.",
        ),
        Some(Reason::ValidityExpired) => Sentence::fixed(
            "不能采用。请告诉持证人：去颁发机关办理延续或换证，办好之后再来。",
            "It cannot be accepted. Tell the holder to renew it at the issuing department and come back.",
        ),
        Some(Reason::StatusSuspended) => Sentence::fixed(
            "今天不能采用。请告诉持证人：去颁发机关办完手续，恢复之后再来，不用重新申请。",
            "It cannot be accepted today. Tell the holder to settle it with the issuing department and come back when it is \
             restored; no new application is needed.",
        ),
        _ => Sentence::fixed(
            "不能采用。请告诉持证人：向颁发机关问清原因；换过新证的，请出示新证。",
            "It cannot be accepted. Tell the holder to ask the issuing department why; if there is a newer licence, ask for that one.",
        ),
    }
}

fn undetermined(reason: Reason) -> Sentence {
    match reason {
        Reason::InputUnrecognised | Reason::InputDamaged | Reason::InputTooLarge => Sentence::fixed(
            "请持证人重新出示，或者换一份完整的文件；二维码请对准再扫一次。",
            "Ask the holder to show it again or to give a complete file; scan a code once more, straight on.",
        ),
        Reason::CodeLapsed => Sentence::fixed(
            "请持证人在手机上刷新二维码，再出示一次。",
            "Ask the holder to refresh the code on the phone and to show it again.",
        ),
        Reason::CodeAhead | Reason::IssuedAhead => Sentence::fixed(
            "先不要采用，也不要退回。请核对本机的时间，过一分钟再核验一次。",
            "Do not accept or refuse it yet. Check the clock of this machine and try again in a minute.",
        ),
        Reason::StatusMissing | Reason::StatusStale => Sentence::fixed(
            "先不要采用，也不要退回。过一分钟再核验一次，或者请持证人当面出示二维码，那个码自带刚查过的状态。",
            "Do not accept or refuse it yet. Try again in a minute, or ask the holder to show the code in person: it carries a \
             state that was just checked.",
        ),
        reason if reason.row() == Row::InForceUnknown => Sentence::fixed(
            "先不要采用，也不要退回。请持证人当面出示二维码，或者直接查询颁发机关的数据。",
            "Do not accept or refuse it yet. Ask the holder to show the code in person, or look it up at the issuing department.",
        ),
        Reason::TrustNone
        | Reason::TrustMalformed
        | Reason::TrustThreshold
        | Reason::TrustChain
        | Reason::TrustMismatch
        | Reason::TrustExpired
        | Reason::TrustRollback => Sentence::fixed(
            "先不要采用，也不要退回。请管理员取得新的信任包，再核验一次。",
            "Do not accept or refuse it yet. Ask your administrator for a current trust bundle and try again.",
        ),
        _ => Sentence::fixed(
            "先不要采用，也不要退回。请直接查询颁发机关的数据，或者请管理员更新信任包后再核验一次。",
            "Do not accept or refuse it yet. Look it up at the issuing department, or ask your administrator to update the trust \
             bundle and try again.",
        ),
    }
}
