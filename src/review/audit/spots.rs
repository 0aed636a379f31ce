//! Places of the host that matter, and why.

use super::score::Weight;

/// A file or directory that is worth a finding.
pub(super) struct Spot {
    /// Where it lies; `~` is any home.
    pub path: &'static str,
    /// What is there.
    pub what: &'static str,
}

const fn spot(path: &'static str, what: &'static str) -> Spot {
    Spot { path, what }
}

/// Of one user: whoever reads it can act as them elsewhere.
pub(super) const SECRETS: &[Spot] = &[
    spot("~/.ssh", "SSH keys"),
    spot("~/.gnupg", "GnuPG keys"),
    spot("~/.aws", "AWS credentials"),
    spot("~/.azure", "Azure credentials"),
    spot("~/.config/gcloud", "Google Cloud credentials"),
    spot("~/.kube", "credentials of clusters"),
    spot("~/.docker/config.json", "passwords of registries"),
    spot("~/.config/containers/auth.json", "passwords of registries"),
    spot("~/.config/gh", "a GitHub token"),
    spot("~/.config/hub", "a GitHub token"),
    spot("~/.config/glab-cli", "a GitLab token"),
    spot("~/.git-credentials", "git passwords"),
    spot("~/.config/git/credentials", "git passwords"),
    spot("~/.netrc", "passwords"),
    spot("~/.pgpass", "passwords of databases"),
    spot("~/.my.cnf", "passwords of databases"),
    spot("~/.npmrc", "an npm token"),
    spot("~/.pypirc", "a PyPI token"),
    spot("~/.cargo/credentials.toml", "a crates.io token"),
    spot("~/.cargo/credentials", "a crates.io token"),
    spot("~/.gem/credentials", "a RubyGems token"),
    spot("~/.m2/settings.xml", "passwords of Maven repositories"),
    spot("~/.terraform.d", "a Terraform token"),
    spot("~/.vault-token", "a Vault token"),
    spot("~/.config/op", "1Password sessions"),
    spot("~/.config/rclone", "passwords of remote storage"),
    spot("~/.config/sops", "age keys"),
    spot("~/.password-store", "passwords"),
    spot("~/.local/share/keyrings", "keyrings"),
    spot("~/.local/share/kwalletd", "wallets"),
    spot("~/.pki", "certificates and their keys"),
    spot("~/.mozilla", "browser profiles"),
    spot("~/.config/google-chrome", "browser profiles"),
    spot("~/.config/chromium", "browser profiles"),
    spot("~/.config/BraveSoftware", "browser profiles"),
    spot("~/.config/microsoft-edge", "browser profiles"),
    spot("~/.thunderbird", "mail"),
    spot("~/.config/Signal", "messages"),
    spot("~/.config/Slack", "messages"),
    spot("~/.config/discord", "messages"),
    spot("~/.local/share/TelegramDesktop", "messages"),
    spot("~/.var/app", "data of Flatpak applications"),
    spot("~/.bash_history", "the shell's history"),
    spot("~/.zsh_history", "the shell's history"),
];

/// Of the system: their modes keep them from most users, and the sandbox's is one of those.
pub(super) const SYSTEM_SECRETS: &[Spot] = &[
    spot("/etc/shadow", "password hashes"),
    spot("/etc/gshadow", "password hashes"),
    spot("/etc/ssh", "host keys"),
    spot("/etc/ssl/private", "private keys"),
    spot("/etc/wireguard", "private keys"),
    spot(
        "/etc/NetworkManager/system-connections",
        "network passwords",
    ),
    spot("/etc/krb5.keytab", "Kerberos keys"),
];

/// What those weigh that modes protect as well.
pub(super) const SYSTEM_SECRET: Weight = Weight::tenths(10);

/// What other programs of the user run or obey: who writes there runs code outside.
pub(super) const STARTUP: &[Spot] = &[
    spot("~/.bashrc", "every shell runs it"),
    spot("~/.bash_profile", "every login runs it"),
    spot("~/.bash_login", "every login runs it"),
    spot("~/.bash_logout", "every logout runs it"),
    spot("~/.bash_aliases", "every shell runs it"),
    spot("~/.profile", "every login runs it"),
    spot("~/.zshrc", "every shell runs it"),
    spot("~/.zshenv", "every shell runs it"),
    spot("~/.zprofile", "every login runs it"),
    spot("~/.config/fish", "every shell runs it"),
    spot("~/.xprofile", "every session runs it"),
    spot("~/.xinitrc", "every session runs it"),
    spot("~/.xsession", "every session runs it"),
    spot("~/.config/autostart", "every session runs what is there"),
    spot("~/.config/systemd", "the user's manager runs what is there"),
    spot(
        "~/.local/share/systemd",
        "the user's manager runs what is there",
    ),
    spot(
        "~/.local/share/dbus-1",
        "the session bus starts what is there",
    ),
    spot(
        "~/.config/environment.d",
        "every session takes variables from it",
    ),
    spot("~/.pam_environment", "every login takes variables from it"),
    spot(
        "~/.local/share/applications",
        "the desktop starts what is there",
    ),
    spot("~/.local/bin", "it is in the user's PATH"),
    spot("~/bin", "it is in the user's PATH"),
    spot("~/go/bin", "it is in the user's PATH"),
    spot("~/.cargo/bin", "it is in the user's PATH"),
    spot("~/.cargo/config.toml", "every cargo obeys it"),
    spot("~/.rustup", "every cargo and rustc comes from it"),
    spot("~/.nvm", "every shell runs it"),
    spot("~/.pyenv", "every shell runs it"),
    spot("~/.local/lib", "every Python imports from it"),
    spot("~/.gitconfig", "every git obeys it"),
    spot("~/.config/git", "every git obeys it"),
    spot(
        "~/.ssh",
        "it says who may log in, and ssh obeys its settings",
    ),
    spot("~/.gnupg", "gpg obeys its settings"),
    spot("~/.docker", "docker runs the helpers that it names"),
    spot("~/.kube", "kubectl runs the helpers that it names"),
    spot("~/.npmrc", "every npm obeys it"),
    spot("~/.vimrc", "every vim runs it"),
    spot("~/.vim", "every vim runs it"),
    spot("~/.config/nvim", "every nvim runs it"),
    spot("~/.emacs", "every emacs runs it"),
    spot("~/.emacs.d", "every emacs runs it"),
    spot("~/.config/Code", "the editor runs what is there"),
    spot("~/.vscode", "the editor runs what is there"),
    spot("~/.tmux.conf", "every tmux runs it"),
    spot("~/.config/sandbox", "profiles come from it"),
];

/// Of the system: programs, their settings and their data.
pub(super) const SYSTEM: &[Spot] = &[
    spot("/etc", "the system's settings"),
    spot("/usr", "the host's programs"),
    spot("/bin", "the host's programs"),
    spot("/sbin", "the host's programs"),
    spot("/lib", "the host's libraries"),
    spot("/lib64", "the host's libraries"),
    spot("/opt", "the host's programs"),
    spot("/boot", "the kernel"),
    spot("/efi", "the boot loader"),
    spot("/var", "the data of the host's services"),
    spot("/run", "the state of the host's services"),
    spot("/nix", "the host's programs"),
    spot("/snap", "the host's programs"),
    spot("/srv", "the data of the host's services"),
];

/// Directories of many, for many things, of which a program needs one.
pub(super) const BROAD: &[Spot] = &[
    spot("/var", "logs, mail, caches and the data of every service"),
    spot("/var/lib", "the data of every service"),
    spot("/var/log", "logs"),
    spot("/var/tmp", "files and sockets of every other program"),
    spot("/tmp", "files and sockets of every other program"),
    spot("/srv", "the data of every service"),
    spot("/mnt", "whatever is mounted there"),
    spot("/media", "whatever is mounted there"),
    spot("/run/media", "whatever is mounted there"),
    spot("~/Documents", "documents of every kind"),
    spot("~/Downloads", "whatever was downloaded"),
    spot("~/Desktop", "whatever lies there"),
];
