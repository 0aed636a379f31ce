//! The rules of the design, each with the tests that show it.

/// The number of a rule, what it is about, and the tests.
type Rule = (u8, &'static str, &'static [&'static str]);

const RULES: &[Rule] = &[
    (
        1,
        "never set-id, no new privileges",
        &[
            "rule_01_no_new_privileges_comes_with_every_policy",
            "cve_2020_5291_sandbox_is_not_a_set_id_program",
            "a_setuid_program_gives_no_rights",
            "no_new_privileges_holds_for_every_process",
            "no_new_privileges_comes_before_every_filter",
        ],
    ),
    (
        2,
        "a user namespace, and host uid 0 never mapped",
        &[
            "roots_sandbox_is_not_the_hosts_root",
            "the_kernels_switches_are_out_of_roots_reach",
            "one_id_is_mapped_and_groups_cannot_be_left",
            "the_filter_is_on_the_first_process_too",
        ],
    ),
    (
        3,
        "setgroups denied, one id",
        &[
            "one_id_is_mapped_and_groups_cannot_be_left",
            "cve_2022_2989_supplementary_groups_stay_outside",
        ],
    ),
    (
        4,
        "every set of capabilities",
        &[
            "cve_2022_24769_no_capability_is_inherited",
            "every_capability_set_is_empty",
            "kept_capabilities_are_kept_alone",
            "administration_is_refused_without_a_filter_too",
        ],
    ),
    (
        5,
        "no user namespace inside",
        &[
            "cve_2022_0185_no_namespace_is_made_or_entered",
            "no_user_namespace_is_made_inside",
            "no_other_namespace_is_made_inside",
        ],
    ),
    (
        6,
        "signals, umask and limits in a known state",
        &[
            "signals_and_umask_are_put_in_a_known_state",
            "an_ignored_end_of_children_is_no_obstacle",
            "limits_of_the_process_hold",
            "the_terminal_is_the_sandboxs_own",
        ],
    ),
    (
        7,
        "mounts by descriptor, options for all submounts",
        &[
            "read_only_reaches_every_mount_below_a_bind",
            "device_nodes_below_a_bind_are_dead",
            "a_read_only_mount_stays_read_only",
            "attack_43_no_mount_by_any_interface",
        ],
    ),
    (
        8,
        "targets one component at a time",
        &[
            "cve_2021_30465_mount_targets_that_are_links",
            "cve_2024_45310_no_mount_point_is_made_outside",
            "a_mount_target_below_a_link_is_not_made_outside",
            "nothing_is_made_outside_through_parents",
        ],
    ),
    (
        9,
        "private mounts, no way to the old root",
        &[
            "attack_39_no_mount_travels_out",
            "no_way_leads_to_the_old_root",
            "the_store_and_the_state_are_not_shown",
            "no_program_inside_asks_a_supervisor",
            "the_desk_answers_no_other_user",
            "a_bind_that_holds_the_store_shows_nothing_of_it",
            "what_holds_the_store_cannot_be_moved_away",
        ],
    ),
    (
        10,
        "mount points in the sandbox's own layers",
        &["mount_points_are_never_made_in_the_users_tree"],
    ),
    (
        11,
        "no set-id file for the host, nothing such in a tree",
        &[
            "rule_11_no_call_sets_an_id_bit_on_the_host",
            "rule_11_a_set_id_file_that_is_there_is_told_or_refused",
            "rule_11_capabilities_in_what_is_kept_are_out_of_reach",
            "rule_11_other_modes_are_set",
            "rule_11_no_capabilities_are_given_to_a_file_of_the_host",
            "rule_11_an_inherited_bit_counts_for_nobody",
            "cve_2021_41091_trees_hold_no_rights_and_are_closed_to_others",
            "no_set_id_file_is_made_for_the_host",
            "set_id_bits_and_devices_cannot_be_carried",
            "set_id_bits_on_a_file",
            "set_id_bits_on_something_new",
        ],
    ),
    (
        12,
        "/proc of its own, masked",
        &[
            "rule_12_no_second_proc_is_mounted",
            "attack_38_no_switch_of_the_kernel_opens",
            "what_tells_of_the_host_is_empty",
            "masks_hold_against_capabilities",
            "no_process_of_the_host_is_seen_and_not_the_first_of_the_sandbox",
            "cve_2025_31133_null_that_is_a_link",
        ],
    ),
    (
        13,
        "/sys and /dev",
        &[
            "sys_is_absent_unless_asked_for_and_then_masked",
            "dev_holds_what_every_program_expects_and_nothing_more",
            "terminals_are_the_sandboxs_own",
            "cve_2026_88264_console_and_terminals_that_are_links",
        ],
    ),
    (
        14,
        "writes to procfs reach procfs",
        &["cve_2025_52881_writes_to_proc_reach_proc_or_nothing"],
    ),
    (
        15,
        "no descriptor passes",
        &[
            "attack_21_leaked_descriptors_do_not_pass",
            "cve_2024_21626_no_working_directory_by_a_descriptor",
            "descriptors_that_are_named_pass_alone",
        ],
    ),
    (
        16,
        "the launcher's binary and first process",
        &[
            "rule_16_the_first_process_shows_nothing",
            "cve_2019_5736_the_launcher_is_not_reached",
            "cve_2016_9962_the_first_process_is_not_touched",
        ],
    ),
    (
        17,
        "the environment is an allow-list",
        &[
            "the_environment_is_the_allow_list",
            "cve_2025_23266_the_programs_environment_reaches_nothing_outside",
            "the_first_process_gives_nothing_away",
        ],
    ),
    (
        18,
        "no process, socket, key or object of the host",
        &[
            "cve_2020_15257_no_abstract_socket_of_the_host",
            "cve_2024_3056_objects_of_ipc_are_not_shared",
            "attack_29_the_callers_keys_are_not_found",
            "no_process_of_the_host_is_seen_and_not_the_first_of_the_sandbox",
        ],
    ),
    (
        19,
        "a terminal of its own",
        &[
            "cve_2017_5226_no_key_is_pushed",
            "cve_2019_10063_no_key_is_pushed_by_higher_bits",
            "cve_2023_1523_no_command_of_the_console",
            "attack_28_the_callers_terminal_is_not_taken",
        ],
    ),
    (
        20,
        "no control characters in what is shown",
        &[
            "rule_20_names_of_the_programs_files_do_nothing_to_a_terminal",
            "names_of_any_bytes_are_carried_and_shown_safely",
            "nothing_of_a_profile_acts_on_the_terminal",
            "a_hostile_archive_is_shown_under_its_line",
        ],
    ),
    (
        21,
        "the filter last, foreign numbers first",
        &[
            "attack_40_numbers_of_other_architectures_end_the_program",
            "the_filter_is_on_the_first_process_too",
            "the_filter_is_last_before_exec_and_before_the_reaping",
            "foreign_architectures_and_x32_end_the_process",
        ],
    ),
    (
        22,
        "an allow-list of system calls",
        &[
            "cve_2021_3490_calls_into_the_depth_of_the_kernel_are_refused",
            "cve_2022_29582_io_uring_is_refused",
            "cve_2017_6074_families_of_sockets_are_an_allow_list",
            "every_call_that_is_not_allowed",
            "numbers_of_no_call_answer_enosys",
        ],
    ),
    (
        24,
        "the network namespace is the boundary",
        &[
            "attack_47_the_network_is_lo_alone",
            "the_network_ends_at_the_loopback_device",
        ],
    ),
    (
        25,
        "limits before the first instruction, and no way out",
        &[
            "cve_2022_0492_no_release_agent_is_reached",
            "cve_2023_25809_the_own_group_is_read_only",
            "the_program_is_in_its_group_and_cannot_leave_it",
            "limits_stand_before_the_clone_and_are_entered_before_the_mounts",
        ],
    ),
    (
        26,
        "limits for all together, and one end for all",
        &[
            "attack_36_no_process_beyond_the_limit",
            "rule_26_the_end_reaches_everything",
            "memory_is_limited_for_all_processes_together",
        ],
    ),
    (
        27,
        "nothing outlives the supervisor",
        &[
            "attack_48_the_end_of_the_launcher_ends_everything",
            "a_killed_supervisor_takes_everything_with_it",
            "a_supervisor_killed_while_it_starts_leaves_nothing_running",
            "ids_that_change_are_followed_by_the_death_signal_which_they_clear",
            "a_caller_that_ends_during_the_start_ends_the_sandbox",
        ],
    ),
    (
        28,
        "the first process reaps and forwards",
        &[
            "signals_reach_the_program",
            "the_program_is_not_the_first_process",
            "the_first_process_takes_in_orphans_and_ends_with_the_program",
        ],
    ),
    (
        29,
        "never half a tree",
        &[
            "of_two_builders_one_builds_and_the_other_takes_its_tree",
            "a_full_disk_is_told_and_leaves_nothing",
            "a_killed_builder_leaves_no_tree_and_its_rest_is_swept",
            "a_source_that_never_holds_still_is_an_error_that_names_it",
            "builders_killed_at_any_moment_leave_a_store_that_verifies",
        ],
    ),
];

/// Rules that no test here shows, and why.
const ELSEWHERE: &[(u8, &str)] = &[(
    23,
    "a refused call is named in the report: its tests stand with the policies of system calls",
)];

/// The tests that the rules name.
pub(super) fn names() -> impl Iterator<Item = &'static &'static str> {
    RULES.iter().flat_map(|(_, _, tests)| *tests)
}

#[test]
fn every_rule_has_its_row() {
    let mut numbers: Vec<u8> = RULES.iter().map(|(number, ..)| *number).collect();
    numbers.extend(ELSEWHERE.iter().map(|(number, _)| *number));
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=29).collect::<Vec<u8>>());
    let complete = |(_, what, tests): &Rule| !what.is_empty() && !tests.is_empty();
    assert!(RULES.iter().all(complete) && ELSEWHERE.iter().all(|(_, why)| !why.is_empty()));
}

#[test]
fn every_test_of_a_rule_is_there() {
    assert_eq!(super::table::missing(names()), Vec::<&str>::new());
}
