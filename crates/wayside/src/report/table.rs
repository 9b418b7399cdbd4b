//! Tables of one line a row that fit the terminal: wide columns give way first, then the least
//! important ones are left out, and what is cut says so with `…`.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::paint::{Paint, Tone};

/// Between two columns.
const GAP: usize = 2;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    title: &'static str,
    right: bool,
    least: Option<usize>,
    rank: u8,
}

/// A cell: its text, already fit for a terminal, and what its colour says.
#[derive(Clone, Debug)]
pub struct Cell(pub String, pub Tone);

/// Columns and rows.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Column {
    /// Text, as wide as it is. Columns of a higher `rank` are left out first.
    pub fn text(title: &'static str, rank: u8) -> Self {
        Self { title, right: false, least: None, rank }
    }

    /// Figures, to the right.
    pub fn figure(title: &'static str, rank: u8) -> Self {
        Self { title, right: true, least: None, rank }
    }

    /// Text that may be cut to `least` columns.
    pub fn wide(title: &'static str, rank: u8, least: usize) -> Self {
        Self { title, right: false, least: Some(least), rank }
    }
}

impl Cell {
    /// A cell without colour.
    pub fn plain(text: impl Into<String>) -> Self {
        Self(text.into(), Tone::Plain)
    }
}

impl Table {
    /// A table without rows.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: vec![] }
    }

    /// Adds a row: a cell for each column.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Its lines: the titles, then the rows, none wider than `width`.
    pub fn lines(&self, width: usize, paint: Paint) -> Vec<String> {
        let widths = self.fit(width);
        let titles: Vec<Cell> = self
            .columns
            .iter()
            .map(|column| Cell(column.title.to_uppercase(), Tone::Faint))
            .collect();
        std::iter::once(&titles)
            .chain(&self.rows)
            .map(|row| self.line(row, &widths, paint))
            .collect()
    }

    /// How wide each column may be; none for those left out.
    fn fit(&self, width: usize) -> Vec<Option<usize>> {
        let mut widths: Vec<Option<usize>> =
            self.columns.iter().map(|c| Some(c.title.width())).collect();
        for row in &self.rows {
            for (cell, width) in row.iter().zip(&mut widths) {
                *width = Some(width.unwrap_or(0).max(cell.0.width()));
            }
        }
        loop {
            let used = total(&widths);
            if used <= width {
                return widths;
            }
            let spare = |(column, now): (&Column, &Option<usize>)| match (column.least, now) {
                (Some(least), Some(now)) => now.saturating_sub(least),
                _ => 0,
            };
            let spares: usize = self.columns.iter().zip(&widths).map(spare).sum();
            if used - width <= spares {
                self.shrink(&mut widths, used - width);
                return widths;
            }
            let kept = widths.iter().filter(|width| width.is_some()).count();
            let last = self
                .columns
                .iter()
                .zip(&widths)
                .filter(|(_, w)| w.is_some())
                .map(|(c, _)| c.rank)
                .max();
            if kept <= 1 {
                return widths.iter().map(|w| w.map(|w| w.min(width))).collect();
            }
            let position = self
                .columns
                .iter()
                .zip(&widths)
                .rposition(|(column, width)| width.is_some() && Some(column.rank) == last);
            if let Some(slot) = position.and_then(|position| widths.get_mut(position)) {
                *slot = None;
            }
        }
    }

    /// Takes `excess` columns from the widest of those that may give, one by one.
    fn shrink(&self, widths: &mut [Option<usize>], excess: usize) {
        for _ in 0..excess {
            let widest = self
                .columns
                .iter()
                .zip(widths.iter_mut())
                .filter_map(|(column, width)| Some((column.least?, width.as_mut()?)))
                .filter(|(least, width)| **width > *least)
                .max_by_key(|(_, width)| **width);
            if let Some((_, width)) = widest {
                *width -= 1;
            }
        }
    }

    fn line(&self, row: &[Cell], widths: &[Option<usize>], paint: Paint) -> String {
        let mut line = String::new();
        // Spaces are written before the next text, so that no line ends in them.
        let mut owed = 0;
        for ((column, cell), width) in self.columns.iter().zip(row).zip(widths) {
            let Some(width) = *width else { continue };
            let text = cut(&cell.0, width);
            let padding = width - text.width().min(width);
            let (before, after) = if column.right { (padding, 0) } else { (0, padding) };
            if text.is_empty() {
                owed += width + GAP;
                continue;
            }
            line.extend(std::iter::repeat_n(' ', owed + before));
            line.push_str(&paint.tone(cell.1, &text));
            owed = after + GAP;
        }
        line
    }
}

fn total(widths: &[Option<usize>]) -> usize {
    let kept = widths.iter().flatten();
    kept.clone().sum::<usize>() + GAP * kept.count().saturating_sub(1)
}

/// `text` in at most `width` columns; its end gives way to `…`.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(vec![
            Column::text("id", 0),
            Column::wide("client", 2, 8),
            Column::wide("url", 1, 12),
            Column::figure("status", 1),
            Column::figure("time", 3),
        ]);
        for (id, url) in [("0q7x", "/orders/17"), ("0q7y", "/a/very/long/path/that/goes/on?and=on")]
        {
            table.row(vec![
                Cell::plain(id),
                Cell::plain("key:3f9a1c22aa01"),
                Cell::plain(url),
                Cell(String::from("500"), Tone::Bad),
                Cell::plain("12.4 ms"),
            ]);
        }
        table
    }

    #[test]
    fn a_table_fits_every_width() {
        for width in [1, 5, 10, 20, 40, 57, 80, 200] {
            for line in table().lines(width, Paint::plain()) {
                assert!(line.width() <= width, "{width}: {line:?}");
                assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn on_a_narrow_terminal_wide_columns_give_way_and_unimportant_ones_are_left_out() {
        assert_eq!(
            table().lines(40, Paint::plain()),
            [
                "ID    CLIENT        URL           STATUS",
                "0q7x  key:3f9a1c2…  /orders/17       500",
                "0q7y  key:3f9a1c2…  /a/very/lon…     500",
            ]
        );
    }

    #[test]
    fn on_a_wide_terminal_nothing_is_cut() {
        assert_eq!(
            table().lines(200, Paint::plain()),
            [
                "ID    CLIENT            URL                                    STATUS     TIME",
                "0q7x  key:3f9a1c22aa01  /orders/17                                500  12.4 ms",
                "0q7y  key:3f9a1c22aa01  /a/very/long/path/that/goes/on?and=on     500  12.4 ms",
            ]
        );
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(cut("東京都庁", 5), "東京…");
        assert_eq!(cut("abc", 0), "");
    }
}
