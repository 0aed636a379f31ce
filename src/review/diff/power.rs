//! What a sandbox lets its program do, piece by piece, and when one piece holds another.

use crate::diag::Origin;
use crate::model::NumberList;

use super::Topic;

/// One thing that is possible.
#[derive(Debug, Clone)]
pub(super) struct Power {
    pub topic: &'static Topic,
    pub reach: Reach,
    /// In words, as what holds where it is there.
    pub with: String,
    /// In words, as what holds where it is not; none where that is the plain opposite.
    pub without: Option<String>,
    pub origin: Origin,
    /// Whether the line stands in the profile that lacks the power: a promise is what keeps it away.
    pub turned: bool,
}

impl Power {
    pub fn new(
        topic: &'static Topic,
        reach: Reach,
        with: impl Into<String>,
        origin: &Origin,
    ) -> Power {
        Power {
            topic,
            reach,
            with: with.into(),
            without: None,
            origin: origin.clone(),
            turned: false,
        }
    }

    /// What nobody's line gives is there because a line of the other side went: that one is shown.
    pub fn point_at(&mut self, others: &[Power]) {
        let key = self.reach.key();
        let mut others = others
            .iter()
            .filter(|other| other.origin != Origin::Default);
        if self.origin == Origin::Default
            && let Some(other) = others.find(|other| key.is_some() && other.reach.key() == key)
        {
            (self.origin, self.turned) = (other.origin.clone(), true);
        }
    }

    /// The same with words for where it is not there.
    pub fn without(self, words: impl Into<String>) -> Power {
        Power {
            without: Some(words.into()),
            ..self
        }
    }
}

/// How far it goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reach {
    /// This, which no other one holds.
    Exactly(String),
    /// So much of it: more holds less.
    UpTo(String, u128),
    /// As much of it as a text with a variable of the caller's says: more than any number, but not without end, and
    /// not what another variable says.
    ByVariable(String, String),
    /// These bits of it.
    Bits(String, u32),
    /// These numbers of it.
    Numbers(String, NumberList),
    /// Names that begin so, but for those that are listed.
    Names {
        of: &'static str,
        pattern: String,
        except: Vec<String>,
    },
}

impl Reach {
    /// One that needs nothing beside its name.
    pub fn plain(name: impl Into<String>) -> Reach {
        Reach::Exactly(name.into())
    }

    /// What it is a measure of; none of what is there or not.
    fn key(&self) -> Option<&str> {
        match self {
            Reach::UpTo(key, _)
            | Reach::ByVariable(key, _)
            | Reach::Bits(key, _)
            | Reach::Numbers(key, _) => Some(key),
            Reach::Exactly(_) | Reach::Names { .. } => None,
        }
    }

    /// Whether who has this has `other` too.
    pub fn covers(&self, other: &Reach) -> bool {
        match (self, other) {
            (Reach::Exactly(one), Reach::Exactly(other)) => one == other,
            (Reach::UpTo(of, most), Reach::UpTo(other, amount)) => of == other && most >= amount,
            (Reach::UpTo(of, most), Reach::ByVariable(other, _)) => {
                of == other && *most == u128::MAX
            }
            (Reach::ByVariable(of, text), Reach::ByVariable(other, by)) => {
                of == other && text == by
            }
            (Reach::ByVariable(of, _), Reach::UpTo(other, amount)) => {
                of == other && *amount < u128::MAX
            }
            (Reach::Numbers(of, all), Reach::ByVariable(other, _)) => {
                of == other && *all == NumberList::ALL
            }
            (Reach::ByVariable(of, _), Reach::Numbers(other, numbers)) => {
                of == other && *numbers != NumberList::ALL
            }
            (Reach::Bits(of, all), Reach::Bits(other, bits)) => of == other && bits & !all == 0,
            (Reach::Numbers(of, all), Reach::Numbers(other, numbers)) => {
                of == other && numbers.first_beyond(all).is_none()
            }
            (
                Reach::Names {
                    of,
                    pattern,
                    except,
                },
                Reach::Names {
                    of: other,
                    pattern: names,
                    except: left_out,
                },
            ) => {
                let open = except
                    .iter()
                    .filter(|name| matches(names, name))
                    .all(|name| left_out.contains(name));
                of == other && matches(pattern, names) && open
            }
            _ => false,
        }
    }
}

/// Whether a pattern with one `*` at its end takes in a name, or all that another pattern does.
pub(in crate::review) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str, except: &[&str]) -> Reach {
        Reach::Names {
            of: "env",
            pattern: pattern.to_owned(),
            except: except.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_pattern_holds_the_narrower_one() {
        assert!(names("LC_*", &[]).covers(&names("LC_ALL", &[])));
        assert!(names("LC_*", &[]).covers(&names("LC_A*", &["LC_ALL"])));
        assert!(!names("LC_ALL", &[]).covers(&names("LC_*", &[])));
        assert!(!names("LC_*", &["LC_ALL"]).covers(&names("LC_*", &[])));
        assert!(names("LC_*", &["LC_ALL"]).covers(&names("LC_TIME", &[])));
    }

    #[test]
    fn more_holds_less() {
        let upto = |amount| Reach::UpTo("memory".to_owned(), amount);
        assert!(upto(2).covers(&upto(1)) && !upto(1).covers(&upto(2)));
        let by = |text: &str| Reach::ByVariable("memory".to_owned(), text.to_owned());
        assert!(by("${env:A}").covers(&upto(9)) && !upto(9).covers(&by("${env:A}")));
        assert!(
            upto(u128::MAX).covers(&by("${env:A}")) && !by("${env:A}").covers(&upto(u128::MAX))
        );
        assert!(!by("${env:A}").covers(&by("${env:B}")));
        let bits = |bits| Reach::Bits("umask".to_owned(), bits);
        assert!(bits(0o755).covers(&bits(0o700)) && !bits(0o700).covers(&bits(0o755)));
    }
}
