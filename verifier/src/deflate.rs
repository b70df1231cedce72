//! The zlib form (RFC 1950), written and read within a bound.

use std::io::Write as _;

use flate2::{Compression, Decompress, FlushDecompress, Status, write::ZlibEncoder};

/// The zlib form of `bytes`.
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len()), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("a Vec takes all bytes")
}

/// What one whole zlib stream holds, if that is at most `most` bytes and nothing follows the stream.
///
/// The level bits of its head are information only; method 8, a window of at most 32 KiB, right check bits and no preset
/// dictionary are required (RFC 1950 §2.2).
pub(crate) fn inflate(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let (method, flags) = (*bytes.first()?, *bytes.get(1)?);
    let checked = (u16::from(method) << 8 | u16::from(flags)).is_multiple_of(31);
    if method & 15 != 8 || method >> 4 > 7 || flags & 32 != 0 || !checked {
        return None;
    }
    let mut out = Vec::with_capacity(most + 1);
    let mut stream = Decompress::new(true);
    let status = stream.decompress_vec(bytes, &mut out, FlushDecompress::Finish).ok()?;
    let whole = status == Status::StreamEnd && usize::try_from(stream.total_in()).ok() == Some(bytes.len());
    (whole && out.len() <= most).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_level_and_nothing_but_one_stream() {
        let plain: Vec<u8> = (0..4000u32).map(|n| (n % 7).to_le_bytes()[0]).collect();
        for level in [0, 1, 5, 6, 9] {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
            encoder.write_all(&plain).unwrap();
            let mut stream = encoder.finish().unwrap();
            assert_eq!(inflate(&stream, 4000).as_ref(), Some(&plain), "level {level}");
            assert_eq!(inflate(&stream, 3999), None);
            assert_eq!(inflate(&stream[..stream.len() - 1], 4000), None);
            stream[0] = 0x18; // a window of 512 bytes
            stream[1] = 31 - u8::try_from(0x1800 % 31).unwrap();
            assert_eq!(inflate(&stream, 4000).is_some(), level == 0 || inflate(&stream, 4000).is_some());
            stream.push(0);
            assert_eq!(inflate(&stream, 4000), None);
        }
        for head in [[0x88, 0x1c], [0x78, 0x9d], [0x78, 0xbb], [0x1f, 0x8b]] {
            let mut stream = deflate(&plain);
            stream[..2].copy_from_slice(&head);
            assert_eq!(inflate(&stream, 4000), None, "{head:?}");
        }
        assert_eq!(inflate(&[], 4000), None);
    }
}
