//! Rows of every shape come back as they were.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::net::SocketAddr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wayside_exchange::{
    ClientCertificate, Evidence, EvidenceKind, ExchangeId, Failure, HttpVersion, Marks, Micros,
    Outcome, Scheme, SessionId, Side, Summary, Timestamp, Timing, Tls,
};

use super::decode::rows;
use super::encode::RowEncoder;

prop_compose! {
    fn timing()(p in any::<[u64; 6]>()) -> Timing {
        let [upload, connect, wait, download, total, overhead] = p.map(Micros);
        Timing { upload, connect, wait, download, total, overhead }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{0,2}", ".{0,40}"]
}

prop_compose! {
    fn tls()(version in text(), sni in option::of(text()), alpn in option::of(text()),
             ja4 in option::of(text()), certificate in option::of((text(), text()))) -> Tls {
        let client_certificate =
            certificate.map(|(name, subject)| ClientCertificate { name, subject });
        Tls { version, sni, alpn, ja4, client_certificate }
    }
}

prop_compose! {
    fn who()(client in text(), method in text(), host in text(), route in text(), target in text(),
             client_addr: SocketAddr, tls in option::of(tls()),
             evidence in vec((0..6_usize, text()), 0..4)) -> Summary {
        let evidence = evidence
            .into_iter()
            .map(|(kind, token)| Evidence { kind: EvidenceKind::ALL[kind], token })
            .collect();
        Summary { client, method, host, route, target, client_addr, tls, evidence, ..bare() }
    }
}

prop_compose! {
    pub(crate) fn summary()(who in who(), numbers: [u64; 5], start: i64, status: Option<u16>,
                 outcome in 0..5_usize, marks in 0..32_u8, timing in timing(),
                 version in 0..3_usize, plain: bool,
                 failure in option::of((0..3_usize, text()))) -> Summary {
        let sides = [Side::Downstream, Side::Upstream, Side::Ours];
        let versions = [HttpVersion::Http10, HttpVersion::Http11, HttpVersion::Http2];
        Summary {
            id: ExchangeId(numbers[0]),
            session: SessionId(ExchangeId(numbers[1])),
            connection: numbers[2],
            request_bytes: numbers[3],
            response_bytes: numbers[4],
            started_at: Timestamp(start),
            status,
            outcome: Outcome::ALL[outcome],
            marks: Marks(marks),
            timing,
            http_version: versions[version],
            scheme: if plain { Scheme::Http } else { Scheme::Https },
            failure: failure.map(|(side, reason)| Failure { side: sides[side], reason }),
            ..who
        }
    }
}

/// A row with nothing in it.
pub(crate) fn bare() -> Summary {
    Summary {
        id: ExchangeId(1),
        started_at: Timestamp(0),
        client: String::new(),
        session: SessionId(ExchangeId(1)),
        connection: 0,
        client_addr: SocketAddr::from(([127, 0, 0, 1], 1)),
        tls: None,
        http_version: HttpVersion::Http11,
        scheme: Scheme::Https,
        method: String::new(),
        host: String::new(),
        target: String::new(),
        route: String::new(),
        status: None,
        outcome: Outcome::Complete,
        failure: None,
        timing: Timing::default(),
        request_bytes: 0,
        response_bytes: 0,
        marks: Marks::default(),
        evidence: Vec::new(),
    }
}

proptest! {
    #[test]
    fn rows_come_back_as_they_were(summaries in vec(summary(), 0..20), len in 0..1000_usize) {
        let mut encoder = RowEncoder::default();
        encoder.push(&bare(), 3);
        encoder.clear();
        for summary in &summaries {
            encoder.push(summary, len);
        }
        let back = rows(encoder.bytes(), summaries.len() as u32).unwrap();
        for (n, row) in back.iter().enumerate() {
            prop_assert_eq!(&row.summary, &summaries[n]);
            prop_assert_eq!((row.offset as usize, row.len as usize), (n * len, len));
        }
        prop_assert!(rows(encoder.bytes(), summaries.len() as u32 + 1).is_none());
    }

    #[test]
    fn no_bytes_make_reading_rows_panic(bytes: Vec<u8>, count in 0..50_u32) {
        let _ = rows(&bytes, count);
    }
}

#[test]
fn a_full_dictionary_still_takes_rows() {
    let mut encoder = RowEncoder::default();
    let named = |n: u32| Summary { client: format!("c{n}"), host: format!("h{n}"), ..bare() };
    for n in 0..6000 {
        encoder.push(&named(n), 1);
    }
    let back = rows(encoder.bytes(), 6000).unwrap();
    assert!(back.iter().zip(0..).all(|(row, n)| row.summary == named(n)));
}

#[test]
fn kinds_of_evidence_keep_the_numbers_by_which_they_were_written() {
    let numbers = EvidenceKind::ALL.map(|kind| (kind.as_str(), kind as u8));
    let strongest = [("cert", 1), ("key", 2), ("bearer", 3), ("basic", 4), ("body", 10)];
    let weakest = [("cookie", 5), ("addr", 6), ("device", 7), ("carried", 8), ("given", 9)];
    assert_eq!(numbers, [strongest, weakest].concat().as_slice());
    assert!(EvidenceKind::ALL.is_sorted());
    assert!(
        EvidenceKind::ALL.iter().all(|kind| EvidenceKind::of_number(*kind as u8) == Some(*kind))
    );
    assert_eq!((EvidenceKind::of_number(0), EvidenceKind::of_number(11)), (None, None));
}
