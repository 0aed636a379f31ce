//! Tables whose keys are free: `env.set`, `limits.process`, `limits.hugetlb`, `[params]`.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::diag::At;
use crate::profile::raw::{RawHugetlb, RawParam, RawRlimit, RawVariable};
use crate::profile::walk::Walk;

use super::entry::{Key, Settle};
use super::field::{Dropped, Field};
use super::{Merging, conflict};

/// An entry that has its key beside it.
trait Named {
    fn name(&self) -> Cow<'_, str>;
}

impl Named for RawVariable {
    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name.value)
    }
}

impl Named for RawRlimit {
    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.resource.value.key)
    }
}

impl Named for RawHugetlb {
    fn name(&self) -> Cow<'_, str> {
        Cow::Owned(self.page.value.to_string())
    }
}

impl Named for RawParam {
    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name.value)
    }
}

fn drop_named<T: Named>(list: &mut Vec<T>, word: &str) -> Dropped {
    let before = list.len();
    list.retain(|entry| entry.name() != word);
    match list.len() < before {
        true => Dropped::Yes,
        false => Dropped::No,
    }
}

/// Everything of a table with free keys but what two equal keys mean.
macro_rules! named {
    ($type:ident, $take:ident) => {
        impl Field for Vec<$type> {
            fn take_over(&mut self, later: Self, merging: &mut Merging<'_>) {
                let names = self.iter().enumerate();
                let names = names.map(|(at, old)| (old.name().into_owned(), at));
                let known: HashMap<String, usize> = names.collect();
                for entry in later {
                    let old = known
                        .get(entry.name().as_ref())
                        .and_then(|at| self.get_mut(*at));
                    match old {
                        None => self.push(entry),
                        Some(old) => $take(old, entry, merging),
                    }
                }
            }

            fn at(&mut self, path: &str) -> Option<&mut dyn Field> {
                path.is_empty().then_some(self as &mut dyn Field)
            }

            fn drop_all(&mut self) -> bool {
                let filled = !self.is_empty();
                self.truncate(0);
                filled
            }

            fn drop_entry(&mut self, word: &str) -> Dropped {
                drop_named(self, word)
            }
        }
    };
}

named!(RawVariable, same_variable);
named!(RawRlimit, replace_limit);
named!(RawHugetlb, replace_pages);
named!(RawParam, add_to_param);

/// Two values of one variable are an error: which one a program needs is not for an order of files to say.
fn same_variable(old: &mut RawVariable, new: RawVariable, merging: &mut Merging<'_>) {
    let settled = |variable: &RawVariable| {
        let mut copy = variable.value.clone();
        copy.walk(&mut Settle::of(merging));
        copy
    };
    if settled(old) == settled(&new) {
        return;
    }
    let key = Key {
        code: "env.set-duplicate",
        pair: "two values for the variable",
        list: "env.set",
        text: new.name().into_owned(),
    };
    let problem = conflict(&key, &old.value.origin, &new.value.origin);
    merging.problems.push(problem);
}

fn replace_limit(old: &mut RawRlimit, new: RawRlimit, _merging: &mut Merging<'_>) {
    *old = new;
}

fn replace_pages(old: &mut RawHugetlb, new: RawHugetlb, _merging: &mut Merging<'_>) {
    *old = new;
}

fn add_to_param(old: &mut RawParam, new: RawParam, merging: &mut Merging<'_>) {
    let RawParam {
        name: At { origin, .. },
        default,
        choices,
    } = new;
    if default.is_some() {
        old.name.origin = origin;
    }
    old.default.take_over(default, merging);
    old.choices.take_over(choices, merging);
}
