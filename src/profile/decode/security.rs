//! `[security]`: what the program is still allowed to ask of the kernel.

use crate::diag::At;
use crate::model::SeccompPolicy;
use crate::profile::raw::{Opt, RawSeccompRules, RawSecurity, SeccompForm};

use super::reader::{Decode, Reader};
use super::table::Table;
use super::text;

pub(super) fn security(table: &mut Table<'_, '_>) -> RawSecurity {
    table.later(&["aslr", "reproducible_timing"]);
    let (seccomp, seccomp_rules) = seccomp(table);
    RawSecurity {
        capabilities: table.list("capabilities", Decode::decode),
        seccomp,
        seccomp_rules,
        architectures: table.list("architectures", Decode::decode),
        nested_userns: table.optional("nested_userns"),
        landlock: table.optional("landlock"),
        allow_degraded: table.list("allow_degraded", Decode::decode),
    }
}

/// A policy by its name, or a table that begins with one.
fn seccomp(table: &mut Table<'_, '_>) -> (Opt<SeccompPolicy>, RawSeccompRules) {
    let Some(value) = table.value("seccomp") else {
        return Default::default();
    };
    if !value.node.get_ref().is_table() {
        let policy = SeccompPolicy::decode(&value, table.reader);
        return (policy.map(|policy| value.at(policy)), Default::default());
    }
    let title = format!("`{}`", value.path);
    let read = Table::read(&value, table.reader, title, |table| {
        let base = table.optional("base");
        let rules = RawSeccompRules {
            form: match base {
                Some(_) => SeccompForm::WithBase,
                None => SeccompForm::WithoutBase,
            },
            allow: names(table, "allow"),
            deny: names(table, "deny"),
            on_deny: table.optional("on_deny"),
        };
        (base, rules)
    });
    let (base, rules) = read.unwrap_or_default();
    let base = base.or_else(|| Some(At::new(SeccompPolicy::Default, value.origin.clone())));
    (base, rules)
}

/// Equal ones too: they are judged.
fn names(table: &mut Table<'_, '_>, key: &'static str) -> Vec<At<String>> {
    let word =
        |value: &super::reader::Value<'_>, reader: &mut Reader<'_>| text::word(value, reader);
    let names = table.array(key, word);
    names.map(|names| names.value).unwrap_or_default()
}
