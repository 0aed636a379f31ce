//! Problems as annotations of GitHub Actions: workflow commands, one in each line of the log.
//!
//! The runner takes everything from `::` to the end of the line for a command. So a line break, and in a
//! property what ends it, is written with a percent sign, as the runner undoes it (`ActionCommand` of
//! github.com/actions/runner); what a terminal acts upon is written out before.

use crate::diag::{Problem, Severity};
use crate::report::place::region;
use crate::report::printable::printable;

use super::Judged;

/// One line for each problem; nothing for none.
pub fn github(judged: &[Judged]) -> String {
    let mut text = String::new();
    for judged in judged {
        for problem in &judged.problems {
            text += &annotation(problem, judged);
        }
    }
    text
}

fn annotation(problem: &Problem, judged: &Judged) -> String {
    let command = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut message = printable(&problem.message);
    if let Some(help) = &problem.help {
        message += &format!("\nhelp: {}", printable(help));
    }
    format!(
        "::{command} {},title={}::{}\n",
        place(problem, judged),
        property(problem.code),
        data(&message)
    )
}

/// `file=…,line=…,col=…`; the ends count only in one line, and GitHub's are the last that belong to it.
fn place(problem: &Problem, judged: &Judged) -> String {
    let name = |name: &str| property(&printable(name.trim_start_matches("./")));
    let Some((source, region)) = region(&problem.label.origin, &judged.sources) else {
        return format!("file={}", name(&judged.profile));
    };
    let mut text = format!(
        "file={},line={},col={}",
        name(&source.name),
        region.line,
        region.column
    );
    if region.line == region.end_line {
        let end = (region.end_column - 1).max(region.column);
        text += &format!(",endLine={},endColumn={end}", region.end_line);
    }
    text
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_before_its_end() {
        assert_eq!(data("a%0A::b\r\n"), "a%250A::b%0D%0A");
        assert_eq!(property("a,b:c%"), "a%2Cb%3Ac%25");
    }
}
