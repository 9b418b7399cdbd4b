//! The primitives of every encoding in the log: variable-length integers and byte strings.
//!
//! Integers are LEB128, signed ones zigzag first. Reading is total: whatever the bytes are, it gives
//! a value or `None`, and never reads past the end.

/// Appends `value` in LEB128.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends `value`, small magnitudes in few bytes.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends the difference between two numbers, right even where it overflows.
pub(crate) fn put_delta(out: &mut Vec<u8>, value: u64, from: u64) {
    put_signed(out, value.wrapping_sub(from) as i64);
}

/// Appends a length and the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads what the functions above wrote, from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Take<'a> {
    rest: &'a [u8],
}

impl<'a> Take<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Most numbers of a row take one byte.
    #[inline]
    pub(crate) fn number(&mut self) -> Option<u64> {
        match self.rest.split_first()? {
            (&byte, rest) if byte < 0x80 => {
                self.rest = rest;
                Some(u64::from(byte))
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A number that fits the narrower type.
    pub(crate) fn narrow<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some(((value >> 1) as i64) ^ -((value & 1) as i64))
    }

    pub(crate) fn delta(&mut self, from: u64) -> Option<u64> {
        Some(from.wrapping_add(self.signed()? as u64))
    }

    pub(crate) fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.narrow()?;
        self.slice(len)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_and_bytes_read_back(a: u64, b: i64, from: u64, bytes: Vec<u8>) {
            let mut out = Vec::new();
            put(&mut out, a);
            put_signed(&mut out, b);
            put_delta(&mut out, a, from);
            put_bytes(&mut out, &bytes);
            let mut take = Take::new(&out);
            prop_assert_eq!(take.number(), Some(a));
            prop_assert_eq!(take.signed(), Some(b));
            prop_assert_eq!(take.delta(from), Some(a));
            prop_assert_eq!(take.bytes(), Some(bytes.as_slice()));
            prop_assert!(take.is_empty());
        }

        #[test]
        fn nothing_panics_on_any_bytes(bytes: Vec<u8>) {
            let mut take = Take::new(&bytes);
            while take.signed().is_some() && take.bytes().is_some() && take.u64().is_some() {}
        }
    }
}
