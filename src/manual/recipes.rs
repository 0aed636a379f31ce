//! sandbox-recipes(7): whole profiles for what people want of a sandbox. A test runs each as it is printed.

use super::roff::Page;

/// One use of a sandbox.
#[derive(Debug)]
pub struct Recipe {
    /// What for.
    pub title: &'static str,
    /// Why it is as it is.
    pub about: &'static str,
    /// The name of the profile's file.
    pub file: &'static str,
    /// The profile.
    pub profile: &'static str,
    /// Lines for a shell, in the directory of the file.
    pub commands: &'static str,
}

/// All of them.
pub const RECIPES: &[Recipe] = &[
    Recipe {
        title: "A build script that nobody has read",
        about: "It sees the checkout and the host's tools, no network, and no other file of yours. What it writes to the \
                checkout is kept apart, to be looked at: `sandbox apply build` carries it over, `sandbox discard build` \
                throws it away.",
        file: "build.toml",
        profile: r#"version = 1
name = "build"

[command]
workdir = "${CWD}"

[env]
set = { PATH = "/usr/bin:/bin" }

[rootfs]
source = [{ host = "/usr" }]

[[mount]]
bind = "${CWD}"
access = "overlay"

[limits]
memory = "2G"
pids = 512
wall_time = "10m"

[security]
# Where the control groups are not delegated, the report says which limits are missing.
allow_degraded = ["limits"]
"#,
        commands: "sandbox up build.toml -- sh ./build.sh\nsandbox changes build",
    },
    Recipe {
        title: "The tool calls of an agent",
        about: "One sandbox runs as long as the agent works, and each call is a program in it: files stay from call to call, \
                and one `down` ends all that is left. The agent writes the checkout, but not what git runs outside.",
        file: "agent.toml",
        profile: r#"version = 1
name = "agent"

[command]
args = ["/bin/sleep", "infinity"]
workdir = "${CWD}"

[env]
set = { PATH = "/usr/bin:/bin", HOME = "/tmp" }

[rootfs]
source = [{ host = "/usr" }]

[[mount]]
bind = "${CWD}"
access = "rw"
read_only = ["?.git"]
hide = ["?.env"]

[[mount]]
tmpfs = "/tmp"

[limits]
memory = "4G"
pids = 1024

[security]
allow_degraded = ["limits"]
"#,
        commands: "sandbox up --detach agent.toml\nsandbox exec agent -- /bin/sh -c 'echo called >note'\n\
                   sandbox exec agent -- /bin/cat note\nsandbox down agent",
    },
    Recipe {
        title: "A judge of a contest",
        about: "Only the program that was handed in, with its libraries; nothing else to read, nothing to write. The limits \
                are not degradable: where they cannot hold nothing runs. The report tells which one ended it.",
        file: "judge.toml",
        profile: r#"version = 1
name = "judge"

[command]
terminal = "never"

[rootfs]
writes = "deny"
source = [{ programs = ["@command"] }]

[limits]
memory = "256M"
swap = "0"
pids = 16
cpu_time = "2s"
wall_time = "10s"
output = "64M"

[limits.process]
core = 0
nofile = 64
stack = "64M"

[security]
seccomp = "strict"
# A kernel without swap accounting cannot limit it.
allow_degraded = ["limits.swap"]
"#,
        commands: "sandbox up --report result.json judge.toml -- /usr/bin/sort <input >output",
    },
    Recipe {
        title: "A desktop program",
        about: "It draws on the display and reads the directory that it is started in: no network, no session bus, nothing \
                of the home. `base/x11` is a bundle that comes with sandbox(1); programs of one X server can read each \
                other's keyboard, so take `base/wayland` where the program can speak it. For a program that is to start \
                so from menus and by its name alone, see sandbox-wrap(1). Here xmessage(1) stands for it.",
        file: "desktop.toml",
        profile: r#"version = 1
name = "desktop"
extends = ["base/x11"]

[command]
workdir = "${CWD}"

[env]
inherit = ["LANG", "LC_*"]
set = { PATH = "/usr/bin:/bin", HOME = "/tmp" }

[rootfs]
source = [
    { host = "/usr" },
    { copy = "/etc/fonts", optional = true },
]

[[mount]]
bind = "${CWD}"

[[mount]]
tmpfs = "/tmp"

[limits]
memory = "2G"
pids = 256

[security]
allow_degraded = ["limits"]
"#,
        commands: "sandbox up desktop.toml -- xmessage -timeout 1 hello",
    },
    Recipe {
        title: "A program on the session bus, through a filter",
        about: "The bus itself would start programs outside for it. xdg-dbus-proxy(1) passes on what it is told to, here \
                calls of one service; `base/dbus` takes its socket to where the program looks for a bus. Here the program \
                lists who is on the bus, and sees itself alone. The proxy runs \
                outside: by --fd it says when it listens, and it ends when the other end is closed.",
        file: "bus.toml",
        profile: r#"version = 1
name = "bus"
extends = ["base/dbus"]

[env]
set = { PATH = "/usr/bin:/bin" }

[rootfs]
writes = "deny"
source = [{ programs = ["dbus-send"] }]
"#,
        commands: r#"bus=$XDG_RUNTIME_DIR/sandbox-dbus-proxy
mkfifo ready
xdg-dbus-proxy --fd=3 "$DBUS_SESSION_BUS_ADDRESS" "$bus" --filter \
    --talk=org.freedesktop.Notifications 3>ready &
exec 4<ready
head -c1 <&4 >/dev/null
sandbox up bus.toml -- dbus-send --print-reply --dest=org.freedesktop.DBus \
    / org.freedesktop.DBus.ListNames
exec 4<&-"#,
    },
    Recipe {
        title: "A job of continuous integration",
        about: "The profile itself is judged first, then what it promises is tried, then the tests run in it.",
        file: "ci.toml",
        profile: r#"version = 1
name = "ci"

[command]
workdir = "/src"

[env]
inherit = ["CI"]
set = { PATH = "/usr/bin:/bin" }

[rootfs]
writes = "deny"
source = [{ host = "/usr" }]

[[mount]]
bind = "${CWD}"
target = "/src"

[[mount]]
tmpfs = "/tmp"

[[expect]]
deny_write = "/src"

[[expect]]
deny_connect = "198.51.100.7:443"
"#,
        commands: "sandbox fmt --check ci.toml\nsandbox check ci.toml\nsandbox test ci.toml -- /bin/true\n\
                   sandbox up ci.toml -- sh ./test.sh",
    },
    Recipe {
        title: "A directory that used to be a chroot",
        about: "The directory is copied once and never changed; programs see their own processes, devices and \
                network alone. What they write is gone when they end.",
        file: "legacy.toml",
        profile: r#"version = 1
name = "legacy"

[rootfs]
source = [
    { copy = "tree", to = "/srv/app" },
    { programs = ["sh", "cat"] },
]
"#,
        commands: "sandbox up legacy.toml -- /bin/sh -c 'cat /srv/app/greeting'",
    },
];

/// The page.
pub fn recipes_page() -> String {
    let mut page = Page::new(
        "sandbox-recipes",
        7,
        "whole profiles for common uses of sandbox(1)",
    );
    page.section("Description");
    page.paragraph(
        "Each recipe is a file, and what to type beside it. sandbox-profile(5) tells what each key means; \
         `sandbox audit` tells what a profile of your own leaves open.",
    );
    for recipe in RECIPES {
        page.section(recipe.title);
        page.paragraph(recipe.about);
        page.paragraph(&format!("`{}`:", recipe.file));
        page.verbatim(recipe.profile);
        page.paragraph("Then:");
        page.verbatim(recipe.commands);
    }
    page.section("See also");
    page.paragraph("sandbox(1), sandbox-profile(5)");
    page.finish()
}
