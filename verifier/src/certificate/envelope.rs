//! The outer structure of certificates and CRLs (RFC 5280 §4.1, §5.1). The signature covers the first of its parts alone, so
//! of the rest only one encoding is read: else one signature would stand under several certificates.

use crate::algorithm::der;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xA0;

/// Whether the algorithm beside the signature is byte for byte the one inside what is signed (§4.1.1.2, §5.1.1.2); none where
/// the whole is not the three parts in DER.
pub(super) fn names_one_algorithm(input: &[u8]) -> Option<bool> {
    let (content, end) = der::read(input, SEQUENCE)?;
    let (signed, rest) = element(content, SEQUENCE)?;
    let (algorithm, rest) = element(rest, SEQUENCE)?;
    let (_, behind) = der::read(rest, BIT_STRING)?;
    (end.is_empty() && behind.is_empty()).then(|| own_algorithm(signed) == Some(algorithm))
}

/// The algorithm that the signed part names, behind version and serial number.
fn own_algorithm(signed: &[u8]) -> Option<&[u8]> {
    let (mut content, _) = der::read(signed, SEQUENCE)?;
    loop {
        match *content.first()? {
            tag @ (VERSION | INTEGER) => content = der::read(content, tag)?.1,
            _ => return element(content, SEQUENCE).map(|(algorithm, _)| algorithm),
        }
    }
}

/// One whole element at the start of `input`, and what follows.
fn element(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (_, rest) = der::read(input, tag)?;
    Some((&input[..input.len() - rest.len()], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_signed_has_one_encoding() {
        let algorithm = [0x30, 3, 6, 1, 42];
        let made = |outer: &[u8], bits: &[u8]| {
            let signed = der::sequence(&[&[0xA0, 3, 2, 1, 2], &[2, 1, 9], &algorithm, &[0x30, 0]]);
            der::sequence(&[&signed, outer, bits])
        };
        let good = made(&algorithm, &[3, 2, 0, 7]);
        for (what, input, expected) in [
            ("good", good.clone(), Some(true)),
            ("another tag inside the algorithm", made(&[0x30, 3, 0x16, 1, 42], &[3, 2, 0, 7]), Some(false)),
            ("another algorithm", made(&[0x30, 3, 6, 1, 43], &[3, 2, 0, 7]), Some(false)),
            ("parameters beside", made(&[0x30, 5, 6, 1, 42, 5, 0], &[3, 2, 0, 7]), Some(false)),
            ("another class", made(&[0x70, 3, 6, 1, 42], &[3, 2, 0, 7]), None),
            ("a longer length", made(&[0x30, 0x81, 3, 6, 1, 42], &[3, 2, 0, 7]), None),
            ("a signature in parts", made(&algorithm, &[0x23, 4, 3, 2, 0, 7]), None),
            ("a part more", made(&algorithm, &[3, 2, 0, 7, 5, 0]), None),
            ("a byte behind", [good.as_slice(), &[0]].concat(), None),
            ("nothing", Vec::new(), None),
        ] {
            assert_eq!(names_one_algorithm(&input), expected, "{what}");
        }
    }
}
