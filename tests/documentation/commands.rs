//! Each block of commands is run by a test, or says that it needs an account.

use std::fs;
use std::path::Path;

use crate::pages::{Block, blocks, pages, read, root};

const ACCOUNT: &str = "needs an AWS account";

/// All code that may run a block by its name.
fn tests() -> String {
    fn gather(folder: &Path, text: &mut String) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                gather(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "py") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    for folder in ["tests", "cli/tests"] {
        gather(&root().join(folder), &mut text);
    }
    text
}

#[test]
fn each_block_of_commands_is_tested_or_needs_an_account() {
    let tests = tests();
    let mut tested = 0;
    for block in pages().iter().flat_map(|page| blocks(page)).filter(|block| block.language == "sh") {
        if block.is(ACCOUNT) {
            continue;
        }
        let names: Vec<_> = block.marks.iter().filter_map(|mark| mark.split_once(": ")).collect();
        assert_eq!(names.len(), 1, "{}: mark it, as <!-- {ACCOUNT} --> or by a test", block.place);
        match names[0] {
            ("test", "commands") => check(&block),
            ("test" | "e2e", name) => {
                assert!(tests.contains(&format!("\"{name}\"")), "{}: no test knows {name}", block.place);
            }
            (other, _) => panic!("{}: {other} is no test", block.place),
        }
        tested += 1;
    }
    assert!(tested >= 8, "{tested}");
}

/// Each line names what is there: commands that take too long to be run once more, or that are all of the tests.
fn check(block: &Block) {
    let text = block.text.replace("\\\n", " ");
    let commands = text.lines().map(|line| line.split(" # ").next().unwrap().trim());
    let exists = |path: String| root().join(path).exists();
    for command in commands.filter(|command| !command.is_empty()) {
        let words: Vec<_> = command.split_whitespace().collect();
        let given = |flags: &[&str]| {
            let at = words.iter().position(|word| flags.contains(word))?;
            Some(words[at + 1])
        };
        let is_there = match words.as_slice() {
            ["just", recipe, ..] => read("justfile").lines().any(|line| {
                line.strip_prefix(recipe)
                    .is_some_and(|rest| rest.starts_with([':', ' ']) && rest.contains(':'))
            }),
            ["cargo", "install", ..] => true,
            ["cargo", "run" | "test" | "clippy" | "fmt", ..] => {
                let package = given(&["-p", "--package"])
                    .is_none_or(|name| exists(format!("{name}/Cargo.toml")) || name == "batch-cancel");
                let example = given(&["--example"]).is_none_or(|name| exists(format!("examples/{name}")));
                let suite = given(&["--test"]).is_none_or(|name| {
                    exists(format!("tests/{name}.rs")) || exists(format!("tests/{name}/main.rs"))
                });
                package && example && suite
            }
            ["bash", script, ..] | [script, ..] => exists((*script).to_owned()),
            [] => false,
        };
        assert!(is_there, "{}: {command}", block.place);
    }
}

#[test]
fn each_link_of_a_page_leads_somewhere() {
    for page in pages() {
        let text = read(&page);
        let folder = root().join(&page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") {
                continue;
            }
            let target = if file.is_empty() { root().join(&page) } else { folder.join(file) };
            assert!(target.exists(), "{page}: {link}");
            let is_page = target.extension().is_some_and(|extension| extension == "md");
            if !anchor.is_empty() && is_page {
                let slug = |line: &str| {
                    let kept = line.trim_start_matches('#').trim().to_lowercase();
                    kept.replace(' ', "-")
                        .chars()
                        .filter(|c| c.is_alphanumeric() || "-_".contains(*c))
                        .collect::<String>()
                };
                let text = fs::read_to_string(&target).unwrap();
                let is_there =
                    text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
                assert!(is_there, "{page}: {link}");
            }
        }
    }
}
