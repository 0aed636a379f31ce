//! Problems as text: each under the line that made it; and for machines, as JSON, SARIF and annotations of
//! GitHub.

mod excerpt;
mod github;
mod json;
mod sarif;

use std::collections::HashMap;
use std::fmt;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, ThemeStyles};

use crate::diag::{FileId, Label, Origin, Problem, Severity, Sources};
use crate::report::printable::printable;
use excerpt::Excerpt;
pub use github::github;
pub(super) use json::{ProblemJson, problem_json};
pub use json::{json, json_schema};
pub use sarif::sarif;

/// One profile that was judged, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The profile, as it was named.
    pub profile: String,
    /// In file order.
    pub problems: Vec<Problem>,
    /// The files of the profile.
    pub sources: Sources,
}

/// How a report is drawn. It depends on nothing but this and the problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether it has colours.
    pub colour: Colour,
    /// With which characters lines are drawn.
    pub drawing: Drawing,
    /// Columns, at which messages are broken; source lines are not.
    pub width: usize,
}

/// Whether a report has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// The eight of every terminal (ECMA-48).
    Ansi,
    /// None: no escape sequence at all.
    None,
}

/// The characters of a report's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// Box drawing characters.
    Unicode,
    /// For terminals and files that know nothing else.
    Ascii,
}

impl Style {
    /// For a file, a pipe, a log: the same everywhere.
    pub const PLAIN: Style = Style {
        colour: Colour::None,
        drawing: Drawing::Unicode,
        width: 100,
    };

    /// A text by an attribute of ECMA-48 (`1` is bold), where there are colours.
    pub fn paint(&self, code: &str, text: &str) -> String {
        match self.colour {
            Colour::None => text.to_owned(),
            Colour::Ansi => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    /// For a terminal of so many columns.
    pub fn terminal(columns: usize) -> Style {
        Style {
            colour: Colour::Ansi,
            drawing: Drawing::Unicode,
            width: columns.clamp(40, 120),
        }
    }
}

/// More problems than these are counted, not shown: nobody reads them.
const SHOWN: usize = 100;

/// All of `problems`, which are in file order, and a line that counts them; nothing for none.
///
/// Whatever stands in a profile, the text holds no control character of it.
pub fn render(problems: &[Problem], sources: &Sources, style: Style) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let mut excerpts = Excerpts {
        sources,
        made: HashMap::new(),
    };
    let handler = handler(style);
    let mut text = String::new();
    for problem in problems.iter().take(SHOWN) {
        excerpts.prepare(problem);
        text.push_str(&drawn(&Report::new(problem, &excerpts), &handler));
        text.push('\n');
    }
    if problems.len() > SHOWN {
        let more = problems.len() - SHOWN;
        text.push_str(&format!("{more} more are not shown\n"));
    }
    text.push_str(&summary(problems, sources));
    text.push('\n');
    text
}

/// One problem in its frame, without spaces at the ends of lines.
fn drawn(report: &Report<'_>, handler: &GraphicalReportHandler) -> String {
    let mut text = String::new();
    if handler.render_report(&mut text, report).is_err() {
        // The frame could not be drawn; the message must not be lost with it.
        return format!("{report}\n");
    }
    let lines = text.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

fn handler(style: Style) -> GraphicalReportHandler {
    let mut theme = match style.drawing {
        Drawing::Unicode => GraphicalTheme::unicode(),
        Drawing::Ascii => GraphicalTheme::ascii(),
    };
    if style.colour == Colour::None {
        theme.styles = ThemeStyles::none();
    }
    GraphicalReportHandler::new_themed(theme)
        .with_width(style.width)
        .with_context_lines(1)
        .with_links(false)
        .with_break_words(false)
        .with_show_related_as_nested(true)
        .without_syntax_highlighting()
}

/// `2 errors, 1 warning in profiles/dev.toml`.
fn summary(problems: &[Problem], sources: &Sources) -> String {
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning")];
    let counts = counts.iter().filter_map(|(severity, noun)| {
        let count = problems.iter().filter(|p| p.severity == *severity).count();
        match count {
            0 => None,
            1 => Some(format!("1 {noun}")),
            _ => Some(format!("{count} {noun}s")),
        }
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    let mut files: Vec<FileId> = problems
        .iter()
        .filter_map(|problem| place(&problem.label).map(|(file, _)| file))
        .collect();
    files.sort();
    files.dedup();
    match files.as_slice() {
        [] => counts,
        [file] => match sources.file(*file) {
            Some(source) => format!("{counts} in {}", printable(&source.name)),
            None => counts,
        },
        several => format!("{counts} in {} files", several.len()),
    }
}

fn place(label: &Label) -> Option<(FileId, usize)> {
    match &label.origin {
        Origin::Profile { file, span } => Some((*file, span.start)),
        Origin::Default | Origin::CommandLine => None,
    }
}

/// The files that were needed so far, made fit for showing.
struct Excerpts<'a> {
    sources: &'a Sources,
    made: HashMap<FileId, Excerpt>,
}

impl Excerpts<'_> {
    fn prepare(&mut self, problem: &Problem) {
        let labels = std::iter::once(&problem.label).chain(&problem.related);
        for (file, _) in labels.filter_map(place) {
            if let Some(source) = self.sources.file(file) {
                let make = || Excerpt::new(&source.name, &source.text);
                self.made.entry(file).or_insert_with(make);
            }
        }
    }
}

/// A problem as miette draws it: one source, labels in it, what belongs to other files below.
#[derive(Debug)]
struct Report<'a> {
    severity: miette::Severity,
    code: Option<&'static str>,
    message: String,
    help: Option<String>,
    source: Option<&'a Excerpt>,
    labels: Vec<LabeledSpan>,
    related: Vec<Report<'a>>,
}

impl<'a> Report<'a> {
    fn new(problem: &Problem, excerpts: &'a Excerpts<'_>) -> Report<'a> {
        let file = place(&problem.label).map(|(file, _)| file);
        let (near, far): (Vec<&Label>, Vec<&Label>) = problem
            .related
            .iter()
            .partition(|label| file.is_some() && place(label).map(|(file, _)| file) == file);
        let severity = match problem.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        };
        let mut report = Report::bare(severity, printable(&problem.message));
        report.code = Some(problem.code);
        report.help = problem.help.as_deref().map(printable);
        report.show(&problem.label, &near, excerpts);
        let elsewhere = far.iter().map(|label| {
            let mut report = Report::bare(miette::Severity::Advice, printable(&label.text));
            let bare = Label {
                origin: label.origin.clone(),
                text: String::new(),
            };
            report.show(&bare, &[], excerpts);
            report
        });
        report.related = elsewhere.collect();
        report
    }

    fn bare(severity: miette::Severity, message: String) -> Report<'a> {
        Report {
            severity,
            code: None,
            message,
            help: None,
            source: None,
            labels: Vec::new(),
            related: Vec::new(),
        }
    }

    /// Shows the lines of these labels, or names the place where the lines are too long to show.
    fn show(&mut self, primary: &Label, near: &[&Label], excerpts: &'a Excerpts<'_>) {
        let Origin::Profile { file, span } = &primary.origin else {
            return;
        };
        let Some(excerpt) = excerpts.made.get(file) else {
            return;
        };
        let mut labels = vec![LabeledSpan::new_primary_with_span(
            label_text(primary),
            excerpt.clip(span),
        )];
        labels.extend(near.iter().filter_map(|label| match &label.origin {
            Origin::Profile { span, .. } => Some(LabeledSpan::new_with_span(
                label_text(label),
                excerpt.clip(span),
            )),
            _ => None,
        }));
        let offsets = labels.iter().map(LabeledSpan::offset);
        if offsets.clone().all(|offset| excerpt.is_showable(offset)) {
            self.source = Some(excerpt);
            self.labels = labels;
        } else {
            self.message
                .push_str(&format!(" (at {})", excerpt.locate(span.start)));
        }
    }
}

fn label_text(label: &Label) -> Option<String> {
    (!label.text.is_empty()).then(|| printable(&label.text))
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report<'_> {}

impl Diagnostic for Report<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.code
            .map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        let help = self.help.as_ref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.map(|source| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'b>(&'b self) -> Option<Box<dyn Iterator<Item = &'b dyn Diagnostic> + 'b>> {
        let related = self.related.iter().map(|report| report as &dyn Diagnostic);
        Some(Box::new(related))
    }
}
