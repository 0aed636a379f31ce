//! `[supervise]`: how a sandbox is watched and ended.

use std::time::Duration;

use crate::model::{Period, Signal, Switch};
use crate::plan::Supervise;
use crate::profile::raw::RawSupervise;

use super::or_default;
use super::scope::Scope;

/// How long a program may take to end.
const STOP_TIMEOUT: Period = Period(Duration::from_secs(10));

pub(super) fn resolve(raw: &RawSupervise, scope: &mut Scope<'_>) -> Option<Supervise> {
    let RawSupervise {
        kill_on_parent_exit,
        stop_signal,
        stop_timeout,
    } = raw;
    let stop_timeout = scope.setting_or(stop_timeout, "supervise.stop_timeout", STOP_TIMEOUT);
    Some(Supervise {
        kill_on_parent_exit: or_default(kill_on_parent_exit, true).map(Switch::from),
        stop_signal: or_default(stop_signal, Signal::TERM),
        stop_timeout: stop_timeout?,
    })
}
