//! The few DER structures that a public key is written in.

/// One element: tag, shortest length, content.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    let length = content.len().to_be_bytes();
    if content.len() < 0x80 {
        out.push(length[length.len() - 1]);
    } else {
        let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
        out.push(0x80 | u8::try_from(significant.len()).expect("a length has at most eight bytes"));
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(content);
    out
}

/// A sequence of elements that are DER already.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

/// A positive integer from its big-endian bytes, which have no leading zero.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        element(2, &[&[0], bytes].concat())
    } else {
        element(2, bytes)
    }
}

/// A bit string of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    element(3, &[&[0], bytes].concat())
}

/// One element at the start of `input`: its content and what follows. Only definite, shortest lengths.
pub(crate) fn read(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = input else { return None };
    if *first != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7F => (usize::from(*length), rest),
        0x81 => (usize::from(*rest.first().filter(|n| **n >= 0x80)?), &rest[1..]),
        0x82 => {
            let (two, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(Some(u16::from_be_bytes(*two)).filter(|n| *n >= 0x100)?), rest)
        }
        0x83 => {
            let (three, rest) = rest.split_first_chunk::<3>()?;
            let length = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            (usize::try_from(length).ok().filter(|n| *n >= 0x1_0000)?, rest)
        }
        0x84 => {
            let (four, rest) = rest.split_first_chunk::<4>()?;
            (usize::try_from(u32::from_be_bytes(*four)).ok().filter(|n| *n >= 0x100_0000)?, rest)
        }
        _ => return None,
    };
    (length <= rest.len()).then(|| rest.split_at(length))
}

/// The big-endian bytes of a positive integer at the start of `input`, without the sign byte, and what follows.
pub(crate) fn read_unsigned(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (number, rest) = read(input, 2)?;
    match number {
        [0, second, ..] if second & 0x80 != 0 => Some((&number[1..], rest)),
        [first, ..] if (1..0x80).contains(first) => Some((number, rest)),
        _ => None,
    }
}
