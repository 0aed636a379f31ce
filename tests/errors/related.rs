//! Reports about more than one file, or none.

use sandbox::diag::{FileId, Origin, Problem, Sources};
use sandbox::report::problems::{Drawing, Style, render};

fn sources() -> (Sources, FileId, FileId) {
    let mut sources = Sources::default();
    let base = sources.add("base.toml", "version = 1\n\n[limits]\npids = 256\n");
    let own = sources.add("own.toml", "version = 1\nlimits.pids = 5\n");
    (sources, base, own)
}

#[test]
fn a_place_in_another_file_is_shown_below() {
    let (sources, base, own) = sources();
    let problem = Problem::error("x.two", &Origin::profile(own, 26..27), "two limits")
        .label("here")
        .also(&Origin::profile(base, 29..32), "the base has another")
        .help("remove one");
    let warning = Problem::warning("x.one", &Origin::profile(base, 22..30), "a warning");
    let shown = render(&[warning, problem], &sources, Style::PLAIN);
    let expected = "\
x.one

  ⚠ a warning
   ╭─[base.toml:4:1]
 3 │ [limits]
 4 │ pids = 256
   · ────────
   ╰────

x.two

  × two limits
   ╭─[own.toml:2:15]
 1 │ version = 1
 2 │ limits.pids = 5
   ·               ┬
   ·               ╰── here
   ╰────
  help: remove one
  ╰─▶   ☞ the base has another
         ╭─[base.toml:4:8]
       3 │ [limits]
       4 │ pids = 256
         ·        ───
         ╰────

1 error, 1 warning in 2 files
";
    assert_eq!(shown, expected);
}

#[test]
fn a_problem_without_a_place_needs_no_file() {
    let problem = Problem::error("profile.not-found", &Origin::CommandLine, "nothing there")
        .help("check the path");
    let style = Style {
        drawing: Drawing::Ascii,
        ..Style::PLAIN
    };
    let shown = render(&[problem], &Sources::default(), style);
    let expected = "profile.not-found\n\n  x nothing there\n  help: check the path\n\n1 error\n";
    assert_eq!(shown, expected);
}

#[test]
fn an_ascii_report_is_ascii() {
    let (sources, _, own) = sources();
    let problem = Problem::error("x.y", &Origin::profile(own, 26..27), "wrong").label("here");
    let style = Style {
        drawing: Drawing::Ascii,
        ..Style::PLAIN
    };
    assert!(render(&[problem], &sources, style).is_ascii());
}

#[test]
fn no_problem_is_no_report() {
    assert_eq!(render(&[], &Sources::default(), Style::PLAIN), "");
}

#[test]
fn a_line_that_is_too_long_to_show_is_named() {
    let mut sources = Sources::default();
    let text = format!("a = \"{}\"\n", "x".repeat(5000));
    let file = sources.add("long.toml", text);
    let problem = Problem::error("x.y", &Origin::profile(file, 4..9), "wrong");
    let shown = render(&[problem], &sources, Style::PLAIN);
    assert!(shown.contains("wrong (at long.toml:1:5)"), "{shown}");
    assert!(shown.len() < 200, "{shown}");
}
