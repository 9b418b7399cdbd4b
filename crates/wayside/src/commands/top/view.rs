//! What the person sees: a stack of pages, which row is chosen, the filter; and what keys do to that.

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use wayside_console::RowView;
use wayside_exchange::filter::{Filter, quoted};
use wayside_exchange::view::{BoardView, ClientView, RouteView};
use wayside_exchange::{ExchangeId, Timestamp};

/// Rows that a page moves by.
const PAGE: usize = 10;

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// All clients.
    Clients,
    /// The routes of one.
    Routes { client: String },
    /// Its exchanges on one of them.
    Exchanges { client: String, route: String },
    /// One of these.
    Exchange { id: ExchangeId },
}

/// What a page shows.
#[derive(Clone, Debug)]
pub enum Rows {
    Clients(Vec<ClientView>),
    Routes(Vec<RouteView>),
    Exchanges(Vec<RowView>),
    Text(Vec<String>),
}

/// What is to be asked for a page.
#[derive(Clone, Debug)]
pub struct Question {
    pub page: Page,
    /// Which exchanges count.
    pub filter: String,
}

/// What came back.
pub struct Answer {
    pub page: Page,
    pub board: BoardView,
    pub rows: Rows,
}

/// What is to be done after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Nothing,
    Ask,
    Quit,
}

/// A page that is on the stack, and which of its rows is chosen.
#[derive(Clone, Debug)]
struct Opened {
    page: Page,
    chosen: usize,
}

/// Everything that is seen.
#[derive(Debug)]
pub struct View {
    stack: Vec<Opened>,
    here: Opened,
    pub(super) filter: String,
    /// The filter that is being typed.
    pub(super) typed: Option<String>,
    /// What is wrong, in words.
    pub(super) wrong: Option<String>,
    pub(super) since: String,
    pub(super) coloured: bool,
    pub(super) board: BoardView,
    /// Nothing until the first answer for this page.
    pub(super) rows: Option<Rows>,
    pub(super) asked_at: Option<Timestamp>,
}

impl View {
    pub fn new(filter: String, since: String, coloured: bool) -> Self {
        Self {
            stack: Vec::new(),
            here: Opened { page: Page::Clients, chosen: 0 },
            filter,
            typed: None,
            wrong: None,
            since,
            coloured,
            board: BoardView::default(),
            rows: None,
            asked_at: None,
        }
    }

    pub fn page(&self) -> &Page {
        &self.here.page
    }

    /// The row that is chosen; in a text the first line that is seen.
    pub fn chosen(&self) -> usize {
        self.here.chosen
    }

    /// Draws found that so many lines of a text cannot be scrolled away.
    pub(super) fn scroll_at_most(&mut self, most: usize) {
        self.here.chosen = self.here.chosen.min(most);
    }

    pub fn question(&self) -> Question {
        let mut filter = format!("since:{}", self.since);
        match &self.here.page {
            Page::Clients | Page::Exchange { .. } => {}
            Page::Routes { client } => {
                let _ = write!(filter, " client:{}", quoted(client));
            }
            Page::Exchanges { client, route } => {
                let _ = write!(filter, " client:{} route:{}", quoted(client), quoted(route));
            }
        }
        if !self.filter.trim().is_empty() {
            let _ = write!(filter, " ({})", self.filter);
        }
        Question { page: self.here.page.clone(), filter }
    }

    /// Takes what came back. Whoever was chosen stays so wherever the row is now.
    pub fn take(&mut self, answered: anyhow::Result<Answer>, now: Timestamp) {
        let answer = match answered {
            Ok(answer) => answer,
            Err(error) => {
                self.wrong = Some(format!("{error:#}"));
                return;
            }
        };
        if answer.page != self.here.page {
            return;
        }
        let known = self.rows.as_ref().and_then(|rows| rows.name(self.here.chosen));
        let places = answer.rows.len();
        if let Some(name) = known
            && let Some(place) =
                (0..places).find(|&place| answer.rows.name(place).as_ref() == Some(&name))
        {
            self.here.chosen = place;
        }
        self.here.chosen = self.here.chosen.min(places.saturating_sub(1));
        (self.board, self.rows) = (answer.board, Some(answer.rows));
        (self.wrong, self.asked_at) = (None, Some(now));
    }

    pub fn key(&mut self, key: KeyEvent) -> Act {
        if key.kind == KeyEventKind::Release {
            return Act::Nothing;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && matches!(key.code, KeyCode::Char('c' | 'd')) {
            return Act::Quit;
        }
        if let Some(typed) = self.typed.take() {
            return self.type_on(typed, key.code);
        }
        let chosen = self.here.chosen;
        let last = self.rows.as_ref().map_or(0, Rows::len).saturating_sub(1);
        self.here.chosen = match key.code {
            KeyCode::Char('q') => return Act::Quit,
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left | KeyCode::Char('h') => {
                return self.back(key.code == KeyCode::Esc);
            }
            KeyCode::Enter | KeyCode::Right | KeyCode::Char('l') => return self.open(),
            KeyCode::Char('/') => {
                self.typed = Some(self.filter.clone());
                return Act::Nothing;
            }
            KeyCode::Down | KeyCode::Char('j') => chosen + 1,
            KeyCode::Up | KeyCode::Char('k') => chosen.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => chosen + PAGE,
            KeyCode::PageUp => chosen.saturating_sub(PAGE),
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => last,
            _ => chosen,
        }
        .min(last);
        Act::Nothing
    }

    fn type_on(&mut self, mut typed: String, code: KeyCode) -> Act {
        match code {
            KeyCode::Esc => {
                self.wrong = None;
                return Act::Nothing;
            }
            KeyCode::Enter => {
                // Any moment will do to see whether it can be read.
                return match Filter::parse(&typed, Timestamp(0)) {
                    Ok(_) => {
                        (self.filter, self.wrong, self.rows) = (typed, None, None);
                        self.here.chosen = 0;
                        Act::Ask
                    }
                    Err(wrong) => {
                        self.wrong = Some(format!("{} (column {})", wrong.message, wrong.column));
                        self.typed = Some(typed);
                        Act::Nothing
                    }
                };
            }
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Char(letter) => typed.push(letter),
            _ => {}
        }
        self.typed = Some(typed);
        Act::Nothing
    }

    /// One page back; from the first one, Esc takes the filter away and then leaves.
    fn back(&mut self, escaped: bool) -> Act {
        if let Some(before) = self.stack.pop() {
            (self.here, self.rows) = (before, None);
            return Act::Ask;
        }
        if escaped && !self.filter.is_empty() {
            (self.filter, self.rows) = (String::new(), None);
            return Act::Ask;
        }
        if escaped { Act::Quit } else { Act::Nothing }
    }

    fn open(&mut self) -> Act {
        let chosen = self.here.chosen;
        let page = match (&self.here.page, &self.rows) {
            (Page::Clients, Some(Rows::Clients(rows))) => {
                rows.get(chosen).map(|row| Page::Routes { client: row.name.clone() })
            }
            (Page::Routes { client }, Some(Rows::Routes(rows))) => rows
                .get(chosen)
                .map(|row| Page::Exchanges { client: client.clone(), route: row.route.clone() }),
            (Page::Exchanges { .. }, Some(Rows::Exchanges(rows))) => {
                rows.get(chosen).map(|row| Page::Exchange { id: row.id })
            }
            _ => None,
        };
        let Some(page) = page else { return Act::Nothing };
        let before = std::mem::replace(&mut self.here, Opened { page, chosen: 0 });
        self.stack.push(before);
        self.rows = None;
        Act::Ask
    }
}

impl Rows {
    pub fn len(&self) -> usize {
        match self {
            Self::Clients(rows) => rows.len(),
            Self::Routes(rows) => rows.len(),
            Self::Exchanges(rows) => rows.len(),
            Self::Text(lines) => lines.len(),
        }
    }

    /// What tells a row from the others; lines of a text have nothing.
    fn name(&self, place: usize) -> Option<String> {
        match self {
            Self::Clients(rows) => rows.get(place).map(|row| row.name.clone()),
            Self::Routes(rows) => rows.get(place).map(|row| row.route.clone()),
            Self::Exchanges(rows) => rows.get(place).map(|row| row.id.to_string()),
            Self::Text(_) => None,
        }
    }
}
