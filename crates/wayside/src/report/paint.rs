//! Colours: only on a terminal, never with `NO_COLOR` (no-color.org) or on a dumb terminal.

use std::io::IsTerminal;

/// Wraps text in colour, or leaves it alone.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    colours: bool,
}

/// What a text is meant to say by its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Look here.
    Warning,
    /// Something is wrong.
    Bad,
    /// Less important than the rest.
    Faint,
    /// More important than the rest.
    Strong,
}

impl Paint {
    /// Without colours.
    pub fn plain() -> Self {
        Self { colours: false }
    }

    /// As `stream` and the environment wish.
    pub fn on(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colours: stream.is_terminal() && !refused }
    }

    /// Whether there are colours at all.
    pub fn coloured(self) -> bool {
        self.colours
    }

    /// `text` in the colour of `tone`.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// For what is wrong.
    pub fn red(self, text: &str) -> String {
        self.tone(Tone::Bad, text)
    }

    /// For what is well.
    pub fn green(self, text: &str) -> String {
        self.tone(Tone::Good, text)
    }

    /// For what matters less.
    pub fn faint(self, text: &str) -> String {
        self.tone(Tone::Faint, text)
    }

    /// For what matters more.
    pub fn strong(self, text: &str) -> String {
        self.tone(Tone::Strong, text)
    }
}
