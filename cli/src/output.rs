//! What is printed, and where.

pub(crate) mod explained;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::trouble::Trouble;

/// What there is to print on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Whether what goes to standard output is coloured.
    pub(crate) colour: bool,
    /// The same of standard error.
    pub(crate) error_colour: bool,
    /// The columns of the terminal, if it is one.
    pub(crate) width: Option<u16>,
}

impl Screen {
    /// The terminal, if there is one; `NO_COLOR` and the like are heeded.
    pub(crate) fn here() -> Self {
        let is_coloured = |choice| choice != ColorChoice::Never;
        let size =
            io::stdout().is_terminal().then(|| terminal_size::terminal_size_of(io::stdout())).flatten();
        Self {
            colour: is_coloured(AutoStream::choice(&io::stdout())),
            error_colour: is_coloured(AutoStream::choice(&io::stderr())),
            width: size.map(|(width, _)| width.0),
        }
    }
}

/// How words are set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Doubtful,
    Strong,
    Faint,
}

/// A text in a tone, where there is colour.
pub(crate) fn paint(text: &str, tone: Tone, colour: bool) -> String {
    let style = Style::new();
    let style = match tone {
        Tone::Good => style.fg_color(Some(AnsiColor::Green.into())),
        Tone::Bad => style.bold().fg_color(Some(AnsiColor::Red.into())),
        Tone::Doubtful => style.fg_color(Some(AnsiColor::Yellow.into())),
        Tone::Strong => style.bold(),
        Tone::Faint => style.dimmed(),
    };
    if colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Writes to standard output. Whoever has stopped reading, such as `head`, has seen enough.
pub(crate) fn print(text: &str) -> Result<(), Trouble> {
    written(io::stdout().lock(), text, "standard output")
}

/// Writes to standard error.
pub(crate) fn complain(text: &str) -> Result<(), Trouble> {
    written(io::stderr().lock(), text, "standard error")
}

fn written(mut to: impl Write, text: &str, name: &str) -> Result<(), Trouble> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Trouble::at(name, error)),
        _ => Ok(()),
    }
}
