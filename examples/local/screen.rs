//! What there is to print on, and how tables, paragraphs and JSON look there.
//!
//! Texts come from Batch and from payloads: nothing here lets a control character of theirs through.

use std::fmt::Write;
use std::io::{self, IsTerminal};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, presets};
use terminal_size::Width;

/// The columns there are where it is not a terminal.
const COLUMNS: u16 = 100;

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    colour: bool,
    width: u16,
}

/// How words are set off.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Strong,
    Faint,
    Good,
    Doubtful,
    Bad,
}

/// A text for a table, and its tone.
pub(crate) type Toned = (String, Tone);

impl Screen {
    /// Coloured on a terminal only, and not where `NO_COLOR` and the like object.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let colour = AutoStream::choice(&stdout) != ColorChoice::Never;
        let size = stdout.is_terminal().then(|| terminal_size::terminal_size_of(&stdout)).flatten();
        Self { colour, width: size.map_or(COLUMNS, |(Width(width), _)| width) }
    }

    /// A text in a tone.
    pub(crate) fn paint(self, text: &str, tone: Tone) -> String {
        let text = on_one_line(text);
        let style = match tone {
            Tone::Plain => return text,
            Tone::Strong => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
            Tone::Doubtful => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            Tone::Bad => Style::new().fg_color(Some(AnsiColor::Red.into())),
        };
        if self.colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text }
    }

    /// Painted pieces as one paragraph, broken where the terminal ends.
    pub(crate) fn paragraph(self, pieces: &[(&str, Tone)]) -> String {
        let text: String = pieces.iter().map(|(text, tone)| self.paint(text, *tone)).collect();
        let options = textwrap::Options::new(usize::from(self.width))
            // A name with a hyphen stays whole.
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        textwrap::fill(&text, options)
    }

    /// Rows below their titles, as wide as the terminal at most, without the columns in which nothing stands.
    pub(crate) fn table<const N: usize>(self, titles: [&str; N], rows: &[[Toned; N]]) -> String {
        let used = (0..N)
            .map(|column| rows.iter().any(|row| row.get(column).is_some_and(|(text, _)| !text.is_empty())));
        let used: Vec<_> = used.collect();
        let kept = |cells: Vec<Cell>| -> Vec<_> {
            cells.into_iter().zip(&used).filter_map(|(cell, used)| used.then_some(cell)).collect()
        };
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(self.width);
        if self.colour {
            table.enforce_styling().style_text_only();
        } else {
            table.force_no_tty();
        }
        let titles = titles.map(|title| Cell::new(title).add_attribute(Attribute::Dim));
        table.set_header(kept(titles.into()));
        for row in rows {
            table.add_row(kept(row.iter().map(cell).collect()));
        }
        let last = table.column_count().saturating_sub(1);
        for (place, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if place < last { 2 } else { 0 }));
        }
        // What the first column names stays whole, unless that leaves too little to the others.
        let named = rows.iter().filter_map(|row| row.first()).map(|(text, _)| text.chars().count()).max();
        if named.is_some_and(|named| named <= usize::from(self.width) * 2 / 5)
            && let Some(first) = table.column_mut(0)
        {
            first.set_constraint(ColumnConstraint::ContentWidth);
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }
}

fn cell((text, tone): &Toned) -> Cell {
    let cell = Cell::new(on_one_line(text));
    match tone {
        Tone::Plain => cell,
        _ if text.is_empty() => cell,
        Tone::Strong => cell.add_attribute(Attribute::Bold),
        Tone::Faint => cell.add_attribute(Attribute::Dim),
        Tone::Good => cell.fg(Color::DarkGreen),
        Tone::Doubtful => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed),
    }
}

/// A text without line breaks or other control characters.
pub(crate) fn on_one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// JSON without control characters but its own line breaks: those within strings, which JSON lets stand as they are from
/// U+007F on, are escaped.
pub(crate) fn escaped(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_control() && letter != '\n' {
            // A string takes whatever is written.
            let _ = write!(safe, "\\u{:04x}", u32::from(letter));
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// A count and what is counted.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
