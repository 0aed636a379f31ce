//! Secrets by their looks, whatever the name that they stand under. No value is ever told.

/// How tokens of services start, the shortest that the rest can be, and what they are.
const STARTS: &[(&str, usize, &str)] = &[
    ("github_pat_", 20, "a GitHub token"),
    ("ghp_", 20, "a GitHub token"),
    ("gho_", 20, "a GitHub token"),
    ("ghu_", 20, "a GitHub token"),
    ("ghs_", 20, "a GitHub token"),
    ("ghr_", 20, "a GitHub token"),
    ("glpat-", 16, "a GitLab token"),
    ("AKIA", 16, "an AWS key"),
    ("ASIA", 16, "an AWS key"),
    ("xoxb-", 10, "a Slack token"),
    ("xoxp-", 10, "a Slack token"),
    ("xoxa-", 10, "a Slack token"),
    ("sk-", 20, "an API key"),
    ("npm_", 30, "an npm token"),
];

/// What a text looks like that holds a secret.
pub(super) fn secret(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY") {
        return Some("a private key");
    }
    if text.contains("://") && url_with_password(text) {
        return Some("an address with a password");
    }
    let separates = |c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c));
    text.split(separates).find_map(token)
}

fn token(word: &str) -> Option<&'static str> {
    let known = STARTS.iter().find_map(|(start, least, what)| {
        let rest = word.strip_prefix(start)?;
        (rest.len() >= *least).then_some(*what)
    });
    known.or_else(|| is_web_token(word).then_some("a JSON web token"))
}

/// Three parts of base64, the first of which begins with `{"` (RFC 7519).
fn is_web_token(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() == 3 && word.starts_with("eyJ") && parts.iter().all(|part| part.len() >= 8)
}

/// `scheme://user:password@host`, where the password is no variable.
fn url_with_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let end = rest.find(['/', '?', '#', ' ']).unwrap_or(rest.len());
        let user = rest[..end].rsplit_once('@').map(|(user, _)| user);
        let password = user.and_then(|user| user.split_once(':'));
        password.is_some_and(|(_, password)| !password.is_empty() && !password.contains("${"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_looks() {
        let long = "a1B2".repeat(10);
        for (text, what) in [
            (format!("ghp_{long}"), "a GitHub token"),
            (format!("--auth=github_pat_{long}"), "a GitHub token"),
            (format!("glpat-{long}"), "a GitLab token"),
            ("AKIAIOSFODNN7EXAMPLE".to_owned(), "an AWS key"),
            (format!("xoxb-{long}"), "a Slack token"),
            (format!("Bearer sk-{long}"), "an API key"),
            (format!("eyJ{long}.{long}.{long}"), "a JSON web token"),
            (
                "-----BEGIN RSA PRIVATE KEY-----".to_owned(),
                "a private key",
            ),
            ("pg://me:pw@db/x".to_owned(), "an address with a password"),
        ] {
            assert_eq!(secret(&text), Some(what));
        }
        for text in [
            "https://example.com:443/a@b",
            "https://me@example.com",
            "pg://me:${env:PW}@db/x",
            "sk-short",
            "eyJust.a.file",
            "ask-for-a-very-long-list-of-many-words",
            "AKIAN",
        ] {
            assert_eq!(secret(text), None, "{text}");
        }
    }
}
