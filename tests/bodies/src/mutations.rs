//! Mutations that are the same on every run.

/// A generator without a seed from outside (`SplitMix64`).
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `bound`, or 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ z >> 31) % bound.max(1) as u64).unwrap_or(0)
    }

    /// `bytes` with one to four places flipped, cut, doubled, exchanged, or filled from `other`.
    pub fn mutate(&mut self, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        for _ in 0..=self.below(4) {
            self.once(&mut out, other);
        }
        out
    }

    fn once(&mut self, out: &mut Vec<u8>, other: &[u8]) {
        const ODD: &[u8] = b"~.\"{}[]:,0-\\\xFF\x00\x7F\x80 =&%+\n\r\t;'#eE\x1b\x9b\xd2";
        if out.is_empty() {
            out.push(ODD[self.below(ODD.len())]);
            return;
        }
        let place = self.below(out.len());
        match self.below(10) {
            0 => out.truncate(place),
            1 => out[place] ^= 1 << self.below(8),
            2 => out[place] = ODD[self.below(ODD.len())],
            3 => drop(out.remove(place)),
            4 => out.insert(place, ODD[self.below(ODD.len())]),
            5 => drop(out.drain(..place)),
            6 => {
                let end = (place + 1 + self.below(64)).min(out.len());
                let part = out[place..end].to_vec();
                out.splice(place..place, part);
            }
            7 => {
                let with = self.below(out.len());
                out.swap(place, with);
            }
            8 if !other.is_empty() => {
                let from = self.below(other.len());
                let end = (from + 1 + self.below(64)).min(other.len());
                out.splice(place..place, other[from..end].iter().copied());
            }
            _ => out[place] = u8::try_from(self.below(256)).unwrap_or(0),
        }
    }
}
