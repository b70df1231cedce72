//! Every reason that a check can give, its place in the order of formats §7, and what a clerk reads.

use super::Sentence;
use crate::trust::TrustError;

/// The row of the verdicts' table that a reason belongs to; the first row that has one decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Row {
    /// 1: authenticity failed.
    Invalid,
    /// 2: authenticity could not be decided.
    Undetermined,
    /// 3: genuine, not in force.
    NotInForce,
    /// 4: genuine, whether it is in force could not be decided.
    InForceUnknown,
}

macro_rules! reasons {
    ($($name:ident $code:literal $row:ident $zh:literal $en:literal)+) => {
        /// Why a check is not `passed`. The order is that of formats §7; codes never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = concat!("`", $code, "`")] $name,)+
        }

        impl Reason {
            /// All reasons, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The row of the verdicts' table.
            pub const fn row(self) -> Row {
                match self { $(Self::$name => Row::$row,)+ }
            }

            /// What the check's line says.
            pub const fn sentence(self) -> Sentence {
                match self { $(Self::$name => Sentence::fixed($zh, $en),)+ }
            }
        }
    };
}

reasons! {
    FormMalformed "form.malformed" Invalid
        "内容不符合证照的格式" "The content does not follow the licence format"
    FormDisclosure "form.disclosure" Invalid
        "有一项内容与签名里的记录对不上" "An item does not match what was signed"
    FormIdentifier "form.identifier" Invalid
        "证照标识不符合国家标准" "The licence identifier does not follow the national standard"
    FormInconsistent "form.inconsistent" Invalid
        "文件里的内容前后不一致" "Parts of the document contradict each other"
    FormCritical "form.critical" Undetermined
        "文件要求一种本系统还不认识的处理方式" "The document demands a treatment that this software does not know"
    FormTypeUnknown "form.type_unknown" Undetermined
        "信任包里没有这种证照的这一版" "The trust bundle does not hold this version of the licence type"
    SignatureDiffers "signature.differs" Invalid
        "内容与签名不符，签署之后被改动过" "The content does not match the signature: it was changed after signing"
    PathUnknownIssuer "path.unknown_issuer" Undetermined
        "签名的证书不是信任包里的机关发的" "The signing certificate was not issued by an authority in the trust bundle"
    PathDiffers "path.differs" Invalid
        "证书冒用了一家受信任机关的名字" "The certificate falsely names a trusted authority as its issuer"
    PathExpired "path.expired" Undetermined
        "签名的证书已经过期，又没有证明签名更早" "The signing certificate has expired and nothing proves that the signature is older"
    PathNotYet "path.not_yet" Undetermined
        "签名的证书还没有开始生效" "The signing certificate is not yet valid"
    PathRevoked "path.revoked" Undetermined
        "签名的证书已被吊销，又没有证明签名更早" "The signing certificate was revoked and nothing proves that the signature is older"
    PathCompromised "path.compromised" Undetermined
        "签名的密钥已经泄露，又没有证明签名更早" "The signing key was compromised and nothing proves that the signature is older"
    PathNotCa "path.not_ca" Invalid
        "证书是由无权发证书的一方发的" "The certificate was issued by someone who may not issue certificates"
    PathLeaf "path.leaf" Invalid
        "这张证书不能用来签署证照" "This certificate is not one for signing licences"
    PathCritical "path.critical" Undetermined
        "证书里有本系统还不认识的限制" "The certificate holds a restriction that this software does not know"
    PathWeak "path.weak" Undetermined
        "证书用了已不被承认的算法" "The certificate uses an algorithm that no longer counts"
    PowerType "power.type" Invalid
        "签署的机关无权颁发这种证照" "The signing department may not issue this type of licence"
    PowerRegion "power.region" Invalid
        "签署的机关超出了它的地域" "The signing department is outside its region"
    PowerPurpose "power.purpose" Invalid
        "签名的密钥不是用来签这种文件的" "The signing key is not one for this kind of document"
    PowerRegister "power.register" Invalid
        "证书与登记的内容不一致" "The certificate does not agree with the register"
    PowerUnlisted "power.unlisted" Undetermined
        "信任包里还没有登记这张证书或这家机关" "The trust bundle does not list this certificate or department"
    PowerWindow "power.window" Invalid
        "签署时间不在密钥可以签署的期间" "The time of signing is outside the period in which the key may sign"
    AlgorithmUnsupported "algorithm.unsupported" Undetermined
        "本系统不认识签名的算法" "This software does not know the signature algorithm"
    AlgorithmUnlisted "algorithm.unlisted" Undetermined
        "信任包不承认这种签名算法" "The trust bundle does not recognise the signature algorithm"
    AlgorithmEnded "algorithm.ended" Undetermined
        "签名算法已不再被承认，又没有证明签名更早" "The algorithm no longer counts and nothing proves that the signature is older"
    LogMissing "log.missing" Undetermined
        "没有公开日志的证明" "There is no proof that the public log holds it"
    LogLeaf "log.leaf" Invalid
        "公开日志里记的与这份文件不符" "What the public log recorded does not match this document"
    LogKey "log.key" Invalid
        "公开日志里记的是另一家机关的密钥" "The public log recorded another department's key"
    LogKeyUnlisted "log.key" Undetermined
        "信任包里没有公开日志所记的密钥" "The trust bundle does not list the key that the public log recorded"
    LogEvent "log.event" Invalid
        "公开日志里记的事项与这份文件不符" "The event in the public log does not fit this document"
    LogMalformed "log.malformed" Invalid
        "公开日志的证明不符合格式" "The proof from the public log does not follow its format"
    LogSignature "log.signature" Invalid
        "公开日志的签名不符" "The signature of the public log differs"
    LogUnknown "log.unknown" Undetermined
        "信任包里没有这份公开日志" "The trust bundle does not list this public log"
    LogQuorum "log.quorum" Undetermined
        "见证公开日志的机构不够数" "Too few witnesses have confirmed the public log"
    ValidityNotYet "validity.not_yet" NotInForce
        "还没有到开始生效的日子" "It is not yet in force"
    ValidityExpired "validity.expired" NotInForce
        "有效期已过" "Its last valid day has passed"
    IssuedAhead "validity.not_yet" InForceUnknown
        "签署时间晚于核验时间" "It was signed later than the time of this check"
    StatusInvalid "status.invalid" NotInForce
        "状态列表说它已失效" "The status list says that it is no longer in force"
    StatusSuspended "status.suspended" NotInForce
        "状态列表说它已暂停" "The status list says that it is suspended"
    StatusUnknownValue "status.unknown_value" InForceUnknown
        "状态列表里的值本系统不认识" "The status list holds a value that this software does not know"
    StatusMissing "status.missing" InForceUnknown
        "没有取得状态列表" "The status list could not be had"
    StatusStale "status.stale" InForceUnknown
        "状态列表已经过时" "The status list is out of date"
    StatusLater "status.later" InForceUnknown
        "状态列表晚于核验时间，不能说明当时的状态" "The status list is later than the time asked about and proves nothing for it"
    StatusOrigin "status.origin" InForceUnknown
        "信任包没有登记这个状态列表的来源" "The trust bundle does not list where this status list comes from"
    StatusSigner "status.signer" InForceUnknown
        "状态列表不是由有权的密钥签署的" "The status list was not signed by a key that may sign it"
    StatusSignature "status.signature" InForceUnknown
        "状态列表的签名不符" "The signature of the status list differs"
    StatusMalformed "status.malformed" InForceUnknown
        "状态列表不符合格式" "The status list does not follow its format"
    StatusMediaType "status.media_type" InForceUnknown
        "状态列表的类型不是这里要的" "The status list is not of the type that counts here"
    CodeProfile "code.profile" Invalid
        "二维码的期限不符合规定" "The period of the code is not as prescribed"
    CodeLapsed "code.lapsed" InForceUnknown
        "屏幕上的二维码只有五分钟有效，已经过了" "A code on a screen holds for five minutes; these have passed"
    CodeAhead "code.ahead" InForceUnknown
        "二维码的时间比核验的时钟快" "The code's time is ahead of the clock of this check"
    InputUnrecognised "input.unrecognised" Undetermined
        "认不出这是什么文件" "This is not recognised as a licence"
    InputDamaged "input.damaged" Undetermined
        "文件残缺，读不到签名" "The document is damaged; its signature cannot be read"
    InputTooLarge "input.too_large" Undetermined
        "文件太大" "The document is too large"
    TrustNone "trust.none" Undetermined
        "没有信任包，不知道该信任谁" "There is no trust bundle that says whom to trust"
    TrustMalformed "trust.malformed" Undetermined
        "信任包不符合格式" "The trust bundle does not follow its format"
    TrustThreshold "trust.threshold" Undetermined
        "信任包的签名不够数" "The trust bundle has too few signatures"
    TrustChain "trust.chain" Undetermined
        "信任包的根接不上" "The roots of the trust bundle do not follow one another"
    TrustMismatch "trust.mismatch" Undetermined
        "信任包的各部分对不上" "The parts of the trust bundle do not belong together"
    TrustExpired "trust.expired" Undetermined
        "信任包已过期" "The trust bundle has expired"
    TrustRollback "trust.rollback" Undetermined
        "信任包比已有的还旧" "The trust bundle is older than the one already known"
}

impl From<TrustError> for Reason {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::Malformed => Self::TrustMalformed,
            TrustError::Threshold => Self::TrustThreshold,
            TrustError::Chain => Self::TrustChain,
            TrustError::Mismatch => Self::TrustMismatch,
            TrustError::Expired => Self::TrustExpired,
            TrustError::Rollback => Self::TrustRollback,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_under_their_checks_and_rows_are_the_designs() {
        for reason in Reason::ALL {
            let (check, name) = reason.code().split_once('.').unwrap();
            let row = reason.row();
            assert!(!name.is_empty());
            match check {
                "signature" => assert_eq!(row, Row::Invalid),
                "trust" | "input" | "algorithm" => assert_eq!(row, Row::Undetermined),
                "status" => assert!(matches!(row, Row::NotInForce | Row::InForceUnknown)),
                "validity" => assert!(matches!(row, Row::NotInForce | Row::InForceUnknown)),
                _ => assert!(matches!(row, Row::Invalid | Row::Undetermined) || check == "code"),
            }
            let sentence = reason.sentence();
            assert!(!sentence.zh.is_empty() && !sentence.en.is_empty());
        }
        let twice = |code: &str| Reason::ALL.iter().filter(|reason| reason.code() == code).count();
        assert_eq!((twice("log.key"), twice("validity.not_yet"), twice("path.weak")), (2, 2, 1));
    }
}
