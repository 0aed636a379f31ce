//! Which of the other tests fail without each guard, as it was found: the rest is noticed by its row alone.

use std::process::Command;

use sandbox::model::guard::{Guard, VARIABLE};

/// Each guard and those of the tests below `run` that were tried and failed without it.
pub const CAUGHT: &[(Guard, &[&str])] = &[
    (
        Guard::NoNewPrivileges,
        &[
            "identity::a_setuid_program_gives_no_rights",
            "identity::no_new_privileges_holds_for_every_process",
        ],
    ),
    (
        Guard::UserNamespace,
        &[
            "filter::the_filter_is_on_the_first_process_too",
            "identity::roots_sandbox_is_not_the_hosts_root",
        ],
    ),
    (
        Guard::UnprivilegedId,
        &[
            "filter::the_filter_is_on_the_first_process_too",
            "identity::one_id_is_mapped_and_groups_cannot_be_left",
            "identity::roots_sandbox_is_not_the_hosts_root",
        ],
    ),
    (
        Guard::LeaveGroups,
        &["ids::root_may_keep_a_group_of_the_host_and_none_else"],
    ),
    (
        Guard::Landlock,
        &["landlock::abstract_sockets_of_a_shared_network_are_out_of_reach"],
    ),
    (
        Guard::PinParts,
        &["below::no_directory_on_the_way_to_a_part_is_moved_or_replaced"],
    ),
    (
        Guard::ReadOnlyParts,
        &["below::what_is_read_only_is_written_by_no_other_way"],
    ),
    (
        Guard::HideParts,
        &["below::what_is_hidden_shows_nothing_and_stays"],
    ),
    (
        Guard::BoundingSet,
        &[
            "filter::the_filter_is_on_the_first_process_too",
            "identity::every_capability_set_is_empty",
            "identity::kept_capabilities_are_kept_alone",
        ],
    ),
    (
        Guard::Capabilities,
        &[
            "identity::administration_is_refused_without_a_filter_too",
            "identity::kept_capabilities_are_kept_alone",
        ],
    ),
    (
        Guard::ForbidUserNamespaces,
        &["identity::no_user_namespace_is_made_inside"],
    ),
    (
        Guard::NewSession,
        &[
            "terminal::no_key_is_pushed_into_the_callers_terminal",
            "terminal::a_shell_has_job_control_and_the_size_of_the_terminal",
        ],
    ),
    (
        Guard::Umask,
        &["identity::signals_and_umask_are_put_in_a_known_state"],
    ),
    (
        Guard::ResetSignals,
        &["identity::signals_and_umask_are_put_in_a_known_state"],
    ),
    (
        Guard::ProcessLimits,
        &["limits::limits_of_the_process_hold"],
    ),
    (
        Guard::PivotRoot,
        &[
            "mounts::no_way_leads_to_the_old_root",
            "mounts::the_store_and_the_state_are_not_shown",
        ],
    ),
    (
        Guard::MaskProc,
        &[
            "kernel_trees::masks_hold_against_capabilities",
            "kernel_trees::what_tells_of_the_host_is_empty",
        ],
    ),
    (
        Guard::SealProc,
        &["kernel_trees::the_kernels_switches_are_read_only"],
    ),
    (
        Guard::MaskSys,
        &["kernel_trees::sys_is_absent_unless_asked_for_and_then_masked"],
    ),
    (
        Guard::SealDev,
        &["mounts::a_read_only_mount_stays_read_only"],
    ),
    (
        Guard::CloseDescriptors,
        &[
            "leaks::descriptors_that_are_named_pass_alone",
            "leaks::no_descriptor_of_the_caller_passes",
        ],
    ),
    (
        Guard::RefuseMagicLinks,
        &["leaks::the_launcher_is_not_run_or_reached_inside"],
    ),
    (
        Guard::PidNamespace,
        &[
            "ends::the_program_is_not_the_first_process",
            "kernel_trees::no_process_of_the_host_is_seen_and_not_the_first_of_the_sandbox",
        ],
    ),
    (Guard::IpcNamespace, &[]),
    (
        Guard::UtsNamespace,
        &["classic::a_host_name_set_inside_is_not_seen_outside"],
    ),
    (
        Guard::Filter,
        &[
            "filter::calls_that_reach_past_the_sandbox_are_refused",
            "filter::rare_families_of_sockets_are_refused",
            "filter::the_filter_is_on_the_first_process_too",
            "filter::the_numbers_of_other_architectures_end_the_program",
            "identity::no_user_namespace_is_made_inside",
            "leaks::no_set_id_file_is_made_for_the_host",
        ],
    ),
    (
        Guard::FilterOfInit,
        &["filter::the_filter_is_on_the_first_process_too"],
    ),
    (
        Guard::NetworkNamespace,
        &[
            "filter::the_network_ends_at_the_loopback_device",
            "kernel_trees::what_processes_share_is_not_shared_with_the_host",
        ],
    ),
    (
        Guard::EnterGroups,
        &["limits::the_program_is_in_its_group_and_cannot_leave_it"],
    ),
    (
        Guard::CgroupNamespace,
        &["limits::the_program_is_in_its_group_and_cannot_leave_it"],
    ),
    (
        Guard::DieWithParent,
        &[
            "ends::a_killed_supervisor_takes_everything_with_it",
            "ends::a_supervisor_killed_while_it_starts_leaves_nothing_running",
        ],
    ),
    (
        Guard::DieWithParentAgain,
        &["ends::a_supervisor_killed_while_it_starts_leaves_nothing_running"],
    ),
    (Guard::PrivateMounts, &[]),
    (
        Guard::DenySetgroups,
        &["identity::one_id_is_mapped_and_groups_cannot_be_left"],
    ),
    (
        Guard::UserNamespaceLimit,
        &["identity::no_user_namespace_is_made_inside"],
    ),
    (Guard::UserNamespaceTry, &[]),
    (
        Guard::ReadOnly,
        &[
            "mounts::a_read_only_mount_stays_read_only",
            "mounts::read_only_reaches_every_mount_below_a_bind",
        ],
    ),
    (
        Guard::EveryMountBelow,
        &["mounts::read_only_reaches_every_mount_below_a_bind"],
    ),
    (
        Guard::NoSuid,
        &["mounts::read_only_reaches_every_mount_below_a_bind"],
    ),
    (
        Guard::NoDev,
        &[
            "mounts::device_nodes_below_a_bind_are_dead",
            "mounts::read_only_reaches_every_mount_below_a_bind",
        ],
    ),
    (Guard::SourceLinks, &[]),
    (
        Guard::PrivateCopies,
        &["mounts::a_mount_made_inside_does_not_travel_out"],
    ),
    (Guard::TargetsInRoot, &[]),
    (Guard::KernelPlaces, &[]),
    (
        Guard::ReportLinks,
        &["leaks::a_report_is_not_written_through_a_link"],
    ),
    (
        Guard::KeptProfiles,
        &["profiles::a_base_that_others_may_write_starts_nothing"],
    ),
    (
        Guard::DetachOldRoot,
        &[
            "mounts::no_way_leads_to_the_old_root",
            "mounts::nothing_is_mounted_but_what_the_profile_says",
        ],
    ),
    (
        Guard::CoverStore,
        &[
            "attacks::desk::no_program_inside_asks_a_supervisor",
            "mounts::a_bind_that_holds_the_store_shows_nothing_of_it",
        ],
    ),
    (
        Guard::PinStore,
        &["mounts::what_holds_the_store_cannot_be_moved_away"],
    ),
    (Guard::StateOwner, &[]),
    (Guard::StateLinks, &[]),
    (
        Guard::DeskPeer,
        &["attacks::desk::the_desk_answers_no_other_user"],
    ),
    (
        Guard::SealedCopy,
        &["attacks::supervisor::cve_2019_5736_without_landlock_the_launcher_is_a_sealed_copy"],
    ),
    (
        Guard::OwnPoints,
        &["mounts::mount_points_are_never_made_in_the_users_tree"],
    ),
    (
        Guard::SetIdModes,
        &[
            "leaks::no_set_id_file_is_made_for_the_host",
            "writes::hostile::set_id_bits_and_devices_cannot_be_carried",
        ],
    ),
    (
        Guard::SetIdSources,
        &["attacks::set_id::rule_11_a_set_id_file_that_is_there_is_told_or_refused"],
    ),
    (
        Guard::SetIdWithoutList,
        &["leaks::no_set_id_file_is_made_for_the_host"],
    ),
    (
        Guard::StripSetId,
        &["identity::a_setuid_program_gives_no_rights"],
    ),
    (Guard::StripCapabilities, &[]),
    (
        Guard::ArchiveParents,
        &["images::a_hostile_archive_is_shown_under_its_line"],
    ),
    (Guard::ArchiveAbsolute, &[]),
    (
        Guard::LedOut,
        &["hostile_tree::a_link_that_the_program_laid_is_not_bound"],
    ),
    (
        Guard::HidePid,
        &["kernel_trees::no_process_of_the_host_is_seen_and_not_the_first_of_the_sandbox"],
    ),
    (
        Guard::KernelTrees,
        &["hostile_tree::no_link_leads_a_mount_to_the_kernels_directories"],
    ),
    (Guard::DeviceNumbers, &[]),
    (Guard::ReadOnlySys, &[]),
    (Guard::ProcMagic, &[]),
    (Guard::ProcResolve, &[]),
    (
        Guard::WorkdirMagic,
        &["hostile_tree::the_working_directory_is_inside"],
    ),
    (
        Guard::StreamDirectories,
        &["leaks::no_standard_stream_is_a_directory"],
    ),
    (
        Guard::PassedDirectories,
        &["streams::no_directory_passes_by_its_number"],
    ),
    (
        Guard::InitDescriptors,
        &["leaks::the_first_process_holds_nothing_of_the_host"],
    ),
    (
        Guard::InitUndumpable,
        &[
            "kernel_trees::no_process_of_the_host_is_seen_and_not_the_first_of_the_sandbox",
            "leaks::the_launcher_is_not_run_or_reached_inside",
        ],
    ),
    (
        Guard::InitWiped,
        &["leaks::the_first_process_holds_nothing_of_the_host"],
    ),
    (Guard::InitCapabilities, &[]),
    (
        Guard::Environment,
        &["leaks::the_environment_is_the_allow_list"],
    ),
    (Guard::NewKeyring, &[]),
    (
        Guard::TerminalCalls,
        &["terminal::no_key_is_pushed_into_the_callers_terminal"],
    ),
    (
        Guard::Printable,
        &["writes::hostile::names_of_any_bytes_are_carried_and_shown_safely"],
    ),
    (
        Guard::Architecture,
        &["filter::the_numbers_of_other_architectures_end_the_program"],
    ),
    (
        Guard::X32,
        &["filter::the_numbers_of_other_architectures_end_the_program"],
    ),
    (
        Guard::NamespaceFlags,
        &["identity::no_user_namespace_is_made_inside"],
    ),
    (
        Guard::MemoryArguments,
        &[
            "identity::no_other_namespace_is_made_inside",
            "identity::no_user_namespace_is_made_inside",
        ],
    ),
    (
        Guard::Sockets,
        &["filter::rare_families_of_sockets_are_refused"],
    ),
    (Guard::SocketPairs, &[]),
    (Guard::Personality, &[]),
    (Guard::ProcessControl, &[]),
    (
        Guard::RefusedCalls,
        &[
            "filter::calls_that_reach_past_the_sandbox_are_refused",
            "identity::no_user_namespace_is_made_inside",
        ],
    ),
    (Guard::ReadOnlyGroups, &[]),
    (Guard::GateOwnEnd, &[]),
    (Guard::GateEnd, &[]),
    (
        Guard::DieWithoutNamespace,
        &["ends::a_killed_supervisor_leaves_nothing_without_a_namespace_either"],
    ),
    (Guard::EndOrphans, &[]),
];

fn fails(test: &str, off: &str) -> bool {
    let mut this = Command::new(std::env::current_exe().unwrap());
    let done = this.args(["--exact", &format!("run::{test}")]);
    let done = done.env(VARIABLE, off).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains("running 1 test\n"), "{test}: {said}");
    !done.status.success()
}

/// Without these a test leaves a sandbox behind when it fails: to be tried by hand, and cleaned up.
const LEAVES: &[Guard] = &[
    Guard::DieWithParent,
    Guard::DieWithParentAgain,
    Guard::DieWithoutNamespace,
];

/// Runs the tests of [`CAUGHT`] again, each with its guard off and with all in place, where they must pass although
/// the variable is set. Minutes, and best as root: `cargo test --test sandbox -- --ignored the_other_tests_catch`.
#[test]
#[ignore = "runs the other tests again, without one guard after the other"]
fn the_other_tests_catch() {
    let mut wrong = Vec::new();
    for (guard, tests) in CAUGHT.iter().filter(|(guard, _)| !LEAVES.contains(guard)) {
        for test in *tests {
            if !fails(test, guard.name()) {
                wrong.push(format!("{test} passes without {}", guard.name()));
            }
            if fails(test, ",") {
                wrong.push(format!("{test} fails with every guard"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
