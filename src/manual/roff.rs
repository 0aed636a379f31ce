//! Text to the language of man(7).

/// A page that grows.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// A page with its head.
    pub fn new(title: &str, section: u8, summary: &str) -> Page {
        let mut page = Page::default();
        page.line(&head(title, section));
        page.section("Name");
        page.line(&format!("{} \\- {}", text(title), text(summary)));
        page
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A section, in capitals; what a profile has in brackets stays as it is.
    pub fn section(&mut self, title: &str) {
        let title = match title.starts_with('[') {
            true => title.to_owned(),
            false => title.to_uppercase(),
        };
        self.line(&format!(".SH \"{}\"", text(&title)));
    }

    /// A part of a section.
    pub fn part(&mut self, title: &str) {
        self.line(&format!(".SS \"{}\"", text(title)));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, words: &str) {
        // The first one of a section needs none.
        let last = self.0.lines().last().unwrap_or_default();
        if ![".SH", ".SS"].iter().any(|title| last.starts_with(title)) {
            self.line(".PP");
        }
        self.line(&text(words));
    }

    /// A term, then what it is.
    pub fn term(&mut self, term: &str, words: &str) {
        self.line(".TP");
        self.line(&text(term));
        self.line(&text(words));
    }

    /// One more paragraph of the same term.
    pub fn further(&mut self, words: &str) {
        self.line(".IP");
        self.line(&text(words));
    }

    /// Terms that belong to the last one, up to [`Page::out`].
    pub fn within(&mut self) {
        self.line(".RS");
    }

    /// The end of [`Page::within`].
    pub fn out(&mut self) {
        self.line(".RE");
    }

    /// Lines as they are, such as a file.
    pub fn verbatim(&mut self, lines: &str) {
        self.line(".PP");
        self.line(".in +4n");
        self.line(".nf");
        for line in lines.lines() {
            self.line(&literal(line));
        }
        self.line(".fi");
        self.line(".in");
    }

    /// The page.
    pub fn finish(self) -> String {
        self.0
    }
}

/// The line that begins a page. There is no date: a page is made again at any time, and stays the same.
pub fn head(title: &str, section: u8) -> String {
    let (title, version) = (title.to_uppercase(), env!("CARGO_PKG_VERSION"));
    format!(".TH {title} {section} \"\" \"sandbox {version}\"")
}

/// A line of text; what stands in backticks is bold.
fn text(words: &str) -> String {
    let mut out = String::new();
    for (index, part) in words.split('`').enumerate() {
        match index % 2 {
            0 => out.push_str(&escaped(part)),
            _ => out.push_str(&format!("\\fB{}\\fR", escaped(part))),
        }
    }
    guarded(out)
}

/// A line of a file.
fn literal(line: &str) -> String {
    guarded(escaped(line))
}

fn escaped(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for sign in words.chars() {
        match sign {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '"' => out.push_str("\\(dq"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            '…' => out.push_str("..."),
            sign => out.push(sign),
        }
    }
    out
}

/// A point at the start of a line would be a request.
fn guarded(line: String) -> String {
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}"),
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_a_request() {
        assert_eq!(text(".TH `a-b` \\n"), "\\&.TH \\fBa\\-b\\fR \\en");
        assert_eq!(literal("'x"), "\\(aqx");
    }
}
