//! Columns of text.

use crate::paint::{Colour, Paint};

const GAP: &str = "  ";

/// Rows of cells, each column as wide as its widest cell.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    cells: Vec<Cell>,
    /// A line of its own below the row, for what is too long for a column.
    note: Option<String>,
}

/// One cell: text without line breaks or other control characters, which come from Batch or a payload.
#[derive(Debug)]
pub(crate) struct Cell {
    text: String,
    colour: Colour,
}

impl Cell {
    pub(crate) fn new(colour: Colour, text: &str) -> Self {
        Self { text: clean(text), colour }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(Colour::Plain, text)
    }
}

impl Table {
    /// A table with a row of column titles.
    pub(crate) fn with_titles<const N: usize>(titles: [&str; N]) -> Self {
        let mut table = Self::default();
        table.row(titles.map(|title| Cell::new(Colour::Dim, title)), None);
        table
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N], note: Option<&str>) {
        self.rows.push(Row { cells: cells.into(), note: note.map(clean) });
    }

    /// The table's lines; nothing stands behind the last cell of a line.
    pub(crate) fn lines(&self, paint: Paint) -> Vec<String> {
        let widths = self.widths();
        // A note starts at the second column.
        let margin = widths.first().map_or(0, |width| width + GAP.len());
        let mut lines = Vec::new();
        for row in &self.rows {
            lines.push(line(&row.cells, &widths, paint));
            if let Some(note) = &row.note {
                lines.push(format!("{:margin$}{}", "", paint.paint(Colour::Dim, note)));
            }
        }
        lines
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(row.cells.len().max(widths.len()), 0);
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = cell.width().max(*width);
            }
        }
        widths
    }
}

fn line(cells: &[Cell], widths: &[usize], paint: Paint) -> String {
    let mut line = String::new();
    // Padding is written only once something follows it.
    let mut due = 0;
    for (cell, width) in cells.iter().zip(widths) {
        if !cell.text.is_empty() {
            line.push_str(&" ".repeat(due));
            line.push_str(&paint.paint(cell.colour, &cell.text));
            due = 0;
        }
        due += width - cell.width() + GAP.len();
    }
    line
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
