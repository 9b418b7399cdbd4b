//! Puts the view on the screen. Whatever comes from traffic is escaped on its way.

use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table, TableState};
use wayside_console::RowView;
use wayside_exchange::Timestamp;
use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::{BoardView, ClientView, RouteView};

use super::view::{Page, Rows, View};
use crate::report::figures::{ago, clock, count, duration, milliseconds, share};
use crate::report::paint::Tone;
use crate::report::rows::{ending, request};

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, view: &mut View, now: Timestamp) {
    let [numbers, title, rows, below] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    five_numbers(frame, numbers, view);
    frame.render_widget(Paragraph::new(heading(view)), title);
    match view.rows.take() {
        None => frame.render_widget(Paragraph::new("  asking ..."), rows),
        Some(shown) => {
            page(frame, rows, view, &shown, now);
            view.rows = Some(shown);
        }
    }
    frame.render_widget(Paragraph::new(footer(view, now)), below);
}

/// Each with over what, and over how many.
fn five_numbers(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let BoardView { lately, clients, verdicts, .. } = &view.board;
    let errors = lately.errors_4xx + lately.errors_5xx;
    let span = format!("in {:.0} s", lately.span_s);
    let numbers = [
        (format!("{:.1}", lately.per_second), "requests/s", span.clone()),
        (share(errors, lately.requests), "errors", format!("of {}", count(lately.requests))),
        (milliseconds(lately.p95_ms), "p95", format!("over {}", count(lately.timed))),
        (count(*clients), "clients", "in a minute".to_owned()),
        (count(*verdicts), "verdicts", "stand".to_owned()),
    ];
    let places = Layout::horizontal([Constraint::Fill(1); 5]).split(area);
    for ((number, what, over), place) in numbers.into_iter().zip(places.iter()) {
        let bad = what == "verdicts" && *verdicts > 0;
        let tone = if bad { Tone::Bad } else { Tone::Strong };
        let lines = [
            Line::from(Span::styled(format!(" {number}"), view.style(tone))),
            Line::from(Span::styled(format!(" {what} {over}"), view.style(Tone::Faint))),
        ];
        frame.render_widget(Paragraph::new(lines.to_vec()), *place);
    }
}

/// Where we are.
fn heading(view: &View) -> Line<'static> {
    let place = match view.page() {
        Page::Clients => "clients, worst first".to_owned(),
        Page::Routes { client } => format!("{}: its routes", for_terminal(client)),
        Page::Exchanges { client, route } => {
            format!("{} on {}: newest first", for_terminal(client), for_terminal(route))
        }
        Page::Exchange { id } => format!("exchange {id}"),
    };
    let mut words = format!(" {place}");
    if !matches!(view.page(), Page::Exchange { .. }) {
        let _ = write!(words, ", since {}", for_terminal(&view.since));
        if !view.filter.is_empty() {
            let _ = write!(words, ", where {}", for_terminal(&view.filter));
        }
    }
    Line::from(Span::styled(words, view.style(Tone::Strong)))
}

fn footer(view: &View, now: Timestamp) -> Line<'static> {
    if let Some(typed) = &view.typed {
        let wrong = view.wrong.as_ref().map(|wrong| format!("   {}", for_terminal(wrong)));
        return Line::from(vec![
            Span::styled(
                format!(" filter: {}\u{2588}", for_terminal(typed)),
                view.style(Tone::Strong),
            ),
            Span::styled(wrong.unwrap_or_default(), view.style(Tone::Bad)),
        ]);
    }
    if let Some(wrong) = &view.wrong {
        let words = format!(" {}; trying again", for_terminal(wrong));
        return Line::from(Span::styled(words, view.style(Tone::Bad)));
    }
    let old = match view.asked_at {
        Some(at) if now.since(at).0 > 3_000_000 => format!("   as of {}", ago(at, now)),
        _ => String::new(),
    };
    let keys = match view.page() {
        Page::Exchange { .. } => " j k scroll   Esc back   q quit",
        _ => " j k move   Enter open   Esc back   / filter   q quit",
    };
    Line::from(Span::styled(format!("{keys}{old}"), view.style(Tone::Faint)))
}

fn page(frame: &mut Frame<'_>, area: Rect, view: &mut View, rows: &Rows, now: Timestamp) {
    let (titles, widths, lines): (&[&str], Vec<Constraint>, Vec<Row<'static>>) = match rows {
        Rows::Text(lines) => return text(frame, area, view, lines),
        Rows::Clients(rows) => (
            &["client", "requests", "4xx", "5xx", "p50", "p95", "what is wrong"],
            columns(&[28, 9, 9, 9, 9, 9]),
            rows.iter().map(|row| client(view, row)).collect(),
        ),
        Rows::Routes(rows) => (
            &["requests", "4xx", "5xx", "given up", "p50", "p95", "route"],
            columns(&[9, 9, 9, 9, 9, 9]),
            rows.iter().map(|row| route(view, row)).collect(),
        ),
        Rows::Exchanges(rows) => (
            &["id", "started", "took", "ended", "request"],
            columns(&[14, 12, 9, 12]),
            rows.iter().map(|row| exchange(view, row, now)).collect(),
        ),
    };
    if lines.is_empty() {
        frame.render_widget(Paragraph::new("  nothing matches"), area);
        return;
    }
    let header = Row::new(titles.iter().map(|title| Cell::from((*title).to_owned())));
    let table = Table::new(lines, widths)
        .header(header.style(view.style(Tone::Faint)))
        .column_spacing(1)
        .highlight_symbol(">")
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = TableState::new().with_selected(view.chosen());
    frame.render_stateful_widget(table, area, &mut state);
}

/// Columns of these widths, and one that takes the rest.
fn columns(widths: &[u16]) -> Vec<Constraint> {
    let fixed = widths.iter().map(|width| Constraint::Length(*width));
    fixed.chain([Constraint::Fill(1)]).collect()
}

fn client(view: &View, row: &ClientView) -> Row<'static> {
    let name = row.label.as_deref().unwrap_or(&row.name);
    let verdict = row.verdicts.first();
    let words = verdict.map(|verdict| for_terminal(&verdict.sentence).into_owned());
    let tone = if verdict.is_some() { Tone::Warning } else { Tone::Plain };
    Row::new(vec![
        Cell::from(Span::styled(for_terminal(name).into_owned(), view.style(tone))),
        Cell::from(count(row.requests)),
        errors(view, row.errors_4xx, row.requests),
        errors(view, row.errors_5xx, row.requests),
        Cell::from(milliseconds(row.p50_ms)),
        Cell::from(milliseconds(row.p95_ms)),
        Cell::from(words.unwrap_or_default()),
    ])
}

fn route(view: &View, row: &RouteView) -> Row<'static> {
    Row::new(vec![
        Cell::from(count(row.requests)),
        errors(view, row.errors_4xx, row.requests),
        errors(view, row.errors_5xx, row.requests),
        errors(view, row.cancelled, row.requests),
        Cell::from(milliseconds(row.p50_ms)),
        Cell::from(milliseconds(row.p95_ms)),
        Cell::from(for_terminal(&row.route).into_owned()),
    ])
}

fn exchange(view: &View, row: &RowView, now: Timestamp) -> Row<'static> {
    let (ended, tone) = ending(row);
    Row::new(vec![
        Cell::from(row.id.to_string()),
        Cell::from(clock(row.started_at, now)),
        Cell::from(duration(row.timing.total)),
        Cell::from(Span::styled(ended, view.style(tone))),
        Cell::from(for_terminal(&request(row)).into_owned()),
    ])
}

fn errors(view: &View, part: u64, whole: u64) -> Cell<'static> {
    let tone = if part > 0 { Tone::Bad } else { Tone::Faint };
    Cell::from(Span::styled(share(part, whole), view.style(tone)))
}

fn text(frame: &mut Frame<'_>, area: Rect, view: &mut View, lines: &[String]) {
    view.scroll_at_most(lines.len().saturating_sub(usize::from(area.height)));
    let seen = lines.iter().skip(view.chosen()).take(usize::from(area.height));
    let seen: Vec<Line<'_>> = seen
        .map(|line| Line::from(format!(" {}", for_terminal(&line.replace('\t', "    ")))))
        .collect();
    frame.render_widget(Paragraph::new(seen), area);
}

impl View {
    fn style(&self, tone: Tone) -> Style {
        let style = Style::new();
        match tone {
            Tone::Faint => style.add_modifier(Modifier::DIM),
            Tone::Good if self.coloured => style.fg(Color::Green),
            Tone::Warning if self.coloured => style.fg(Color::Yellow),
            Tone::Bad if self.coloured => style.fg(Color::Red),
            Tone::Strong | Tone::Warning | Tone::Bad => style.add_modifier(Modifier::BOLD),
            Tone::Plain | Tone::Good => style,
        }
    }
}
