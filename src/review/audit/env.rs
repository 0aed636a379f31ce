//! Secrets in the environment and on the command line.

use crate::diag::At;
use crate::plan::{Privacy, Variable};

use super::score::{Dimension, Weight};
use super::{Found, Rule, Subject, values};
use crate::review::variables::CODE;

/// What is inherited, what is set, what is written on the command line.
pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "audit.inherited-secret",
        dimension: Dimension::Secrets,
        weight: Weight::tenths(25),
        title: "a secret of the caller's environment",
        why: "the program and all that it starts can read it, and so does whatever they send home or log",
        judge: inherited_secret,
    },
    Rule {
        code: "audit.set-secret",
        dimension: Dimension::Secrets,
        weight: Weight::tenths(25),
        title: "a secret that is set",
        why: "a profile is a file to share and to review: no place for a secret; and a variable is read by \
              all that the program starts",
        judge: set_secret,
    },
    Rule {
        code: "audit.secret-in-arguments",
        dimension: Dimension::Secrets,
        weight: Weight::tenths(30),
        title: "a secret on the command line",
        why: "every user of the host can read the arguments of every process",
        judge: secret_in_arguments,
    },
    Rule {
        code: "audit.inherited-many",
        dimension: Dimension::Secrets,
        weight: Weight::tenths(5),
        title: "variables that nobody has named",
        why: "what the caller's environment holds tomorrow under such a name passes too",
        judge: inherited_many,
    },
    Rule {
        code: "audit.inherited-code",
        dimension: Dimension::Secrets,
        weight: Weight::tenths(4),
        title: "a variable that runs code",
        why: "the caller's environment decides what the program loads: two runs of one profile differ",
        judge: inherited_code,
    },
    Rule {
        code: "audit.inherited-socket",
        dimension: Dimension::Secrets,
        weight: Weight::tenths(2),
        title: "the address of a service of the desktop",
        why: "where the service can be reached, by a bind or over the host's network, the program finds it",
        judge: inherited_socket,
    },
];

/// How words of names of secrets end, one or several of them.
const SECRET_WORDS: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "APIKEY",
];

/// Words that are a secret together.
const SECRET_PHRASES: &[&str] = &["API_KEY", "ACCESS_KEY", "PRIVATE_KEY", "AUTH_CONFIG"];

/// Endings of names of secrets.
const SECRET_ENDINGS: &[&str] = &["_KEY", "_PAT", "_DSN", "_PASS", "DATABASE_URL", "_AUTH"];

/// Secrets that prefixes are tried with.
const KNOWN_SECRETS: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AZURE_CLIENT_SECRET",
    "CARGO_REGISTRY_TOKEN",
    "CI_JOB_TOKEN",
    "CLOUDFLARE_API_TOKEN",
    "DATABASE_URL",
    "DIGITALOCEAN_TOKEN",
    "DOCKER_AUTH_CONFIG",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GITLAB_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HF_TOKEN",
    "KUBE_TOKEN",
    "MYSQL_PWD",
    "NPM_TOKEN",
    "OPENAI_API_KEY",
    "PGPASSWORD",
    "SLACK_TOKEN",
    "TF_TOKEN",
    "TWINE_PASSWORD",
    "VAULT_TOKEN",
];

/// Addresses of services.
const SOCKETS: &[&str] = &[
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_SYSTEM_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "GPG_AGENT_INFO",
    "DISPLAY",
    "DOCKER_HOST",
    "CONTAINER_HOST",
    "SESSION_MANAGER",
];

/// By whole words: `TOKENIZERS_PARALLELISM` holds no token.
fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    let ends = |word: &str| {
        let one = word.strip_suffix('S').unwrap_or(word);
        let mut known = SECRET_WORDS.iter();
        known.any(|known| word.ends_with(known) || one.ends_with(known))
    };
    let framed = format!("_{name}_");
    let mut phrases = SECRET_PHRASES.iter();
    name.split('_').any(ends)
        || phrases.any(|phrase| framed.contains(&format!("_{phrase}_")))
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || KNOWN_SECRETS.contains(&name.as_str())
}

/// Whether a name, or the start of names, is one of `names`, some of which are starts too.
fn meets(asked: &str, names: &[&str]) -> bool {
    let asked_start = asked.strip_suffix('*');
    names
        .iter()
        .any(|name| match (asked_start, name.strip_suffix('*')) {
            (None, None) => asked == *name,
            (None, Some(start)) => asked.starts_with(start),
            (Some(asked), None) => name.starts_with(asked),
            (Some(asked), Some(start)) => asked.starts_with(start) || start.starts_with(asked),
        })
}

/// What the program gets of the caller's environment under its own name: by the text alone, the patterns
/// themselves.
fn inherited<'a>(subject: &Subject<'a>) -> impl Iterator<Item = &'a At<Variable>> {
    let subject = *subject;
    let env = subject.settings.command.env.iter();
    env.filter(move |variable| is_inherited(&subject, &variable.value))
}

/// On a host a variable that is set to its own value of outside is no other than one that is inherited.
fn is_inherited(subject: &Subject<'_>, variable: &Variable) -> bool {
    let Variable {
        name,
        value,
        privacy,
    } = variable;
    let taken = from_environment(subject, value);
    *privacy == Privacy::Private && taken.iter().all(|taken| taken == name)
}

/// The names in each `${env:…}` of a text, whose values may stand there by now.
fn from_environment(subject: &Subject<'_>, text: &str) -> Vec<String> {
    let text = subject.settings.private.hide(text);
    let parts = text.split("${env:").skip(1);
    let names = parts.map(|part| {
        let end = part.find([':', '}']).unwrap_or(part.len());
        part[..end].to_owned()
    });
    names.collect()
}

fn inherited_secret(subject: &Subject<'_>) -> Vec<Found> {
    let found = inherited(subject).filter_map(|variable| {
        let name = variable.value.name.as_str();
        let message = match name.strip_suffix('*') {
            None if is_secret(name) => format!("`{name}` of the caller passes"),
            Some(start) if is_secret(start) => format!("every `{name}` of the caller passes"),
            Some(start) => {
                let secret = KNOWN_SECRETS
                    .iter()
                    .find(|secret| secret.starts_with(start))?;
                format!("every `{name}` of the caller passes, and `{secret}` is such a name")
            }
            None => return None,
        };
        let fix = "leave it out; give the program a secret of its own, in a file that only it sees";
        Some(Found::new(&variable.origin, message, fix))
    });
    found.collect()
}

fn set_secret(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let env = subject.settings.command.env.iter();
    for variable in env.filter(|variable| !is_inherited(subject, &variable.value)) {
        let Variable {
            name,
            value,
            privacy,
        } = &variable.value;
        let taken = from_environment(subject, value);
        let fix = "leave it out; give the program a secret of its own, in a file that only it sees";
        if let Some(secret) = taken.iter().find(|taken| is_secret(taken)) {
            let message = format!("`{name}` is set to the caller's `{secret}`");
            found.push(Found::new(&variable.origin, message, fix));
        } else if is_secret(name) && *privacy == Privacy::Shown && is_written(value) {
            let message = format!("the value of `{name}` is written in the profile");
            found.push(Found::new(&variable.origin, message, fix));
        } else if let (Privacy::Shown, Some(what)) = (privacy, values::secret(value)) {
            let message = format!("the value of `{name}` looks like {what}");
            found.push(Found::new(&variable.origin, message, fix));
        }
    }
    found
}

/// Whether a value can be a secret at all: no path, no variable, no switch.
fn is_written(value: &str) -> bool {
    value.len() >= 6 && !value.starts_with('/') && !value.contains("${")
}

fn secret_in_arguments(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for argument in &subject.settings.command.args {
        for name in from_environment(subject, &argument.value) {
            if is_secret(&name) {
                let message = format!("`{name}` of the caller stands on the command line");
                let fix = format!("write `\"{name}\"` into `env.inherit`, or pass it in a file");
                found.push(Found::new(&argument.origin, message, fix));
            }
        }
        if let Some(what) = values::secret(&argument.value) {
            let message = format!("an argument looks like {what}");
            let fix = "pass it in a file that only the program sees";
            found.push(Found::new(&argument.origin, message, fix));
        }
    }
    found
}

/// Prefixes whose names hold nothing that matters.
const HARMLESS: &[&str] = &["LC_*"];

fn inherited_many(subject: &Subject<'_>) -> Vec<Found> {
    let found = inherited(subject).filter_map(|variable| {
        let name = variable.value.name.as_str();
        let start = name.strip_suffix('*')?;
        let told = is_secret(start) || meets(name, KNOWN_SECRETS) || meets(name, CODE);
        if told || HARMLESS.contains(&name) {
            return None;
        }
        let message = format!("every `{name}` of the caller passes");
        let fix = "name each variable that the program needs";
        Some(Found::new(&variable.origin, message, fix))
    });
    found.collect()
}

fn inherited_code(subject: &Subject<'_>) -> Vec<Found> {
    let code = inherited(subject).filter(|variable| meets(&variable.value.name, CODE));
    let found = code.map(|variable| {
        let message = format!(
            "`{}` of the caller passes, and programs load code by it",
            variable.value.name
        );
        let fix = "set it under `env.set` to what the program needs";
        Found::new(&variable.origin, message, fix)
    });
    found.collect()
}

fn inherited_socket(subject: &Subject<'_>) -> Vec<Found> {
    let named = inherited(subject).filter(|variable| meets(&variable.value.name, SOCKETS));
    let found = named.map(|variable| {
        let message = format!(
            "`{}` of the caller passes: the address of a service",
            variable.value.name
        );
        Found::new(
            &variable.origin,
            message,
            "leave it out, where the program is not to use it",
        )
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_names() {
        for name in [
            "GITHUB_TOKEN",
            "aws_secret_access_key",
            "PGPASSWORD",
            "SIGNING_KEY",
            "MYSQL_PWD",
            "GH_TOKENS",
            "AUTHTOKEN",
            "MY_API_KEY_2",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "TERM",
            "KEYMAP",
            "XDG_SESSION_ID",
            "AWS_REGION",
            "PATH",
            "COMPASS",
            "TOKENIZERS_PARALLELISM",
            "SECRETARY",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn starts_meet_names_and_starts() {
        assert!(meets("LD_PRELOAD", CODE) && meets("L*", CODE) && meets("LD_P*", CODE));
        assert!(!meets("LANG", CODE) && !meets("LC_*", CODE));
    }
}
