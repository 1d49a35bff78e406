//! The pages, and the blocks in them.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The pages at the root and in `docs`.
pub(crate) fn pages() -> Vec<String> {
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let files = |folder: &str| {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(is_page).collect::<Vec<_>>()
    };
    let mut pages: Vec<_> = [files(""), files("docs")]
        .concat()
        .iter()
        .map(|path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned())
        .collect();
    pages.sort();
    assert!(pages.len() >= 10, "{pages:?}");
    pages
}

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// The page and the line of the fence, for messages.
    pub(crate) place: String,
    /// The heading that it stands under.
    pub(crate) heading: String,
    /// What the comments on the lines before say.
    pub(crate) marks: Vec<String>,
    /// What follows the fence.
    pub(crate) language: String,
    pub(crate) text: String,
}

pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let text = read(page);
    let mut blocks: Vec<Block> = Vec::new();
    let (mut heading, mut marks, mut open) = ("", Vec::new(), false);
    for (number, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(language) => {
                open = true;
                blocks.push(Block {
                    place: format!("{page}:{}", number + 1),
                    heading: heading.to_owned(),
                    marks: std::mem::take(&mut marks),
                    language: language.to_owned(),
                    text: String::new(),
                });
            }
            None if open => blocks.last_mut().unwrap().text.push_str(&[line, "\n"].concat()),
            None if line.starts_with("## ") => heading = &line[3..],
            None => {}
        }
        match line.strip_prefix("<!-- ").and_then(|mark| mark.strip_suffix(" -->")) {
            Some(mark) if !open => marks.push(mark.to_owned()),
            _ => marks.clear(),
        }
    }
    assert!(!open, "{page} ends within a block");
    blocks
}

impl Block {
    pub(crate) fn is(&self, mark: &str) -> bool {
        self.marks.iter().any(|known| known == mark)
    }
}
