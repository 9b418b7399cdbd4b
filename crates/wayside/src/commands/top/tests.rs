//! The view as it is drawn, and what keys do to it, without a terminal.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;
use wayside_exchange::Timestamp;
use wayside_exchange::view::{BoardView, LatelyView};

use super::draw::draw;
use super::view::{Act, Answer, Page, Rows, View};

fn seen(view: &mut View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view, Timestamp(1_000_000))).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let line = |y: u16| -> String { (0..width).map(|x| buffer[(x, y)].symbol()).collect() };
    (0..height).map(|y| line(y).trim_end().to_owned() + "\n").collect()
}

fn press(view: &mut View, codes: &[KeyCode]) -> Act {
    let press = |code: &KeyCode| view.key(KeyEvent::new(*code, KeyModifiers::NONE));
    codes.iter().map(press).last().unwrap()
}

fn typed(view: &mut View, text: &str) {
    text.chars().for_each(|letter| assert_eq!(press(view, &[KeyCode::Char(letter)]), Act::Nothing));
}

fn take(view: &mut View, rows: Rows) {
    let lately = LatelyView {
        until: Timestamp(0),
        span_s: 60.0,
        requests: 744,
        per_second: 12.4,
        errors_4xx: 20,
        errors_5xx: 4,
        cancelled: 0,
        p95_ms: 120.0,
        timed: 730,
    };
    let board = BoardView { lately, clients: 7, verdicts: 1, ..BoardView::default() };
    view.take(Ok(Answer { page: view.page().clone(), board, rows }), Timestamp(1_000_000));
}

fn clients(names: &[&str]) -> Rows {
    let client = |name: &&str| {
        serde_json::from_value(json!({
            "name": name, "label": null, "first_seen": "2026-11-20T14:05:00Z",
            "last_seen": "2026-11-20T14:05:00Z", "requests": 1204, "errors_4xx": 12, "errors_5xx": 0,
            "p50_ms": 12.0, "p95_ms": 1310.0, "p99_ms": 2000.0, "sessions": 1, "verdicts": [],
        }))
        .unwrap()
    };
    Rows::Clients(names.iter().map(client).collect())
}

fn routes(names: &[&str]) -> Rows {
    let route = |name: &&str| {
        serde_json::from_value(json!({
            "route": name, "requests": 9, "clients": 1, "errors_4xx": 0, "errors_5xx": 3,
            "cancelled": 0, "p50_ms": 5.0, "p95_ms": 9.0, "p99_ms": 9.0, "time_share": 1.0, "bytes": 0,
        }))
        .unwrap()
    };
    Rows::Routes(names.iter().map(route).collect())
}

#[test]
fn the_first_page_has_five_numbers_and_the_clients() {
    let mut view = View::new(String::new(), "15m".to_owned(), true);
    assert!(seen(&mut view, 100, 8).contains("asking ..."));
    take(&mut view, clients(&["key:acme", "key:evil\u{1b}[2J\u{202e}"]));
    assert_eq!(
        seen(&mut view, 100, 8),
        concat!(
            " 12.4                3.23 %              120 ms              7                   1\n",
            " requests/s in 60 s  errors of 744       p95 over 730        clients in a minute verdicts stand\n",
            "\n",
            " clients, worst first, since 15m\n",
            " client                       requests  4xx       5xx       p50       p95       what is wrong\n",
            ">key:acme                     1,204     1 %       0 %       12 ms     1.31 s\n",
            " key:evil\\x1b[2J\\u{202e}      1,204     1 %       0 %       12 ms     1.31 s\n",
            " j k move   Enter open   Esc back   / filter   q quit\n",
        )
    );
}

#[test]
fn enter_goes_down_to_an_exchange_and_esc_comes_back() {
    let mut view = View::new(String::new(), "15m".to_owned(), true);
    take(&mut view, clients(&["a", "b \"c\\"]));
    assert_eq!(press(&mut view, &[KeyCode::Char('j'), KeyCode::Enter]), Act::Ask);
    assert_eq!(view.question().filter, r#"since:15m client:"b \"c\\""#);
    take(&mut view, routes(&["GET /a", "GET /b"]));
    assert!(seen(&mut view, 100, 8).contains("b \"c\\: its routes"));
    assert_eq!(press(&mut view, &[KeyCode::Down, KeyCode::Enter]), Act::Ask);
    assert_eq!(view.question().filter, r#"since:15m client:"b \"c\\" route:"GET /b""#);
    take(&mut view, Rows::Exchanges(Vec::new()));
    assert!(seen(&mut view, 100, 8).contains("nothing matches"));
    assert_eq!(press(&mut view, &[KeyCode::Enter]), Act::Nothing, "there is none to open");
    assert_eq!(press(&mut view, &[KeyCode::Esc]), Act::Ask);
    assert_eq!((view.page(), view.chosen()), (&Page::Routes { client: "b \"c\\".to_owned() }, 1));
    assert_eq!(press(&mut view, &[KeyCode::Left]), Act::Ask);
    assert_eq!(press(&mut view, &[KeyCode::Left]), Act::Nothing);
    assert_eq!(press(&mut view, &[KeyCode::Esc]), Act::Quit);
    assert_eq!(press(&mut view, &[KeyCode::Char('q')]), Act::Quit);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(view.key(interrupt), Act::Quit);
}

#[test]
fn whoever_is_chosen_stays_chosen_when_the_order_changes() {
    let mut view = View::new(String::new(), "15m".to_owned(), true);
    take(&mut view, clients(&["a", "b", "c"]));
    press(&mut view, &[KeyCode::Char('j')]);
    take(&mut view, clients(&["c", "a", "x", "b"]));
    assert_eq!(view.chosen(), 3);
    take(&mut view, clients(&["c"]));
    assert_eq!(view.chosen(), 0);
    press(&mut view, &[KeyCode::End, KeyCode::PageDown]);
    assert_eq!(view.chosen(), 0, "there is no more");
}

#[test]
fn a_filter_is_typed_and_a_wrong_one_is_told() {
    let mut view = View::new(String::new(), "15m".to_owned(), true);
    take(&mut view, clients(&["a"]));
    typed(&mut view, "/statsu:500");
    assert!(seen(&mut view, 100, 8).contains(" filter: statsu:500"));
    assert_eq!(press(&mut view, &[KeyCode::Enter]), Act::Nothing);
    assert!(seen(&mut view, 100, 8).contains("no field is called `statsu` (column 1)"));
    press(&mut view, &[KeyCode::Backspace; 6]);
    typed(&mut view, "us:500");
    assert_eq!(press(&mut view, &[KeyCode::Enter]), Act::Ask);
    assert_eq!(view.question().filter, "since:15m (status:500)");
    take(&mut view, clients(&["a"]));
    assert!(seen(&mut view, 100, 8).contains("since 15m, where status:500"));
    typed(&mut view, "/x");
    press(&mut view, &[KeyCode::Esc]);
    assert_eq!(view.question().filter, "since:15m (status:500)", "Esc leaves it as it was");
    assert_eq!(press(&mut view, &[KeyCode::Esc]), Act::Ask, "once more takes it away");
    assert_eq!(view.question().filter, "since:15m");
}

#[test]
fn a_text_scrolls_to_its_end_and_no_further() {
    let mut view = View::new(String::new(), "15m".to_owned(), true);
    let lines = (0..20).map(|n| format!("line {n}\t\u{7}")).collect();
    take(&mut view, Rows::Text(lines));
    press(&mut view, &[KeyCode::End]);
    let text = seen(&mut view, 40, 10);
    assert!(text.contains(" line 15    \\x07\n") && text.contains(" line 19    \\x07\n"), "{text}");
    assert!(!text.contains("line 14"), "{text}");
}

#[test]
fn what_fails_is_told_and_what_was_seen_stays() {
    let mut view = View::new(String::new(), "15m".to_owned(), false);
    take(&mut view, clients(&["acme"]));
    view.take(Err(anyhow::anyhow!("the recorder broke off")), Timestamp(0));
    let text = seen(&mut view, 60, 10);
    assert!(
        text.contains("acme") && text.contains("the recorder broke off; trying again"),
        "{text}"
    );
    seen(&mut view, 1, 1);
}
