//! Numbers that pass every check and were never assigned, computed here a second time so that the judge is not the judged.

/// The identity number of an invented person: born on 1990-01-01 in the invented county, sequence 000, told apart by
/// `day` (0 to 27).
pub fn id_number(day: u8) -> String {
    let digits = format!("110101199001{:02}000", day % 28 + 1);
    let sum = digits.bytes().fold(0_u32, |sum, b| (sum + u32::from(b - b'0')) * 2 % 11);
    let check = b"0123456789X"[((12 - sum) % 11) as usize];
    format!("{digits}{}", char::from(check))
}

/// The unified social credit code of an invented organ (`kind` `11`) or company (`91`).
pub fn credit_code(kind: &str, number: u32) -> String {
    let body = format!("MA{number:06}");
    let organisation = format!("{body}{}", organisation_check(&body));
    let front = format!("{kind}110101{organisation}");
    let alphabet = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let (sum, _) = front.bytes().fold((0, 1), |(sum, weight), b| {
        let value = alphabet.iter().position(|known| *known == b).expect("a character of GB 32100");
        (sum + value * weight, weight * 3 % 31)
    });
    format!("{front}{}", char::from(alphabet[(31 - sum % 31) % 31]))
}

/// GB 11714: weights 3, 7, 9, 10, 5, 8, 4, 2.
fn organisation_check(body: &str) -> char {
    let weights = [3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body.chars().zip(weights).map(|(c, weight)| c.to_digit(36).unwrap_or_default() * weight).sum();
    match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from_digit(digit, 10).expect("one digit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use verifier::subject::{IdNumber, SocialCreditCode};

    #[test]
    fn numbers_pass_the_checks() {
        for n in 0..28 {
            assert!(id_number(n).parse::<IdNumber>().is_ok(), "{}", id_number(n));
            let code = credit_code("11", u32::from(n) * 37);
            assert!(code.parse::<SocialCreditCode>().is_ok(), "{code}");
        }
    }
}
