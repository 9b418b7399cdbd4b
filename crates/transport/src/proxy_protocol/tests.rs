//! Headers over loopback, whole, in pieces, and made by somebody who means no good.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::*;

const LIMIT: Duration = Duration::from_secs(10);
const AFTER: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

/// What is said of `sent`, which comes in pieces of `size` bytes, and what is left for others to read.
fn said(sent: &[u8], size: usize, limit: Duration) -> (Result<Option<SocketAddr>>, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        far.set_nodelay(true).unwrap();
        let mut near = listener.accept().await.unwrap().0;
        let keeps_open = limit < LIMIT;
        let sending = async {
            for piece in sent.chunks(size) {
                // It may have been refused already.
                let _ = far.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            if !keeps_open {
                let _ = far.shutdown().await;
            }
        };
        let reading = async {
            let read = read(&mut near, limit).await;
            let mut rest = Vec::new();
            if !keeps_open {
                let _ = near.read_to_end(&mut rest).await;
            }
            (read, rest)
        };
        tokio::join!(sending, reading).1
    })
}

/// What comes of a header with a request behind it; the request must be left as it is.
fn client(header: &[u8]) -> std::result::Result<Option<SocketAddr>, String> {
    let sent = [header, AFTER].concat();
    let mut results = [1, 7, sent.len()].map(|size| {
        let (read, rest) = said(&sent, size, LIMIT);
        if read.is_ok() {
            assert_eq!(rest, AFTER, "{header:?}");
        }
        read.map_err(|error| error.to_string())
    });
    assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
    std::mem::replace(&mut results[0], Ok(None))
}

fn second(version: u8, family: u8, length: u16, rest: &[u8]) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    header.extend([version, family]);
    header.extend(length.to_be_bytes());
    header.extend(rest);
    header
}

#[test]
fn the_first_version_is_a_line() {
    let at = |text: &str| Ok(Some(text.parse().unwrap()));
    assert_eq!(client(b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"), at("192.0.2.7:4711"));
    assert_eq!(client(b"PROXY TCP6 2001:db8::7 ::1 65535 0\r\n"), at("[2001:db8::7]:65535"));
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let line = format!("PROXY UNKNOWN {longest} {longest} 65535 65535\r\n");
    assert_eq!(line.len(), LONGEST_LINE);
    assert_eq!(client(line.as_bytes()), Ok(None));
    assert_eq!(client(b"PROXY UNKNOWN\r\n"), Ok(None));
}

#[test]
fn a_line_that_is_not_to_the_letter_is_none() {
    let wrong: [&[u8]; 14] = [
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443 1\r\n",
        b"PROXY TCP4  192.0.2.7 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 04711 443\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 +4711 443\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n",
        b"PROXY TCP4 192.0.2.07 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 ::1 ::1 4711 443\r\n",
        b"PROXY TCP6 192.0.2.7 10.0.0.1 4711 443\r\n",
        b"PROXY TCP5 192.0.2.7 10.0.0.1 4711 443\r\n",
        b"PROXY UNKNOWNS 192.0.2.7\r\n",
        b"PROXY \xff\xff\xff\xff\xff\xff\xff\r\n",
        &[b'P', b'R', b'O', b'X', b'Y', b' ', b'T', b'C', b'P', b'4', b' ', 0, b'\r', b'\n'],
    ];
    for header in wrong {
        let said = client(header).unwrap_err();
        assert!(said.starts_with("the PROXY protocol header is malformed"), "{header:?}: {said}");
    }
    let long = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200], b"\r\n"].concat();
    assert!(client(&long).unwrap_err().ends_with("its line is too long"));
}

#[test]
fn the_second_version_is_binary() {
    let at = |text: &str| Ok(Some(text.parse().unwrap()));
    let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x67, 1, 187];
    assert_eq!(client(&second(0x21, 0x11, 12, &v4)), at("192.0.2.7:4711"));
    let mut v6 = "2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec();
    v6.extend([0; 16]);
    v6.extend([0x12, 0x67, 1, 187]);
    assert_eq!(client(&second(0x21, 0x21, 36, &v6)), at("[2001:db8::7]:4711"));
    // What else it tells is passed over, however long.
    let more = [v4.as_slice(), &vec![4; 60_000]].concat();
    assert_eq!(client(&second(0x21, 0x11, 60_012, &more)), at("192.0.2.7:4711"));
    // The proxy itself, whatever else it says; a socket of its own machine; datagrams; what we do not know.
    assert_eq!(client(&second(0x20, 0x00, 0, &[])), Ok(None));
    assert_eq!(client(&second(0x20, 0x11, 12, &v4)), Ok(None));
    assert_eq!(client(&second(0x21, 0x31, 216, &[b'/'; 216])), Ok(None));
    assert_eq!(client(&second(0x21, 0x12, 12, &v4)), Ok(None));
    assert_eq!(client(&second(0x21, 0x00, 5, &[1; 5])), Ok(None));
    assert_eq!(client(&second(0x21, 0xff, 0, &[])), Ok(None));

    for (header, why) in [
        (second(0x11, 0x11, 12, &v4), "its version is not 2"),
        (second(0x22, 0x11, 12, &v4), "its command is neither LOCAL nor PROXY"),
        (second(0x21, 0x11, 11, &v4), "it is too short for its addresses"),
        (second(0x21, 0x21, 12, &v4), "it is too short for its addresses"),
        (second(0x21, 0x11, 60_000, &v4), "it ends too early"),
    ] {
        assert!(client(&header).unwrap_err().ends_with(why), "{header:?}");
    }
}

#[test]
fn what_is_no_header_is_known_at_its_first_bytes() {
    for sent in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"\x16\x03\x01\x02\x00\x01"] {
        let (read, _) = said(sent, sent.len(), LIMIT);
        assert!(matches!(read, Err(ProxyProtocolError::Missing)), "{read:?}");
    }
    for sent in [b"PRO".as_slice(), b"\r\n\r"] {
        let (read, _) = said(sent, sent.len(), LIMIT);
        assert!(matches!(read, Err(ProxyProtocolError::Malformed(_))), "{read:?}");
    }
    assert!(matches!(said(b"", 1, LIMIT).0, Err(ProxyProtocolError::ClosedEarly)));
}

#[test]
fn one_that_does_not_come_to_its_end_is_not_waited_for() {
    let soon = Duration::from_millis(50);
    for sent in [b"".as_slice(), b"PROXY", b"PROXY TCP4 1.2.3.4 ", b"\r\n\r\n", SIGNATURE] {
        let (read, _) = said(sent, 100, soon);
        assert!(matches!(read, Err(ProxyProtocolError::TimedOut(_))), "{sent:?}: {read:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..300) {
        let _ = said(&bytes, size, LIMIT);
        let _ = said(&[SIGNATURE.as_slice(), &bytes].concat(), size, LIMIT);
        let _ = said(&[b"PROXY ".as_slice(), &bytes].concat(), size, LIMIT);
    }
}
