//! What each bundle holds, as Debian, Fedora, Alpine and Arch lay it out.
//!
//! A path that a host has not is passed over. Where a path is reached by two rows, as on hosts whose
//! /lib is a link to usr/lib, it comes once. Directories come whole; links in them bring what they lead to.

use crate::model::Bundle;

/// One place of a bundle.
pub(super) struct Row {
    /// Absolute; `*` stands for any part of one name.
    pub pattern: &'static str,
    pub weight: Weight,
}

/// What a row alone is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// A host with this has the bundle; an empty directory is not enough.
    Enough,
    /// Of use beside the others.
    Beside,
}

const fn enough(pattern: &'static str) -> Row {
    Row {
        pattern,
        weight: Weight::Enough,
    }
}

const fn beside(pattern: &'static str) -> Row {
    Row {
        pattern,
        weight: Weight::Beside,
    }
}

/// A bundle's rows, in the order in which they are brought.
pub(super) fn rows(bundle: Bundle) -> &'static [Row] {
    match bundle {
        Bundle::CaCertificates => CA_CERTIFICATES,
        Bundle::Tzdata => TZDATA,
        Bundle::Terminfo => TERMINFO,
        Bundle::Locale => LOCALE,
        Bundle::Nss => NSS,
        Bundle::Fonts => FONTS,
    }
}

/// What to install where a host has nothing of a bundle: it is not known which of them it is.
pub(super) fn packages(bundle: Bundle) -> &'static str {
    match bundle {
        Bundle::CaCertificates => "`ca-certificates` (Debian, Fedora, Alpine, Arch)",
        Bundle::Tzdata => "`tzdata` (Debian, Fedora, Alpine, Arch)",
        Bundle::Terminfo => {
            "`ncurses-base` (Debian, Fedora), `ncurses-terminfo-base` (Alpine) or `ncurses` (Arch)"
        }
        Bundle::Locale => {
            "`libc-bin` (Debian), `glibc-langpack-en` (Fedora), `musl-locales` (Alpine) or `glibc` (Arch)"
        }
        Bundle::Nss => {
            "`netbase` (Debian), `setup` (Fedora), `alpine-baselayout` (Alpine) or `iana-etc` (Arch)"
        }
        Bundle::Fonts => {
            "`fontconfig` and a font: `fonts-dejavu-core` (Debian), `dejavu-sans-fonts` (Fedora), `font-dejavu` (Alpine) or `ttf-dejavu` (Arch)"
        }
    }
}

const CA_CERTIFICATES: &[Row] = &[
    // Debian, Alpine, Arch: what the links in /etc/ssl/certs lead to, or the source of what is there.
    beside("/usr/share/ca-certificates"),
    beside("/usr/local/share/ca-certificates"),
    // Arch: what `update-ca-trust` makes of them.
    enough("/etc/ca-certificates/extracted"),
    // Fedora: the same; Java's among it.
    enough("/etc/pki/ca-trust/extracted"),
    // What p11-kit reads, and by it GnuTLS of Fedora, Alpine and Arch; its module is a plug-in.
    beside("/etc/pki/ca-trust/source"),
    beside("/etc/ca-certificates/trust-source"),
    beside("/usr/share/pki/ca-trust-source"),
    beside("/usr/share/p11-kit/modules/p11-kit-trust.module"),
    beside("/usr/lib/pkcs11/p11-kit-trust.so"),
    beside("/usr/lib64/pkcs11/p11-kit-trust.so"),
    beside("/usr/lib/*-linux-*/pkcs11/p11-kit-trust.so"),
    // Where OpenSSL and most others look, on every host: one file for each authority, or all in one.
    enough("/etc/ssl/certs"),
    enough("/etc/ssl/cert.pem"),
    // Fedora's OPENSSLDIR, without the private keys beside them.
    enough("/etc/pki/tls/certs"),
    enough("/etc/pki/tls/cert.pem"),
    beside("/etc/pki/tls/openssl.cnf"),
    beside("/etc/pki/tls/openssl.d"),
    beside("/etc/pki/tls/ct_log_list.cnf"),
    // What Fedora's openssl.cnf and GnuTLS include: which ciphers the host allows.
    beside("/etc/crypto-policies/back-ends"),
    // What every other host's OpenSSL reads when it starts.
    beside("/etc/ssl/openssl.cnf"),
    beside("/etc/ssl/ct_log_list.cnf"),
    // Debian's OPENSSLDIR: links to the above.
    beside("/usr/lib/ssl/certs"),
    beside("/usr/lib/ssl/cert.pem"),
    beside("/usr/lib/ssl/openssl.cnf"),
];

const TZDATA: &[Row] = &[
    // Every zone, by the name that TZ gives.
    enough("/usr/share/zoneinfo"),
    // The host's own: a link to one of them, and on Debian its name, which some programs read.
    beside("/etc/localtime"),
    beside("/etc/timezone"),
];

const TERMINFO: &[Row] = &[
    // What the administrator added; Alpine has the usual terminals here.
    enough("/etc/terminfo"),
    // Debian: the usual terminals, which are needed before /usr is mounted.
    enough("/lib/terminfo"),
    // All terminals; on Debian those of the package `ncurses-term`.
    enough("/usr/share/terminfo"),
    // On some hosts a link to the former, on others all of them.
    enough("/usr/lib/terminfo"),
];

const LOCALE: &[Row] = &[
    // glibc: one archive of all locales, or a directory for each.
    enough("/usr/lib/locale"),
    // musl: where `musl-locales` has them, which MUSL_LOCPATH names.
    enough("/usr/share/i18n/locales/musl"),
    // Other names of locales; on Debian a link to /etc.
    beside("/usr/share/locale/locale.alias"),
    // Character sets other than UTF-8, for iconv(3): plug-ins, their list, and its quick form. They are 8 MB,
    // so those of Debian's /usr/lib32 and /usr/libx32 stay out.
    beside("/usr/lib/gconv"),
    beside("/usr/lib64/gconv"),
    beside("/usr/lib/*-linux-*/gconv"),
];

const NSS: &[Row] = &[
    // Which services answer which question.
    enough("/etc/nsswitch.conf"),
    // Names of ports, protocols, RPC programs and networks.
    enough("/etc/services"),
    enough("/etc/protocols"),
    beside("/etc/rpc"),
    beside("/etc/networks"),
    // How addresses are sorted, and how host names are looked up.
    beside("/etc/gai.conf"),
    beside("/etc/host.conf"),
    // The services: glibc opens `libnss_NAME.so.2` for each name in nsswitch.conf. musl has none.
    beside("/usr/lib/libnss_*.so.2"),
    beside("/usr/lib32/libnss_*.so.2"),
    beside("/usr/lib64/libnss_*.so.2"),
    beside("/usr/lib/*-linux-*/libnss_*.so.2"),
    beside("/lib/libnss_*.so.2"),
    beside("/lib64/libnss_*.so.2"),
    beside("/lib/*-linux-*/libnss_*.so.2"),
];

const FONTS: &[Row] = &[
    // What the links in /etc/fonts/conf.d lead to.
    beside("/usr/share/fontconfig"),
    // Which fonts to take, and where they are.
    beside("/etc/fonts"),
    // Its document type.
    beside("/usr/share/xml/fontconfig"),
    // The fonts.
    enough("/usr/share/fonts"),
    enough("/usr/local/share/fonts"),
    // What fontconfig knows of them: without it each program reads every font at its start.
    beside("/var/cache/fontconfig"),
    beside("/usr/lib/fontconfig/cache"),
];
