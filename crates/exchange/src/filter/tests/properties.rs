//! What holds for every filter: it reads back, its answers agree, no text makes it panic.

use proptest::prelude::*;

use super::zones::zone;
use super::*;

/// Terms of all kinds, many of which match the exchange of these tests.
fn term() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "client:acme-mobile",
        "client:a*",
        "route:\"GET /orders/{id}\"",
        "route:/x",
        "method:GET",
        "status:5xx",
        "status:>=500",
        "status:<600",
        "status:none",
        "latency:>500",
        "latency:<1s",
        "outcome:complete",
        "mark:any",
        "http:2",
        "size:>0",
        "since:2h",
        "until:1d",
        "at:2026-11-20T14:05±5m",
        "header:x-version=2",
        "header:server",
        "header:accept=*json*",
        "body:\"out of stock\"",
        "body:stock",
        "request-body:lamp",
        "orders",
        "\"of stock\"",
        "none",
        "host:shop",
        "sni:x",
        "ja4:t13d*",
        "tills",
        "evidence:acme",
        "connection:17",
        "path:\"/a (b)*\"",
        "\"and\"",
        "header:server=\"backend one\"",
        "failure:\"a \\\"b\\\" \\\\\"",
        "\"a:b\"",
        "And",
        "body:/out of (stock|order)/i",
        "body:/[a-z]+ of/i",
        "header:server=/end (one|two)/i",
        "/siz[e]=b/",
        "url:/orders\\/\\d+/",
        "\"/orders/\"",
    ]);
    let bare = "[a-z0-9 (){}\"\\\\:*=><é]{1,12}".prop_map(|text| word::quoted(&text));
    // A text cut out of what is there: it must be found, whatever blocks say.
    let cut = (0..40_usize, 1..12_usize).prop_map(|(from, length)| {
        let all = "error\":\"Out of Stock\",\"place\":\"KÖLN\"}";
        word::quoted(&all.chars().skip(from % 34).take(length).collect::<String>())
    });
    prop_oneof![
        6 => known.prop_map(str::to_owned),
        1 => bare.clone(),
        1 => bare.prop_map(|text| format!("body:{text}")),
        1 => "[a-zA-Z .()|?*+\\[\\]^$]{1,12}".prop_filter_map("a wrong expression", |text| {
            let text = format!("body:/{text}/i");
            Filter::parse(&text, now()).is_ok().then_some(text)
        }),
        2 => cut.prop_map(|text| format!("body:{text}")),
    ]
}

fn filter_text() -> impl Strategy<Value = String> {
    term().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("not {a}")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and ({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a} or {b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_filter_reads_back_as_itself(text in filter_text()) {
        let filter = parsed(&text);
        prop_assert_eq!(&Filter::parse(&filter.to_string(), now()).unwrap(), &filter);
    }

    #[test]
    fn row_and_block_agree_with_the_exchange(text in filter_text()) {
        let filter = parsed(&text);
        let matches = on(&filter, &exchange());
        match on_row(&text, &exchange().summary) {
            Answer::Unknown => {}
            answer => prop_assert_eq!(answer == Answer::Yes, matches),
        }
        prop_assert!(!matches || filter.may_match(&zone()));
        let negated = parsed(&format!("not ({text})"));
        prop_assert_eq!(on(&negated, &exchange()), !matches);
    }

    #[test]
    fn no_text_panics_and_errors_point_into_it(text in "(?s)[a-z:/\"()\\\\*=<>. 0-9±\u{0}-\u{1f}é-]{0,60}|.{0,60}") {
        match Filter::parse(&text, now()) {
            Ok(filter) => {
                prop_assert_eq!(&Filter::parse(&filter.to_string(), now()).unwrap(), &filter);
                on(&filter, &exchange());
                filter.may_match(&zone());
            }
            Err(error) => {
                prop_assert!(error.column <= text.chars().count() + 1);
                let _ = error.to_string();
            }
        }
    }

    #[test]
    fn every_field_takes_any_value_without_panic(
        field in "(client|session|id|connection|method|path|route|status|outcome|mark|failure|http|latency|size|header|body|since|until|at|addr|sni|ja4|evidence)",
        value in "[<>=]{0,2}[0-9a-zA-Zµ.:*±+-]{0,30}",
    ) {
        if let Ok(filter) = Filter::parse(&format!("{field}:{value}"), now()) {
            prop_assert_eq!(&Filter::parse(&filter.to_string(), now()).unwrap(), &filter);
            on(&filter, &exchange());
            filter.may_match(&zone());
        }
    }
}
