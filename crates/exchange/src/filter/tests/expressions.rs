//! Regular expressions between slashes: where they are read, what they match, what they rule out.

use super::zones::zone;
use super::*;

#[test]
fn expressions_are_looked_for_in_what_the_field_names() {
    each(
        &[
            "body:/Out of (Stock|Order)/",
            "body:/out of (stock|order)/i",
            "request-body:/Blue\\s+L[a-z]mp/",
            "response-body:/K.LN/",
            "url:/orders\\/[0-9]+\\?size=/",
            "host:/^shop\\.example/",
            "client:/^bearer:acme-/",
            "client:/mobile$/",
            "header:x-version=/^[0-9]$/",
            "header:Server=/backend (one|two)/i",
            "response-header:server=/One$/",
            "header:x-checksum=/12/",
            "evidence:/^bearer:/",
            "sni:/sh[o]p/",
            "/B[a-z]+ One/",
            "/^https:.*size=big$/",
            "/Out of (Stock|Order)/ status:503",
            "(/nowhere/ or /lamp/i)",
            "body:/\"item\":\"/",
            "body:/(?i)OUT OF/",
        ],
        &[
            "body:/out of (stock|order)/",
            "request-body:/Out of/",
            "header:x-version=/^3$/",
            "header:x-vers=/./",
            "request-header:server=/./",
            "client:/^mobile/",
            "/B[0-9]+ One/",
            "url:/ORDERS/",
        ],
    );
}

#[test]
fn flags_say_how_an_expression_reads_a_text() {
    let lines = |text: &str| {
        let mut exchange = exchange();
        exchange.response = None;
        let body = b"first\nSecond\nthird";
        let mut read = |_| Some(Cow::from(body.as_slice()));
        parsed(text).on_exchange(&Subject::from(&exchange), &mut read)
    };
    assert!(lines("body:/^Second$/m") && !lines("body:/^Second$/"));
    assert!(lines("body:/first.second/is") && !lines("body:/first.second/i"));
}

#[test]
fn paths_and_quoted_texts_between_slashes_are_no_expressions() {
    each(
        &[
            "/orders/17",
            "\"/orders/17\"",
            "//",
            "path:/orders/*",
            "path:/ORDERS/",
            "route:/orders/{id}",
        ],
        &["\"/order./\"", "body:\"/Out of/\"", "/v1/orders", "body:/api/x/17"],
    );
}

#[test]
fn blocks_without_a_text_that_an_expression_needs_are_passed_over() {
    for text in [
        "body:/nothing/",
        "body:/out of (sugar|salt)/i",
        "body:/(out of nothing)+/",
        "/Stock.*nothing/",
        "header:server=/back(wards|yard)/",
        "url:/other\\.example/",
        "client:/^bearer:other/",
    ] {
        assert!(!parsed(text).may_match(&zone()), "{text}");
    }
    for text in [
        "body:/out of (stock|salt)/i",
        "body:/(out of nothing)*/",
        "body:/(nothing)?stock/i",
        "body:/[a-z]+/",
        "body:/STOC\u{212a}/i",
        "/size=(small|big)/",
        "client:/mob/",
    ] {
        assert!(parsed(text).may_match(&zone()), "{text}");
    }
}

#[test]
fn an_expression_reads_back_as_itself_and_a_text_like_one_stays_text() {
    for text in ["body:/a (b|c)\\/\\d/i", "/x y/", "header:a=/b=c/", "\"/x y/\"", "body:\"/a\" b/"]
    {
        let filter = parsed(text);
        assert_eq!(filter.to_string(), text);
        assert_eq!(Filter::parse(&filter.to_string(), now()).unwrap(), filter);
    }
    assert_ne!(parsed("body:/a/"), parsed("body:/a/i"));
    assert_ne!(parsed("body:/a/"), parsed("body:\"/a/\""));
}
