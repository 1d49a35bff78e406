//! What is printed, and where.

pub(crate) mod explained;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod swept;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use terminal_size::{Height, Width};

use crate::trouble::Trouble;

/// What there is to print on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    pub(crate) colour: bool,
    /// The columns of the terminal, if it is one.
    pub(crate) width: Option<u16>,
}

impl Screen {
    pub(crate) fn stdout() -> Self {
        let size = || terminal_size::terminal_size_of(io::stdout());
        Self::of(&io::stdout(), AutoStream::choice(&io::stdout()), size)
    }

    pub(crate) fn stderr() -> Self {
        let size = || terminal_size::terminal_size_of(io::stderr());
        Self::of(&io::stderr(), AutoStream::choice(&io::stderr()), size)
    }

    /// Coloured on a terminal only, and not where `NO_COLOR` and the like object.
    fn of(
        stream: &impl IsTerminal,
        choice: ColorChoice,
        size: impl FnOnce() -> Option<(Width, Height)>,
    ) -> Self {
        let is_terminal = stream.is_terminal();
        let width = is_terminal.then(size).flatten().map(|(Width(width), _)| width);
        Self { colour: choice != ColorChoice::Never, width }
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
