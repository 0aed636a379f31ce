//! The limits of setrlimit(2) of a further program: the profile's, and for all others what the first one inherited.

use crate::model::{Invalid, Resource, Rlimit, RlimitValue};
use crate::plan::ProcessLimit;

use super::given;

/// Whose limits a process has by inheritance: those of its caller.
pub type OwnLimits = Vec<(Resource, Rlimit)>;

/// A limit as it is told: the resource's key, soft, hard.
pub(super) type SeatLimit = (String, u64, u64);

/// The profile's.
pub(super) fn told(limit: &ProcessLimit) -> SeatLimit {
    seat_limit(limit.resource, limit.limit.value)
}

/// Those that the profile leaves to the caller.
pub(super) fn inherited(own: &OwnLimits, profile: &[ProcessLimit]) -> Vec<SeatLimit> {
    let is_set = |resource| profile.iter().any(|limit| limit.resource == resource);
    let left = own.iter().filter(|(resource, _)| !is_set(*resource));
    left.map(|(resource, limit)| seat_limit(*resource, *limit))
        .collect()
}

fn seat_limit(resource: Resource, limit: Rlimit) -> SeatLimit {
    let Rlimit { soft, hard } = limit;
    (resource.key.to_owned(), soft.raw(), hard.raw())
}

/// The steps' limits: the profile's as they are, so that one which cannot be is an error; of the inherited ones
/// those that are not the asking caller's own already, and nothing above what that one may have.
pub(super) fn all(
    profile: &[SeatLimit],
    inherited: &[SeatLimit],
    own: &OwnLimits,
) -> Result<Vec<ProcessLimit>, Invalid> {
    let profile = profile.iter().map(read);
    let inherited = inherited.iter().map(|limit| lowered(read(limit)?, own));
    profile
        .map(|limit| limit.map(Some))
        .chain(inherited)
        .filter_map(Result::transpose)
        .collect()
}

fn lowered(limit: ProcessLimit, own: &OwnLimits) -> Result<Option<ProcessLimit>, Invalid> {
    let own = own.iter().find(|(resource, _)| *resource == limit.resource);
    let Some((resource, own)) = own.copied() else {
        return Ok(Some(limit));
    };
    let Rlimit { soft, hard } = limit.limit.value;
    let lowered = Rlimit {
        soft: soft.min(own.hard),
        hard: hard.min(own.hard),
    };
    Ok((lowered != own).then(|| ProcessLimit {
        resource,
        limit: given(lowered),
    }))
}

fn read((key, soft, hard): &SeatLimit) -> Result<ProcessLimit, Invalid> {
    let value = |raw: u64| match raw {
        u64::MAX => RlimitValue::Unlimited,
        raw => RlimitValue::Value(raw),
    };
    Ok(ProcessLimit {
        resource: key.parse()?,
        limit: given(Rlimit {
            soft: value(*soft),
            hard: value(*hard),
        }),
    })
}
