//! As much of protobuf's wire format as OTLP needs: written field by field, read field by field.
//!
//! The messages that are sent are few and their numbers fixed for ever; a compiler of schemas and its run time
//! would weigh more than this. What a real decoder makes of them is what tests/otlp.rs looks at.

/// A message that is being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Vec<u8>);

/// How a value is laid out, as a field's key tells.
const VARINT: u64 = 0;
const FIXED: u64 = 1;
const BYTES: u64 = 2;
const FIXED_SHORT: u64 = 5;

impl Wire {
    pub(crate) fn number(&mut self, field: u64, value: u64) {
        self.key(field, VARINT);
        self.varint(value);
    }

    /// `fixed64` and `sfixed64`.
    pub(crate) fn fixed(&mut self, field: u64, value: u64) {
        self.key(field, FIXED);
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn double(&mut self, field: u64, value: f64) {
        self.fixed(field, value.to_bits());
    }

    pub(crate) fn bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, BYTES);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    pub(crate) fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    pub(crate) fn message(&mut self, field: u64, value: &Self) {
        self.bytes(field, &value.0);
    }

    /// A packed field of `fixed64`; doubles are their bits.
    pub(crate) fn packed(&mut self, field: u64, values: impl ExactSizeIterator<Item = u64>) {
        self.key(field, BYTES);
        self.varint(values.len() as u64 * 8);
        values.for_each(|value| self.0.extend(value.to_le_bytes()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn key(&mut self, field: u64, layout: u64) {
        self.varint(field << 3 | layout);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A value as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A varint, or a fixed number.
    Number(u64),
    /// A text, a message, or packed numbers.
    Bytes(&'a [u8]),
}

/// The fields of a message that somebody else wrote; it ends where the message makes no sense.
#[derive(Debug)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let &[byte] = self.take(1)? else { return None };
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn fixed(&mut self, count: usize) -> Option<Value<'a>> {
        let bytes = self.take(count)?.iter().rev();
        Some(Value::Number(bytes.fold(0, |value, &byte| value << 8 | u64::from(byte))))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.varint()?;
        let value = match key & 7 {
            VARINT => Value::Number(self.varint()?),
            FIXED => self.fixed(8)?,
            BYTES => {
                let length = self.varint()?;
                Value::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            FIXED_SHORT => self.fixed(4)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_laid_out_as_the_specification_shows() {
        let mut wire = Wire::default();
        wire.number(1, 150);
        wire.text(2, "testing");
        let mut inner = Wire::default();
        inner.number(1, 150);
        wire.message(3, &inner);
        let spelled = b"\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01";
        assert_eq!(wire.clone().finish(), spelled);
        wire.double(4, 0.5);
        wire.packed(5, [1, 2].into_iter());
        let bytes = wire.finish();
        assert_eq!(bytes.get(17..27), Some(&b"\x21\0\0\0\0\0\0\xe0\x3f\x2a"[..]));
        let read: Vec<_> = Fields::of(&bytes).collect();
        assert_eq!(read.len(), 5);
        assert_eq!(read.first(), Some(&(1, Value::Number(150))));
        assert_eq!(read.get(3), Some(&(4, Value::Number(0.5_f64.to_bits()))));
        assert!(matches!(read.get(4), Some((5, Value::Bytes(packed))) if packed.len() == 16));
    }

    #[test]
    fn what_makes_no_sense_ends_the_reading() {
        for bytes in [
            &b"\x08"[..],
            b"\x12\x7fshort",
            b"\x0b",
            &[0xff; 20],
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert_eq!(Fields::of(bytes).count(), 0, "{bytes:?}");
        }
    }
}
