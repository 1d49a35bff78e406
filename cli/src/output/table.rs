//! The results of a check, for people.

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};

use super::text::{self, counted, paragraph};
use super::{Screen, Tone, paint};
use crate::check::{Checked, Checking};
use crate::lint::{Level, Warning};
use crate::trouble::on_one_line;
use batch_canceller::policy::Effect;

/// A row for each case, then what there is to say of those that differ or matched nothing, then the counts.
pub(crate) fn checked(checked: &Checked<'_>, screen: Screen) -> String {
    let mut table = plain(screen);
    table.set_header(
        ["CASE", "DECISION", "CLAUSE", ""].map(|title| Cell::new(title).add_attribute(Attribute::Dim)),
    );
    for result in &checked.results {
        let decision = match result.decision {
            Effect::Allow => Color::DarkGreen,
            Effect::Deny => Color::DarkYellow,
        };
        let verdict = if result.passed {
            Cell::new("pass").fg(Color::DarkGreen)
        } else {
            Cell::new("FAIL").fg(Color::DarkRed).add_attribute(Attribute::Bold)
        };
        table.add_row([
            Cell::new(on_one_line(&result.case.name)),
            Cell::new(result.decision).fg(decision),
            Cell::new(result.clause),
            verdict,
        ]);
    }
    let mut out = lines(&mut table);
    for result in &checked.results {
        if !result.passed || result.cause.is_some() {
            out.push('\n');
            out.push_str(&about(checked, result, screen));
        }
    }
    out.push('\n');
    out.push_str(&summary(checked, screen));
    out
}

fn about(checked: &Checked<'_>, result: &Checking<'_>, screen: Screen) -> String {
    let case = result.case;
    let name = paint(&on_one_line(&case.name), Tone::Strong, screen.colour);
    let place = paint(&format!("({}:{})", checked.file, case.line), Tone::Faint, screen.colour);
    let mut out = format!("{name} {place}\n");
    if !result.passed {
        out.push_str(&paragraph(&text::difference(result), screen.width));
    }
    if let Some(cause) = &result.cause {
        out.push_str(&paragraph(&text::cause(cause), screen.width));
    }
    out
}

fn summary(checked: &Checked<'_>, screen: Screen) -> String {
    let (all, failed) = (checked.results.len(), checked.failed());
    let verdict = if failed == 0 {
        paint("all as expected", Tone::Good, screen.colour)
    } else {
        paint(&format!("{failed} not as expected"), Tone::Bad, screen.colour)
    };
    let warned = match checked.warned() {
        0 => String::new(),
        warned => format!("; {}", paint(&counted(warned, "warning"), Tone::Doubtful, screen.colour)),
    };
    format!("{}: {verdict}{warned}\n", counted(all, "case"))
}

/// Warnings, each with its place, what it means and the remedy.
pub(crate) fn warnings(warnings: &[Warning], screen: Screen) -> String {
    let one = |warning: &Warning| {
        let tone = if warning.level == Level::Warning { Tone::Doubtful } else { Tone::Faint };
        let level = paint(&warning.level.to_string(), tone, screen.colour);
        let place = paint(&warning.place, Tone::Strong, screen.colour);
        let what = paragraph(&format!("{}. Remedy: {}.", warning.what, warning.remedy), screen.width);
        format!("{level}: {place} (`{}`)\n{what}", warning.clause)
    };
    warnings.iter().map(one).collect()
}

/// A table without lines, as wide as the terminal at most.
pub(super) fn plain(screen: Screen) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match screen.width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    if screen.colour {
        table.enforce_styling().style_text_only();
    } else {
        table.force_no_tty();
    }
    table
}

/// A table's lines, with nothing behind the last cell.
pub(super) fn lines(table: &mut Table) -> String {
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    table.lines().flat_map(|line| [line.trim_end().to_owned(), "\n".into()]).collect()
}

#[cfg(test)]
mod tests {
    use batch_canceller::policy::Policy;

    use super::*;
    use crate::cases;
    use crate::check::check;
    use crate::input::Text;

    fn printed(screen: Screen) -> (String, String) {
        let policy = r#"{"deny": [{"id": "protected-by-its-team",
            "when": {"job": {"tags": {"keep": [{"anything-but": "no"}]}}}}]}"#;
        let policy = Policy::parse(policy).unwrap();
        let text = r#"{"name": "a job that somebody keeps is not stopped\nby anybody", "input": {},
                       "expect": {"decision": "deny"}}"#;
        let text = Text { name: "cases.json".into(), text: text.into() };
        let cases = cases::read(&text, &policy).unwrap();
        let results = check(&policy, &text.name, &cases);
        (checked(&results, screen), warnings(&results.warnings, screen))
    }

    #[test]
    fn a_table_is_plain_where_there_is_no_terminal() {
        let (table, warnings) = printed(Screen { colour: false, width: None });
        let lines: Vec<_> = table.lines().collect();
        let name = "a job that somebody keeps is not stopped by anybody";
        assert_eq!(lines[1], format!("{name}  allow     implicitAllow  FAIL"));
        assert_eq!(lines[3], format!("{name} (cases.json:1)"));
        assert_eq!(lines[4], "  expected deny, got allow by `implicitAllow`");
        assert!(
            lines[5].starts_with("  nearest deny is `protected-by-its-team`: job.tags.keep is absent"),
            "{table}"
        );
        assert_eq!(lines[7], "1 case: 1 not as expected; 1 warning");
        assert!(!table.contains('\x1b') && !warnings.contains('\x1b'));
        assert!(table.lines().all(|line| line == line.trim_end()), "{table:?}");
        assert_eq!(warnings.lines().count(), 2, "{warnings}");
    }

    #[test]
    fn a_terminal_gets_colour_and_no_line_that_is_too_long() {
        let (table, warnings) = printed(Screen { colour: true, width: Some(50) });
        assert!(table.contains("\x1b[") && warnings.contains("\x1b["), "{table:?}");
        let (table, _) = printed(Screen { colour: false, width: Some(50) });
        let table = table.replace("a job that somebody keeps is not stopped by anybody (cases.json:1)", "");
        assert!(table.lines().all(|line| line.chars().count() <= 50), "{table}");
    }
}
