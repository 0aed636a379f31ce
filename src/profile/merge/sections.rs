//! The tables of the language, each key with its name.

use crate::diag::At;
use crate::profile::raw::{
    RawCommand, RawEnv, RawEtc, RawLimits, RawMapUsers, RawNamespaces, RawProfile, RawRootfs,
    RawSeccompRules, RawSecurity, RawSupervise, RawSystem, SeccompForm,
};

use super::field::{Field, table};
use super::{Merged, Merging};

table!(Merged { "params" => params, "" => profile });
table!(RawProfile {
    "name" => name,
    "description" => description,
    "command" => command,
    "env" => env,
    "rootfs" => rootfs,
    "system" => system,
    "mount" => mounts,
    "namespaces" => namespaces,
    "network.mode" => network,
    "limits" => limits,
    "security" => security,
    "supervise" => supervise,
    "expect" => expect,
});
table!(RawCommand {
    "args" => args,
    "extra" => extra,
    "workdir" => workdir,
    "user" => user,
    "umask" => umask,
    "terminal" => terminal,
    "groups" => groups,
    "fds" => fds,
});
table!(RawEnv { "inherit" => inherit, "set" => set });
table!(RawRootfs {
    "writes" => writes,
    "writes_size" => writes_size,
    "source" => sources,
    "etc" => etc,
});
table!(RawEtc {
    "hosts" => hosts,
    "resolv_conf" => resolv_conf,
    "passwd" => passwd,
    "mtab" => mtab,
    "hostname" => hostname,
    "localtime" => localtime,
});
table!(RawSystem {
    "proc" => proc,
    "sys" => sys,
    "dev" => dev,
    "shm" => shm,
    "mqueue" => mqueue,
    "cgroup" => cgroup,
});
table!(RawLimits {
    "memory" => memory,
    "swap" => swap,
    "cpus" => cpus,
    "pids" => pids,
    "cpu_time" => cpu_time,
    "wall_time" => wall_time,
    "output" => output,
    "process" => process,
});
table!(RawSupervise {
    "kill_on_parent_exit" => kill_on_parent_exit,
    "stop_signal" => stop_signal,
    "stop_timeout" => stop_timeout,
});

/// The extents of two tables of ids are one list; a word replaces all.
struct MapUsers<'a>(&'a mut Option<At<RawMapUsers>>);

impl MapUsers<'_> {
    fn take_over(&mut self, later: Option<At<RawMapUsers>>, merging: &mut Merging<'_>) {
        match (self.0.as_mut().map(|at| &mut at.value), later) {
            (_, None) => {}
            (
                Some(RawMapUsers::Explicit { users, groups }),
                Some(At {
                    value:
                        RawMapUsers::Explicit {
                            users: more_users,
                            groups: more_groups,
                        },
                    ..
                }),
            ) => {
                users.take_over(more_users, merging);
                groups.take_over(more_groups, merging);
            }
            (_, later) => *self.0 = later,
        }
    }
}

/// The keys of `[namespaces]` but for the map of ids.
macro_rules! namespaces {
    ($($name:literal => $field:ident),+ $(,)?) => {
        impl Field for RawNamespaces {
            fn take_over(&mut self, later: Self, merging: &mut Merging<'_>) {
                let RawNamespaces { map_users, $($field),+ } = later;
                MapUsers(&mut self.map_users).take_over(map_users, merging);
                $(Field::take_over(&mut self.$field, $field, merging);)+
            }

            fn at(&mut self, path: &str) -> Option<&mut dyn Field> {
                match path {
                    "" => Some(self),
                    "map_users" => Some(&mut self.map_users),
                    $($name => Some(&mut self.$field),)+
                    _ => None,
                }
            }

            fn drop_all(&mut self) -> bool {
                let filled = *self != RawNamespaces::default();
                *self = RawNamespaces::default();
                filled
            }

            fn keys(&self) -> Vec<String> {
                vec!["map_users".to_owned(), $($name.to_owned()),+]
            }
        }
    };
}

namespaces!(
    "user" => user,
    "pid" => pid,
    "ipc" => ipc,
    "uts" => uts,
    "cgroup" => cgroup,
    "time.boottime" => time_boottime,
    "time.monotonic" => time_monotonic,
    "hostname" => hostname,
);

impl Field for RawSecurity {
    fn take_over(&mut self, later: Self, merging: &mut Merging<'_>) {
        let RawSecurity {
            capabilities,
            seccomp,
            nested_userns,
            landlock,
            seccomp_rules,
            architectures,
            allow_degraded,
        } = later;
        self.capabilities.take_over(capabilities, merging);
        self.nested_userns.take_over(nested_userns, merging);
        self.landlock.take_over(landlock, merging);
        self.architectures.take_over(architectures, merging);
        self.allow_degraded.take_over(allow_degraded, merging);
        let RawSeccompRules {
            form,
            allow,
            deny,
            on_deny,
        } = seccomp_rules;
        let policy = &mut self.seccomp;
        let rules = &mut self.seccomp_rules;
        match (form, seccomp) {
            (_, None) => {}
            (SeccompForm::Word, word) => {
                *policy = word;
                *rules = RawSeccompRules::default();
            }
            // Else a table that only adds would put `default` in the place of a stricter policy.
            (SeccompForm::WithoutBase, _) if policy.is_some() => {}
            (SeccompForm::WithoutBase | SeccompForm::WithBase, base) => {
                *policy = base;
                rules.form = form;
            }
        }
        rules.allow.take_over(allow, merging);
        rules.deny.take_over(deny, merging);
        rules.on_deny.take_over(on_deny, merging);
    }

    fn at(&mut self, path: &str) -> Option<&mut dyn Field> {
        Some(match path {
            "" => self,
            "capabilities" => &mut self.capabilities,
            "seccomp" => &mut self.seccomp,
            "seccomp.allow" => &mut self.seccomp_rules.allow,
            "seccomp.deny" => &mut self.seccomp_rules.deny,
            "seccomp.on_deny" => &mut self.seccomp_rules.on_deny,
            "nested_userns" => &mut self.nested_userns,
            "landlock" => &mut self.landlock,
            "architectures" => &mut self.architectures,
            "allow_degraded" => &mut self.allow_degraded,
            _ => return None,
        })
    }

    fn drop_all(&mut self) -> bool {
        let filled = *self != RawSecurity::default();
        *self = RawSecurity::default();
        filled
    }

    fn keys(&self) -> Vec<String> {
        let keys = [
            "capabilities",
            "seccomp",
            "seccomp.allow",
            "seccomp.deny",
            "seccomp.on_deny",
            "nested_userns",
            "landlock",
            "architectures",
            "allow_degraded",
        ];
        keys.map(str::to_owned).to_vec()
    }
}
