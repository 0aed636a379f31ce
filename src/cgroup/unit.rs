//! Asks the caller's service manager for a scope: the one conversation over D-Bus.
//!
//! The library runs threads for it, so it is never had in the process that clones: `sandbox` starts
//! itself anew for it (`scope`), and that process ends with its answer.

use std::time::Duration;

use zbus::Variant;
use zbus::connection::Builder;

/// How long the manager may take; a busy host of ours took a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

const MANAGER: &str = "org.freedesktop.systemd1";
const PLACE: &str = "/org/freedesktop/systemd1";
const INTERFACE: &str = "org.freedesktop.systemd1.Manager";

type Property<'a> = (&'a str, Variant<'a>);

/// Has the process `pid` moved into a new scope `name` whose group it may divide.
///
/// The manager answers when it has taken the job; the process is moved shortly after.
///
/// # Errors
/// What the manager, or the way to it, says.
pub fn start_scope(name: &str, pid: u32) -> Result<(), String> {
    let started = zbus::block_on(async {
        let bus = Builder::session().method_timeout(PATIENCE).build().await?;
        // Limits are not among them: the unit holds the supervisor too, and would count it.
        let properties: Vec<Property<'_>> = vec![
            ("Description", Variant::from("a program in a sandbox")),
            ("PIDs", Variant::from(vec![pid])),
            ("Delegate", Variant::from(true)),
            ("CollectMode", Variant::from("inactive-or-failed")),
        ];
        let others: Vec<(&str, Vec<Property<'_>>)> = Vec::new();
        let request = (name, "fail", properties, others);
        bus.call_method(
            Some(MANAGER),
            PLACE,
            Some(INTERFACE),
            "StartTransientUnit",
            &request,
        )
        .await
    });
    started.map(drop).map_err(|error| error.to_string())
}
