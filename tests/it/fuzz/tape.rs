//! Where the generators get their choices from: bytes that proptest makes up, and shortens when a case fails.

/// Choices, one byte or two each. Once it is spent every choice is the first, which is the plainest.
pub(super) struct Tape<'t>(&'t [u8]);

impl<'t> Tape<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Self {
        Self(bytes)
    }

    fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*first)
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0.is_empty()
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        let mut number = self.byte();
        if n > 256 {
            number = number * 256 + self.byte();
        }
        number % n.max(1)
    }

    /// True once in so many times; never once it is spent.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) + 1 == n
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Changes some bytes: flipped, put in, taken out, doubled, or cut off at the end.
    pub(super) fn mangle(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let len = self.below(12).min(bytes.len() - at);
            match self.below(6) {
                0 => {
                    let bit = self.below(8);
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << bit;
                    }
                }
                1 => bytes.insert(at, u8::try_from(self.below(256)).unwrap()),
                2 => drop(bytes.drain(at..at + len)),
                3 => {
                    let again = bytes[at..at + len].repeat(1 + self.below(40));
                    bytes.splice(at..at, again);
                }
                4 => bytes.truncate(at),
                _ => {
                    let signs: [&[u8]; 8] = [
                        b"\0",
                        b"\"",
                        b"{",
                        b"}",
                        b"\r\n",
                        b"\xff\xfe",
                        b"\xed\xa0\x80",
                        b"...",
                    ];
                    let sign = *self.pick(&signs);
                    bytes.splice(at..at, sign.iter().copied());
                }
            }
        }
    }

    /// The same text, changed, with what is not UTF-8 any more replaced.
    pub(super) fn mangled(&mut self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        self.mangle(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
