//! Completions: clap's, with the names of sandboxes that run and of profiles that are found.

use clap::Command;
use clap_complete::Shell;

/// What prints names.
const PROFILES: &str = "sandbox list --names";
const SANDBOXES: &str = "sandbox ps --names";

/// What an argument of a command names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Profiles,
    Sandboxes,
}

impl Names {
    fn word(self) -> &'static str {
        match self {
            Names::Profiles => "PROFILE",
            Names::Sandboxes => "NAME",
        }
    }

    fn of(self, program: &Command) -> Vec<String> {
        let takes = |command: &&Command| {
            command.get_positionals().any(|argument| {
                let names = argument.get_value_names().unwrap_or_default();
                names.iter().any(|name| name.as_str() == self.word())
            })
        };
        let commands = program.get_subcommands().filter(takes);
        commands
            .map(|command| command.get_name().to_owned())
            .collect()
    }
}

/// The script of a shell.
pub fn of(shell: Shell, program: &mut Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, program, "sandbox", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let profiles = Names::Profiles.of(program);
    let sandboxes = Names::Sandboxes.of(program);
    match shell {
        Shell::Bash => bash(&script, &profiles, &sandboxes),
        Shell::Zsh => zsh(&script),
        Shell::Fish => fish(&script, &profiles, &sandboxes),
        _ => script,
    }
}

/// A function around clap's own, which offers `<NAME>` where a name belongs.
fn bash(script: &str, profiles: &[String], sandboxes: &[String]) -> String {
    let clap = script
        .split("\nif [[ \"${BASH_VERSINFO[0]}\"")
        .next()
        .unwrap_or_default();
    format!(
        r#"{clap}
_sandbox_names() {{
    local cur="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]}}" word
    local names=() kept=()
    _sandbox "$@"
    for word in "${{COMPREPLY[@]}}"; do
        [[ $word == [\<\[]* ]] || kept+=("$word")
    done
    COMPREPLY=("${{kept[@]}}")
    if [[ $COMP_CWORD -lt 2 || $cur == -* ]]; then
        return 0
    fi
    case "$command" in
        {profiles})
            mapfile -t names < <({PROFILES} 2>/dev/null; compgen -f -- "$cur")
            ;;
        {sandboxes})
            mapfile -t names < <({SANDBOXES} 2>/dev/null)
            ;;
    esac
    for word in "${{names[@]}}"; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
    return 0
}}

complete -F _sandbox_names -o bashdefault -o default sandbox
"#,
        profiles = profiles.join("|"),
        sandboxes = sandboxes.join("|"),
    )
}

/// The action behind each such argument is another one.
fn zsh(script: &str) -> String {
    let functions = format!(
        "_sandbox_profiles() {{\n    local -a names\n    names=(${{(f)\"$({PROFILES} 2>/dev/null)\"}})\n    \
         compadd -a names\n    _files\n}}\n\n_sandbox_running() {{\n    local -a names\n    \
         names=(${{(f)\"$({SANDBOXES} 2>/dev/null)\"}})\n    compadd -a names\n}}\n"
    );
    let lines = script.lines().map(|line| {
        let positional = line
            .trim_start()
            .trim_start_matches("'*")
            .trim_start_matches('\'');
        let action = |from: &str, to: &str| line.replace(from, to);
        if positional.starts_with(":profile")
            || positional.starts_with(":") && positional.contains(":profile")
        {
            action(":_files'", ":_sandbox_profiles'")
        } else if positional.starts_with(":name") || positional.starts_with("::name") {
            action(":_default'", ":_sandbox_running'")
        } else {
            line.to_owned()
        }
    });
    let lines: Vec<String> = lines.collect();
    let script = lines.join("\n");
    match script.split_once("\nif [ \"$funcstack[1]\"") {
        Some((before, after)) => format!("{before}\n{functions}\nif [ \"$funcstack[1]\"{after}\n"),
        None => script,
    }
}

fn fish(script: &str, profiles: &[String], sandboxes: &[String]) -> String {
    let mut script = script.to_owned();
    for (commands, names) in [(profiles, PROFILES), (sandboxes, SANDBOXES)] {
        for command in commands {
            script.push_str(&format!(
                "complete -c sandbox -n \"__fish_sandbox_using_subcommand {command}\" -a \"({names} 2>/dev/null)\"\n"
            ));
        }
    }
    script
}
