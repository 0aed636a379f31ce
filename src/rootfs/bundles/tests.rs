//! The four layouts, each as files below a directory that stands for the host's root.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

/// A root with these files; `a -> b` is a link.
fn root(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let (path, target) = match file.split_once(" -> ") {
            Some((path, target)) => (path, Some(target)),
            None => (*file, None),
        };
        let path = root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match target {
            Some(target) => symlink(target, &path).unwrap(),
            None => fs::write(&path, "").unwrap(),
        }
    }
    root
}

/// What is found of a bundle, by its paths free of links.
fn found(root: &tempfile::TempDir, bundle: Bundle) -> Option<BTreeSet<String>> {
    let view = View::open(root.path()).unwrap();
    let paths = find(&view, bundle)?;
    let real = |path: &PathBuf| view.find(path).unwrap().path;
    let real = paths.iter().map(real);
    Some(real.map(|path| path.to_str().unwrap().to_owned()).collect())
}

#[track_caller]
fn check(root: &tempfile::TempDir, bundle: Bundle, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|path| (*path).to_owned()).collect();
    assert_eq!(found(root, bundle).unwrap(), expected, "{bundle}");
}

#[test]
fn debian() {
    let root = root(&[
        "/lib -> usr/lib",
        "/usr/share/ca-certificates/mozilla/A.crt",
        "/etc/ssl/certs/A.pem -> /usr/share/ca-certificates/mozilla/A.crt",
        "/etc/ssl/openssl.cnf",
        "/etc/ssl/private/key",
        "/usr/lib/ssl/certs -> /etc/ssl/certs",
        "/usr/lib/ssl/openssl.cnf -> /etc/ssl/openssl.cnf",
        "/usr/lib/ssl/private -> /etc/ssl/private",
        "/usr/share/zoneinfo/Europe/Berlin",
        "/etc/localtime -> /usr/share/zoneinfo/Europe/Berlin",
        "/etc/timezone",
        "/usr/lib/terminfo/x/xterm",
        "/usr/share/terminfo/a/ansi",
        "/usr/lib/locale/C.utf8/LC_CTYPE",
        "/usr/share/locale/locale.alias -> /etc/locale.alias",
        "/etc/locale.alias",
        "/usr/share/locale/de/LC_MESSAGES/x.mo",
        "/usr/lib/x86_64-linux-gnu/gconv/UTF-16.so",
        "/usr/lib/x86_64-linux-gnu/libnss_files.so.2",
        "/usr/lib/x86_64-linux-gnu/libnss3.so",
        "/etc/nsswitch.conf",
        "/etc/hosts",
        "/etc/passwd",
        "/usr/lib32/gconv/UTF-16.so",
        "/usr/share/fonts/truetype/x.ttf",
        "/usr/share/fontconfig/conf.avail/10.conf",
        "/etc/fonts/fonts.conf",
        "/var/cache/fontconfig/x.cache-8",
    ]);
    check(
        &root,
        Bundle::CaCertificates,
        &[
            "/usr/share/ca-certificates",
            "/etc/ssl/certs",
            "/etc/ssl/openssl.cnf",
        ],
    );
    check(
        &root,
        Bundle::Tzdata,
        &[
            "/usr/share/zoneinfo",
            "/usr/share/zoneinfo/Europe/Berlin",
            "/etc/timezone",
        ],
    );
    check(
        &root,
        Bundle::Terminfo,
        &["/usr/lib/terminfo", "/usr/share/terminfo"],
    );
    check(
        &root,
        Bundle::Locale,
        &[
            "/usr/lib/locale",
            "/etc/locale.alias",
            "/usr/lib/x86_64-linux-gnu/gconv",
        ],
    );
    check(
        &root,
        Bundle::Nss,
        &[
            "/etc/nsswitch.conf",
            "/usr/lib/x86_64-linux-gnu/libnss_files.so.2",
        ],
    );
    check(
        &root,
        Bundle::Fonts,
        &[
            "/usr/share/fonts",
            "/usr/share/fontconfig",
            "/etc/fonts",
            "/var/cache/fontconfig",
        ],
    );
}

#[test]
fn fedora() {
    let root = root(&[
        "/lib64 -> usr/lib64",
        "/etc/ssl/certs -> ../pki/tls/certs",
        "/etc/ssl/openssl.cnf -> ../pki/tls/openssl.cnf",
        "/etc/pki/tls/certs/ca-bundle.crt -> /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/cert.pem -> /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/openssl.cnf",
        "/etc/pki/tls/private/localhost.key",
        "/etc/pki/rpm-gpg/KEY",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/crypto-policies/back-ends/opensslcnf.config -> /usr/share/crypto-policies/DEFAULT/opensslcnf.txt",
        "/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit",
        "/usr/lib64/pkcs11/p11-kit-trust.so",
        "/usr/share/p11-kit/modules/p11-kit-trust.module",
        "/usr/share/terminfo/x/xterm",
        "/usr/lib/locale/C.utf8/LC_CTYPE",
        "/usr/lib64/gconv/UTF-16.so",
        "/etc/nsswitch.conf -> /etc/authselect/nsswitch.conf",
        "/etc/authselect/nsswitch.conf",
        "/etc/services",
        "/usr/lib64/libnss_sss.so.2",
        "/usr/share/fonts/dejavu-sans-fonts/x.ttf",
        "/usr/lib/fontconfig/cache/x.cache-9",
    ]);
    check(
        &root,
        Bundle::CaCertificates,
        &[
            "/etc/pki/tls/certs",
            "/etc/pki/tls/openssl.cnf",
            "/etc/pki/ca-trust/extracted",
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
            "/etc/crypto-policies/back-ends",
            "/usr/share/pki/ca-trust-source",
            "/usr/lib64/pkcs11/p11-kit-trust.so",
            "/usr/share/p11-kit/modules/p11-kit-trust.module",
        ],
    );
    check(&root, Bundle::Terminfo, &["/usr/share/terminfo"]);
    check(
        &root,
        Bundle::Locale,
        &["/usr/lib/locale", "/usr/lib64/gconv"],
    );
    check(
        &root,
        Bundle::Nss,
        &[
            "/etc/authselect/nsswitch.conf",
            "/etc/services",
            "/usr/lib64/libnss_sss.so.2",
        ],
    );
    check(
        &root,
        Bundle::Fonts,
        &["/usr/share/fonts", "/usr/lib/fontconfig/cache"],
    );
}

#[test]
fn alpine() {
    let root = root(&[
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/ssl/cert.pem -> certs/ca-certificates.crt",
        "/etc/ssl/openssl.cnf",
        "/usr/share/zoneinfo/UTC",
        "/etc/terminfo/x/xterm",
        "/usr/share/i18n/locales/musl/de_DE.UTF-8",
        "/etc/services",
        "/etc/protocols",
        "/usr/share/fonts/dejavu/x.ttf",
    ]);
    check(
        &root,
        Bundle::CaCertificates,
        &[
            "/etc/ssl/certs",
            "/etc/ssl/certs/ca-certificates.crt",
            "/etc/ssl/openssl.cnf",
        ],
    );
    check(&root, Bundle::Tzdata, &["/usr/share/zoneinfo"]);
    check(&root, Bundle::Terminfo, &["/etc/terminfo"]);
    check(&root, Bundle::Locale, &["/usr/share/i18n/locales/musl"]);
    check(&root, Bundle::Nss, &["/etc/services", "/etc/protocols"]);
    check(&root, Bundle::Fonts, &["/usr/share/fonts"]);
}

#[test]
fn arch() {
    let root = root(&[
        "/lib -> usr/lib",
        "/lib64 -> usr/lib",
        "/usr/lib64 -> lib",
        "/etc/ca-certificates/extracted/cadir/A.pem",
        "/etc/ssl/certs/A.pem -> ../../ca-certificates/extracted/cadir/A.pem",
        "/etc/ssl/cert.pem -> ../ca-certificates/extracted/tls-ca-bundle.pem",
        "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
        "/usr/lib/pkcs11/p11-kit-trust.so",
        "/usr/share/terminfo/x/xterm",
        "/usr/lib/terminfo -> ../share/terminfo",
        "/usr/lib/locale/locale-archive",
        "/usr/lib/gconv/UTF-16.so",
        "/usr/lib/libnss_files.so.2",
        "/etc/protocols",
        "/usr/share/fonts/TTF/x.ttf",
    ]);
    check(
        &root,
        Bundle::CaCertificates,
        &[
            "/etc/ca-certificates/extracted",
            "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
            "/etc/ssl/certs",
            "/usr/lib/pkcs11/p11-kit-trust.so",
        ],
    );
    check(&root, Bundle::Terminfo, &["/usr/share/terminfo"]);
    check(
        &root,
        Bundle::Locale,
        &["/usr/lib/locale", "/usr/lib/gconv"],
    );
    check(
        &root,
        Bundle::Nss,
        &["/etc/protocols", "/usr/lib/libnss_files.so.2"],
    );
}

#[test]
fn what_is_of_no_use_alone_is_not_enough() {
    let host = root(&[
        "/etc/ssl/openssl.cnf",
        "/etc/timezone",
        "/usr/lib/x86_64-linux-gnu/gconv/UTF-16.so",
        "/etc/host.conf",
        "/etc/fonts/fonts.conf",
    ]);
    // Debian's package `openssl` leaves the directory empty.
    fs::create_dir(host.path().join("etc/ssl/certs")).unwrap();
    for word in Bundle::WORDS {
        assert_eq!(found(&host, word.parse().unwrap()), None, "{word}");
    }
    let error = none_of(Bundle::Tzdata);
    assert_eq!(
        error.to_string(),
        "this host has nothing for the bundle `tzdata`: it is not in `/usr/share/zoneinfo`"
    );
}

#[test]
fn absent_and_listed_paths_are_told() {
    let host = root(&["/etc/services"]);
    let view = View::open(host.path()).unwrap();
    assert!(find(&view, Bundle::Nss).is_some());
    let looked = view.looked();
    assert!(looked.contains(Path::new("/etc/protocols")), "{looked:?}");
    assert!(!looked.contains(Path::new("/etc/services")), "{looked:?}");
    let host = root(&["/etc/services", "/usr/lib/libnss_files.so.2"]);
    let view = View::open(host.path()).unwrap();
    assert!(find(&view, Bundle::Nss).is_some());
    assert!(view.looked().contains(Path::new("/usr/lib")));
}

#[test]
fn every_row_is_an_absolute_path_free_of_dots() {
    for word in Bundle::WORDS {
        let bundle = word.parse().unwrap();
        for row in rows(bundle) {
            let path = Path::new(row.pattern);
            assert!(
                path.is_absolute() && !row.pattern.contains(".."),
                "{path:?}"
            );
        }
        assert!(rows(bundle).iter().any(|row| row.weight == Weight::Enough));
    }
}
