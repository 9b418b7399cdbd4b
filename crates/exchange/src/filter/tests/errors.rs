//! What people read when a filter is wrong: every text in full.

use super::*;

#[track_caller]
fn shown(text: &str, wanted: &str) {
    let error = Filter::parse(text, now()).unwrap_err();
    assert_eq!(format!("{error}"), wanted.strip_prefix('\n').unwrap_or(wanted), "\n{error}\n");
    assert!(error.column >= 1 && error.length >= 1);
}

#[test]
fn a_wrong_name_is_pointed_at_with_the_nearest_known_one() {
    shown(
        "client:acme statsu:500",
        "
client:acme statsu:500
            ^^^^^^ no field is called `statsu`; did you mean `status`?",
    );
    shown(
        "localhost:8080",
        "
localhost:8080
^^^^^^^^^ no field is called `localhost`; to search for a text with a colon, put it in quotes",
    );
    shown(
        "https://a.example/",
        "
https://a.example/
^^^^^ no field is called `https`; to search for a text with a colon, put it in quotes",
    );
}

#[test]
fn a_wrong_value_says_what_would_be_right() {
    shown(
        "größe status:abc",
        "
größe status:abc
             ^^^ `abc` is no status; write `500`, `>=500`, `5xx`, `400..499` or `none`",
    );
    shown(
        "status:500..400",
        "
status:500..400
       ^^^^^^^^ `500..400` is no status; write `500`, `>=500`, `5xx`, `400..499` or `none`",
    );
    shown("latency:>5parsecs", "
latency:>5parsecs
        ^^^^^^^^^ `>5parsecs` is no duration; write `>500ms`, `<=1.5s`, `100..200` or the like; units are us, ms, s, m, h");
    shown("size:>big", "
size:>big
     ^^^^ `>big` is no size; write `>10kb`, `0`, `1mib..5mib` or the like; units are b, kb, kib, mb, mib, gb, gib");
    shown(
        "outcome:complet",
        "
outcome:complet
        ^^^^^^^ `complet` is no outcome; did you mean `complete`?",
    );
    shown("mark:x", "
mark:x
     ^ `x` is no mark; write one of `request_body_cut`, `response_body_cut`, `capture_shed`, `over_limit`, `open`, `any`, `none`");
    shown("since:yesterday", "
since:yesterday
      ^^^^^^^^^ `yesterday` is no time; write `2h` or `7d` back from now, or `2026-11-20T14:05`; times are UTC unless they say");
    shown("at:noon", "
at:noon
   ^^^^ `noon` is no time; write `2026-11-20T14:05±5m`, or `+-` for `±`; times are UTC unless they say");
    shown("session:0abc", "
session:0abc
        ^^^^ `0abc` is no session id or the beginning of one; session ids begin with `s`, as `wayside sessions` lists them");
    shown("id:hello", "
id:hello
   ^^^^^ `hello` is no exchange id or the beginning of one; ids have up to 12 of 0-9 and a-z without i, l, o, u");
    shown(
        "connection:x",
        "
connection:x
           ^ `x` is no connection; write a number, as `17` or `>=17`",
    );
    shown("http:3", "
http:3
     ^ `3` is no version of HTTP that is recorded; write `2`, `1.1`, `1.0` or `1`; to search for a text with a colon, put it in quotes");
    shown("header:\"a b\"=1", "
header:\"a b\"=1
       ^^^^^^^ `a b` is no header name; write `header:x-version`, `header:x-version=2` or `header:accept=*json*`");
    shown(
        "status: 500",
        "
status: 500
^^^^^^^ `status:` has no value; it follows the colon without a space",
    );
    shown(
        "a \"\"",
        "
a \"\"
  ^^ an empty text is in everything",
    );
    shown("status>=500", "
status>=500
^^^^^^^^^^^ `status` needs a colon after it; write `status:>=500`, or put the text in quotes to search for it");
}

#[test]
fn unbalanced_parentheses_and_quotes_are_pointed_at() {
    shown(
        "a (b or c",
        "
a (b or c
  ^ this parenthesis is never closed; close it with `)`",
    );
    shown(
        "a b) c",
        "
a b) c
   ^ no parenthesis is open here",
    );
    shown(
        "()",
        "
()
 ^ a term is missing before this parenthesis",
    );
    shown(
        "body:\"out of",
        "
body:\"out of
     ^ this quote is never closed; close it with `\"`; a quote within quotes is written `\\\"`",
    );
}

#[test]
fn a_wrong_expression_is_pointed_at_where_it_is_wrong() {
    shown("größe body:/ö(b/", "
größe body:/ö(b/
             ^ wrong regular expression: unclosed group; to search for the text itself, put it in quotes");
    shown("header:x-a=/b{3,1}/", "
header:x-a=/b{3,1}/
             ^^^^^ wrong regular expression: invalid repetition count range, the start must be <= the end; to search for the text itself, put it in quotes");
    shown("/a(?=b)/ x", "
/a(?=b)/ x
  ^^^ wrong regular expression: look-around, including look-ahead and look-behind, is not supported; to search for the text itself, put it in quotes");
    shown("body:/a/g", "
body:/a/g
        ^ `g` is no flag of a regular expression; there are `i` (any case), `m` (`^` and `$` at lines) and `s` (`.` is any byte); to search for the text itself, put it in quotes");
    shown("url:/\\w{300}{300}/", "
url:/\\w{300}{300}/
    ^^^^^^^^^^^^^^ this regular expression takes more memory than it may; make its repetitions shorter, as `{1,20}` for `{1,2000}`");
}

#[test]
fn joints_without_terms_are_pointed_at() {
    shown(
        "or a",
        "
or a
^^ `or` has nothing to join here; to search for the word, write `\"or\"`",
    );
    shown(
        "a and or b",
        "
a and or b
      ^^ `or` has nothing to join here; to search for the word, write `\"or\"`",
    );
    shown(
        "a not ",
        "
a not 
     ^ a term is missing here",
    );
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = "(".repeat(100);
    let error = Filter::parse(&deep, now()).unwrap_err();
    assert_eq!(
        (error.column, error.message.as_str()),
        (65, "the filter is nested deeper than 64 times")
    );
    for long in ["(".repeat(100_000), "not ".repeat(100_000), "a ".repeat(100_000)] {
        let error = Filter::parse(&long, now()).unwrap_err();
        assert_eq!(error.message, "the filter is longer than 16384 characters");
        assert!(error.to_string().len() < 1000);
    }
    let nested = format!("{}a{}", "(".repeat(64), ")".repeat(64));
    assert_eq!(parsed(&nested), parsed("a"));
}

#[test]
fn a_hostile_filter_cannot_command_the_terminal() {
    shown(
        "\x1b[2Jx statsu:1",
        "
\\x1b[2Jx statsu:1
         ^^^^^^ no field is called `statsu`; did you mean `status`?",
    );
}
