//! The fingerprints of the specification, from hellos made of its lists, and bytes of all sorts.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;

use super::*;

/// The example of the specification, in the order in which that client sent it.
const CIPHERS: [u16; 15] = [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
    0x009d, 0x002f, 0x0035,
];
const EXTENSIONS: [u16; 16] = [
    0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
    0xff01, 0x000b, 0x000a, 0x0015,
];
const SIGNATURES: [u16; 8] = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
const EXAMPLE: &str = "t13d1516h2_8daaf6152771_e5627efa2ab1";

/// What a client says.
#[derive(Clone, Debug)]
struct Said {
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    signatures: Vec<u16>,
    versions: Vec<u16>,
    protocol: Vec<u8>,
}

impl Said {
    fn example() -> Self {
        Self {
            ciphers: CIPHERS.to_vec(),
            extensions: EXTENSIONS.to_vec(),
            signatures: SIGNATURES.to_vec(),
            versions: vec![0x0304, 0x0303],
            protocol: b"h2".to_vec(),
        }
    }

    /// The handshake message.
    fn message(&self) -> Vec<u8> {
        let list = |numbers: &[u16]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        let mut extensions = Vec::new();
        for &kind in &self.extensions {
            let content = match kind {
                SIGNATURE_ALGORITHMS => vector(list(&self.signatures)),
                SUPPORTED_VERSIONS => short_vector(list(&self.versions)),
                ALPN => vector(short_vector(self.protocol.clone())),
                _ => vec![7; 3],
            };
            extensions.extend(kind.to_be_bytes());
            extensions.extend(vector(content));
        }
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.extend(short_vector(vec![5; 32]));
        body.extend(vector(list(&self.ciphers)));
        body.extend(short_vector(vec![0]));
        if !self.extensions.is_empty() {
            body.extend(vector(extensions));
        }
        let mut message = vec![CLIENT_HELLO, 0];
        message.extend(vector(body));
        message
    }

    fn ja4(&self) -> String {
        of_records(&records(&self.message(), usize::MAX)).unwrap()
    }
}

fn vector(content: Vec<u8>) -> Vec<u8> {
    let mut all = (content.len() as u16).to_be_bytes().to_vec();
    all.extend(content);
    all
}

fn short_vector(content: Vec<u8>) -> Vec<u8> {
    let mut all = vec![content.len() as u8];
    all.extend(content);
    all
}

/// The message in records of up to `size` bytes each.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let mut records = Vec::new();
    for fragment in message.chunks(size.min(1 << 14)) {
        records.extend([HANDSHAKE_RECORD, 3, 1]);
        records.extend(vector(fragment.to_vec()));
    }
    records
}

#[test]
fn the_example_of_the_specification_has_its_fingerprint() {
    assert_eq!(Said::example().ja4(), EXAMPLE);
    // Seen over a connection that speaks HTTP/1.1 alone, which says so.
    let http1 = Said { protocol: b"http/1.1".to_vec(), ..Said::example() };
    assert_eq!(http1.ja4(), "t13d1516h1_8daaf6152771_e5627efa2ab1");
    let unsigned = Said {
        extensions: EXTENSIONS.into_iter().filter(|kind| *kind != SIGNATURE_ALGORITHMS).collect(),
        ..Said::example()
    };
    assert_ne!(unsigned.ja4(), EXAMPLE);
    // Its list of extensions without the algorithms, whose hash the specification tells, too.
    let silent = Said { signatures: Vec::new(), ..Said::example() };
    assert_eq!(silent.ja4(), "t13d1516h2_8daaf6152771_6d807ffa2a79");
}

/// What its authors publish of a recorded hello with meaningless signature algorithms (`sigalg-grease.pcapng`
/// among the test data of FoxIO-LLC/ja4): the lists in the order in which they came, and the fingerprint.
#[test]
fn a_recorded_hello_has_the_fingerprint_that_its_publishers_give() {
    let browser = Said {
        ciphers: vec![0x2a2a].into_iter().chain(CIPHERS).collect(),
        extensions: vec![
            0x1a1a, 0xfe0d, 0x0010, 0x0017, 0x0033, 0x44cd, 0xff01, 0x000a, 0x000d, 0x0023, 0x002b,
            0x000b, 0xca34, 0x002d, 0x0000, 0x0005, 0x001b, 0x0012, 0x5a5a,
        ],
        signatures: vec![
            0x3a3a, 0x0904, 0x0905, 0x0906, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806,
            0x0601,
        ],
        ..Said::example()
    };
    assert_eq!(browser.ja4(), "t13d1517h2_8daaf6152771_cb7bf5808d99");
}

#[test]
fn order_and_meaningless_values_do_not_change_it() {
    let mut said = Said::example();
    said.ciphers.reverse();
    said.extensions.reverse();
    assert_eq!(said.ja4(), EXAMPLE);
    said.ciphers.insert(0, 0x1a1a);
    said.extensions.insert(0, 0xfafa);
    said.signatures.insert(0, 0x2a2a);
    said.versions.insert(0, 0xbaba);
    assert_eq!(said.ja4(), EXAMPLE);
    said.signatures.reverse();
    assert_ne!(said.ja4(), EXAMPLE, "algorithms stay in order");
}

#[test]
fn what_is_not_there_is_said_by_zeros() {
    let nothing = Said { extensions: Vec::new(), ciphers: Vec::new(), ..Said::example() };
    assert_eq!(nothing.ja4(), "t12i000000_000000000000_000000000000");
    let many = Said { ciphers: (0..300).collect(), ..Said::example() };
    assert!(many.ja4().starts_with("t13d9916h2_"), "{}", many.ja4());
    let versions = [(vec![0x0303, 0x0302], "12"), (vec![0x0300], "s3"), (vec![0x0305], "00")];
    for (versions, said) in versions {
        let ja4 = Said { versions, ..Said::example() }.ja4();
        assert_eq!(ja4.get(1..3), Some(said));
    }
}

#[test]
fn a_protocol_that_is_no_text_is_told_by_its_digits() {
    let cases: [(&[u8], &str); 8] = [
        (&[], "00"),
        (b"x", "xx"),
        (&[0xab], "ab"),
        (&[0xab, 0xcd], "ad"),
        (&[0x30, 0xab], "3b"),
        (&[0x30, 0x31, 0xab, 0xcd], "3d"),
        (&[0x30, 0xab, 0xcd, 0x31], "01"),
        (b"-1", "21"),
    ];
    for (protocol, said) in cases {
        let ja4 = Said { protocol: protocol.to_vec(), ..Said::example() }.ja4();
        assert_eq!(ja4.get(8..10), Some(said), "{protocol:?}");
    }
}

proptest! {
    #[test]
    fn however_it_is_cut_into_records_it_is_the_same(size in 1_usize..2000) {
        let records = records(&Said::example().message(), size);
        prop_assert_eq!(of_records(&records).unwrap(), EXAMPLE);
    }

    #[test]
    fn part_of_a_hello_has_none(cut in 0.0_f64..1.0) {
        let records = records(&Said::example().message(), 100);
        let part = records.get(..(records.len() as f64 * cut) as usize).unwrap();
        prop_assert_eq!(of_records(part), None);
    }

    #[test]
    fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        of_records(&bytes);
        of_records(&records(&bytes, 50));
        let mut message = vec![CLIENT_HELLO, 0];
        message.extend(vector(bytes));
        of_records(&records(&message, 50));
    }

    #[test]
    fn a_hello_with_changed_bytes_is_borne(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)
    ) {
        let mut bytes = records(&Said::example().message(), 300);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            if let Some(slot) = bytes.get_mut(at) {
                *slot = byte;
            }
        }
        if let Some(ja4) = of_records(&bytes) {
            prop_assert!(ja4.is_ascii() && ja4.len() == EXAMPLE.len(), "{}", ja4);
        }
    }
}
