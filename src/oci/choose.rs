//! Which of the images of a layout is meant: by its name, then by the machine.

use std::collections::BTreeSet;

use super::error::{Fault, ImageError};
use super::json::{Config, Descriptor, Index, Manifest, RawPlatform, Saved};
use super::place::Place;
use crate::archive::printable;
use crate::model::{Platform, PlatformSpec};

/// Indexes within indexes.
const DEEPEST: usize = 4;

/// Manifests of a whole layout.
const MOST: usize = 1000;

const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// Annotations that hold names.
const NAMES: [&str; 2] = [
    "org.opencontainers.image.ref.name",
    // What newer `docker save` puts beside it: the whole name.
    "io.containerd.image.name",
];

/// One image of a layout.
#[derive(Debug, Clone)]
pub(super) struct Candidate<T> {
    names: Vec<String>,
    platform: Option<Platform>,
    pub what: T,
}

/// All manifests of a layout, those of nested indexes too.
pub(super) fn of_index(
    place: &Place,
    index: Index,
) -> Result<Vec<Candidate<Descriptor>>, ImageError> {
    let mut found: Vec<Candidate<Descriptor>> = Vec::new();
    let mut waiting = vec![(index, Vec::new(), 0)];
    let mut read = 0;
    while let Some((index, outer, depth)) = waiting.pop() {
        for descriptor in index.manifests {
            read += 1;
            if read > MOST || depth > DEEPEST {
                return Err(place.fault(Fault::Nested));
            }
            let own = NAMES
                .iter()
                .filter_map(|key| descriptor.annotations.get(*key));
            let names: Vec<String> = outer.iter().chain(own).cloned().collect();
            if INDEXES.contains(&descriptor.media_type.as_str()) {
                let nested: Index = place.document(&descriptor.digest, descriptor.size)?;
                let own_type = nested.media_type.as_deref();
                let agrees = own_type.is_none_or(|own| own == descriptor.media_type);
                if !agrees || nested.layers.is_some() {
                    return Err(
                        place.part(&descriptor.digest, "says of itself that it is no index")
                    );
                }
                waiting.push((nested, names, depth + 1));
            } else if MANIFESTS.contains(&descriptor.media_type.as_str()) {
                add(&mut found, descriptor, names);
            }
        }
    }
    Ok(found)
}

/// One image under two names is one image.
fn add(found: &mut Vec<Candidate<Descriptor>>, descriptor: Descriptor, names: Vec<String>) {
    let same = |known: &&mut Candidate<Descriptor>| known.what.digest == descriptor.digest;
    match found.iter_mut().find(same) {
        Some(known) => known.names.extend(names),
        None => found.push(Candidate {
            names,
            platform: descriptor.platform.as_ref().map(RawPlatform::platform),
            what: descriptor,
        }),
    }
}

/// The images of a `manifest.json`.
pub(super) fn of_saved(saved: Vec<Saved>) -> Vec<Candidate<Saved>> {
    let candidate = |saved: Saved| Candidate {
        names: saved.repo_tags.clone().unwrap_or_default(),
        platform: None,
        what: saved,
    };
    saved.into_iter().map(candidate).collect()
}

/// The manifest that a descriptor names, and its configuration.
pub(super) fn manifest(
    place: &Place,
    descriptor: &Descriptor,
) -> Result<Option<(Manifest, Config)>, ImageError> {
    let manifest: Manifest = place.document(&descriptor.digest, descriptor.size)?;
    let own = manifest.media_type.as_deref();
    if own.is_some_and(|own| own != descriptor.media_type) || manifest.manifests.is_some() {
        return Err(place.part(&descriptor.digest, "says of itself that it is no manifest"));
    }
    // Signatures and other artifacts have manifests too.
    if !CONFIGS.contains(&manifest.config.media_type.as_str()) {
        return Ok(None);
    }
    let config = place.document(&manifest.config.digest, manifest.config.size)?;
    Ok(Some((manifest, config)))
}

/// The one candidate that is meant. `read` gives what is known of one once it is read, or nothing where
/// it is no image.
pub(super) fn choose<T, R>(
    place: &Place,
    candidates: Vec<Candidate<T>>,
    reference: Option<&str>,
    platform: &PlatformSpec,
    read: impl Fn(&T) -> Result<Option<(R, Platform)>, ImageError>,
) -> Result<(T, R), ImageError> {
    let wanted = match platform {
        PlatformSpec::Machine => Platform::of_machine(),
        PlatformSpec::Named(platform) => platform.clone(),
    };
    let named = by_name(place, candidates, reference)?;
    let mut others = BTreeSet::new();
    let mut found = Vec::new();
    for candidate in named {
        if let Some(platform) = candidate.platform.as_ref().filter(|own| !wanted.takes(own)) {
            others.insert(platform.clone());
            continue;
        }
        match read(&candidate.what)? {
            None => {}
            Some((image, own)) if wanted.takes(&own) => found.push((candidate, image, own)),
            Some((_, own)) => drop(others.insert(own)),
        }
    }
    // One for every such processor is the one that is meant where nothing more was said.
    if found.len() > 1 && found.iter().filter(|(.., own)| *own == wanted).count() == 1 {
        found.retain(|(.., own)| *own == wanted);
    }
    if found.len() > 1 {
        let found: Vec<_> = found
            .iter()
            .map(|(candidate, _, own)| (candidate.names.as_slice(), own))
            .collect();
        return Err(several(place, &found));
    }
    match found.pop() {
        Some((candidate, image, _)) => Ok((candidate.what, image)),
        None => {
            // What nobody can run (`unknown/unknown`) is no offer.
            let found = others.into_iter().filter(|other| other.os != "unknown");
            let found = found.collect();
            Err(place.fault(Fault::NoPlatform { wanted, found }))
        }
    }
}

fn by_name<T>(
    place: &Place,
    candidates: Vec<Candidate<T>>,
    reference: Option<&str>,
) -> Result<Vec<Candidate<T>>, ImageError> {
    let Some(wanted) = reference else {
        return Ok(candidates);
    };
    let all: BTreeSet<String> = candidates
        .iter()
        .flat_map(|candidate| candidate.names.iter())
        .map(|name| printable(name.as_bytes()))
        .collect();
    let is_meant =
        |candidate: &Candidate<T>| candidate.names.iter().any(|name| is_named(name, wanted));
    let named: Vec<_> = candidates.into_iter().filter(is_meant).collect();
    match named.is_empty() {
        false => Ok(named),
        true => Err(place.fault(Fault::NoName {
            wanted: wanted.to_owned(),
            found: all.into_iter().collect(),
        })),
    }
}

/// Whether `wanted` is a name, the end of it behind a `/`, or its tag.
fn is_named(name: &str, wanted: &str) -> bool {
    let end = |separator: char| {
        let rest = name.strip_suffix(wanted);
        rest.is_some_and(|rest| rest.ends_with(separator))
    };
    name == wanted || end('/') || (!wanted.contains([':', '/']) && end(':'))
}

/// What tells the images that are left apart: their names, or else their machines.
fn several(place: &Place, found: &[(&[String], &Platform)]) -> ImageError {
    let platforms: BTreeSet<&Platform> = found.iter().map(|(_, own)| *own).collect();
    let words = match platforms.len() == found.len() {
        true => platforms.iter().map(|own| own.to_string()).collect(),
        false => {
            let names = found.iter().flat_map(|(names, _)| names.iter());
            names
                .map(|name| printable(name.as_bytes()))
                .collect::<BTreeSet<_>>()
        }
    };
    place.fault(Fault::Several {
        found: words.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_meant_by_its_end() {
        let whole = "docker.io/library/alpine:3.20";
        for wanted in [whole, "library/alpine:3.20", "alpine:3.20", "3.20"] {
            assert!(is_named(whole, wanted), "{wanted}");
        }
        for wanted in ["pine:3.20", "20", "alpine", "docker.io", ""] {
            assert!(!is_named(whole, wanted), "{wanted}");
        }
    }
}
