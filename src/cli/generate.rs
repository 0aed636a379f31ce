//! `sandbox generate`: what is made of the program's own tables, for packages and for this project's tests.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, Command, CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::diag::Problem;
use crate::language;
use crate::manual::{profile_page, recipes_page, roff};
use crate::report;

use super::completions;
use super::exit::Exit;
use super::output;
use super::profile::general;

/// Write what is made of the program's own tables: manual pages, completions, schemas
///
/// For who packages the program. Files of the same names are replaced.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sandbox generate man --dir /usr/share/man/man1
  sandbox generate completions --dir completions     sandbox.bash, _sandbox (zsh), sandbox.fish
  sandbox generate schema --dir schemas              every schema: profile.schema.json and its kin
  sandbox generate schema profile                    that of profiles alone, into this directory")]
pub struct Generate {
    /// What to write
    #[arg(value_enum, value_name = "WHAT")]
    what: What,
    /// Of `schema`, which ones; without a name all
    #[arg(value_name = "NAME", value_parser = schema_names(), hide_possible_values = true)]
    names: Vec<String>,
    /// Where to; it is made when it is not there
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// sandbox.1, a page for each command, sandbox-profile.5, sandbox-recipes.7
    Man,
    /// For bash, zsh and fish
    Completions,
    /// The JSON Schema of profiles, and one for each command that prints JSON
    Schema,
}

/// Names of files with what they hold.
type Files = Vec<(String, Vec<u8>)>;

impl Generate {
    /// Runs the command.
    pub fn run(self) -> Exit {
        if self.what != What::Schema && !self.names.is_empty() {
            let message =
                "only schemas are written by name; all pages and completions belong together";
            return output::refuse(general("generate.name", message), Exit::USAGE);
        }
        let made = match self.what {
            What::Man => pages(),
            What::Completions => Ok(completions()),
            What::Schema => Ok(schemas(&self.names)),
        };
        match made.and_then(|files| write(&self.dir, &files)) {
            Ok(()) => Exit::DONE,
            Err(error) => output::refuse(not_written(&self.dir, &error), Exit::NO),
        }
    }
}

fn not_written(dir: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot write to `{}`: {error}", dir.display());
    general("generate.write", message)
}

fn write(dir: &Path, files: &Files) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    files
        .iter()
        .try_for_each(|(name, content)| fs::write(dir.join(name), content))
}

fn command() -> Command {
    super::Arguments::command()
}

/// One page for the program, one for each command, one for the language, one of recipes.
fn pages() -> io::Result<Files> {
    let mut program = command();
    program.build();
    let mut files = vec![("sandbox-profile.5".to_owned(), profile_page().into_bytes())];
    files.push(("sandbox-recipes.7".to_owned(), recipes_page().into_bytes()));
    files.push(("sandbox.1".to_owned(), page(program.clone(), "sandbox")?));
    for inner in program
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        let name = format!("sandbox-{}", inner.get_name());
        let inner = inner.clone().version(env!("CARGO_PKG_VERSION"));
        files.push((format!("{name}.1"), page(inner, &name)?));
    }
    Ok(files)
}

fn page(command: Command, name: &str) -> io::Result<Vec<u8>> {
    let examples = command.get_after_help().map(ToString::to_string);
    let man = clap_mangen::Man::new(command);
    let mut page = format!("{}\n", roff::head(name, 1)).into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if name == "sandbox" {
        man.render_subcommands_section(&mut page)?;
    }
    let mut end = roff::Page::default();
    if let Some(examples) = examples {
        add_examples(&mut end, &examples);
    }
    end.section("See also");
    end.paragraph(match name {
        "sandbox" => "sandbox-profile(5), sandbox-recipes(7)",
        _ => "sandbox(1), sandbox-profile(5)",
    });
    let page = format!("{}{}", String::from_utf8_lossy(&page), end.finish());
    let lines: Vec<&str> = page.lines().map(str::trim_end).collect();
    Ok(format!("{}\n", lines.join("\n")).into_bytes())
}

/// `--help` has a command and what it does in one line; a page has them below each other.
fn add_examples(page: &mut roff::Page, examples: &str) {
    page.section("Examples");
    for line in examples.lines() {
        if !line.starts_with(' ') {
            // The words between groups of them.
            if !line.is_empty() && line != "Examples:" {
                page.paragraph(line);
            }
            continue;
        }
        match line.trim().split_once("  ") {
            Some((command, words)) => page.term(&format!("`{command}`"), words.trim()),
            None => page.paragraph(&format!("`{}`", line.trim())),
        }
    }
}

fn completions() -> Files {
    let shells = [
        (Shell::Bash, "sandbox.bash"),
        (Shell::Zsh, "_sandbox"),
        (Shell::Fish, "sandbox.fish"),
    ];
    let made = shells.map(|(shell, name)| {
        let text = completions::of(shell, &mut command());
        (name.to_owned(), text.into_bytes())
    });
    made.into_iter().collect()
}

/// Makes a text.
type Made = fn() -> String;

/// What has a schema, with what makes it.
const SCHEMAS: &[(&str, Made)] = &[
    ("audit", report::audit::json_schema),
    ("changes", report::changes::json_schema),
    ("diff", report::diff::json_schema),
    ("doctor", report::doctor::json_schema),
    ("explain", report::values::json_schema),
    ("inspect", report::running::inspected_json_schema),
    ("list", report::profiles::json_schema),
    ("problems", report::problems::json_schema),
    ("profile", profile_schema),
    ("ps", report::running::json_schema),
    ("report", report::outcome::json_schema),
    ("stats", report::running::stats_json_schema),
    ("store", report::listing_json_schema),
    ("test", report::expect::json_schema),
    ("why", report::why::json_schema),
];

fn profile_schema() -> String {
    format!("{:#}\n", language::schema())
}

/// All schemas, or those that are named.
fn schemas(names: &[String]) -> Files {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let made = SCHEMAS.iter().filter(|(name, _)| wanted(name));
    made.map(|(name, schema)| (format!("{name}.schema.json"), schema().into_bytes()))
        .collect()
}

fn schema_names() -> PossibleValuesParser {
    SCHEMAS
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .into()
}
