//! The second half of the table: terminals, shared objects, limits, system calls, ends.

use super::table::{Attack, shown};

/// Entries 25 to 48.
pub(super) const BEHIND: &[Attack] = &[
    shown(
        25,
        "2020-5291 2017-5180 2021-26910 2022-31214 2021-44730 2021-44731 2022-3328 2023-30549 2017-5985 2018-6556 2022-47952",
        "the sandbox itself is a set-id program",
        &[
            "cve_2020_5291_sandbox_is_not_a_set_id_program",
            "a_setuid_program_gives_no_rights",
        ],
    ),
    shown(
        26,
        "2024-32462 2020-17367",
        "a value is taken for an option",
        &["cve_2024_32462_words_are_no_options"],
    ),
    shown(
        27,
        "2021-4034",
        "there is no first argument",
        &[
            "cve_2021_4034_there_is_always_a_first_argument",
            "no_new_privileges_holds_for_every_process",
        ],
    ),
    shown(
        28,
        "2017-5226 2016-2779 2016-10124 2019-10063 2019-7303 2023-28100 2023-1523",
        "keys are pushed into the caller's terminal",
        &[
            "cve_2017_5226_no_key_is_pushed",
            "cve_2019_10063_no_key_is_pushed_by_higher_bits",
            "cve_2023_1523_no_command_of_the_console",
            "attack_28_the_callers_terminal_is_not_taken",
            "no_key_is_pushed_into_the_callers_terminal",
        ],
    ),
    shown(
        29,
        "2016-0728",
        "keys have no namespace",
        &[
            "cve_2016_0728_keyrings_are_refused",
            "attack_29_the_callers_keys_are_not_found",
            "attack_29_no_half_filter_around_leaves_the_callers_keys",
        ],
    ),
    shown(
        30,
        "2020-15257",
        "abstract sockets of the host",
        &[
            "cve_2020_15257_no_abstract_socket_of_the_host",
            "what_processes_share_is_not_shared_with_the_host",
        ],
    ),
    shown(
        31,
        "2024-3056",
        "objects of System V and POSIX are shared",
        &["cve_2024_3056_objects_of_ipc_are_not_shared"],
    ),
    shown(
        32,
        "",
        "sockets by which the host is told what to do",
        &[
            "attack_32_no_control_socket_is_reached",
            "attack_32_a_bound_directory_brings_its_sockets",
        ],
    ),
    shown(
        33,
        "2022-0492",
        "release_agent runs as the host's root",
        &[
            "cve_2022_0492_no_release_agent_is_reached",
            "the_program_is_in_its_group_and_cannot_leave_it",
        ],
    ),
    shown(
        34,
        "2023-25809",
        "the program's own group can be written",
        &[
            "cve_2023_25809_the_own_group_is_read_only",
            "a_shown_group_is_its_own_and_read_only",
        ],
    ),
    shown(
        35,
        "",
        "limits that are missing in silence",
        &[
            "attack_35_no_limit_is_missing_in_silence",
            "a_limit_that_cannot_hold_is_an_error_unless_it_may_be_missing",
        ],
    ),
    shown(
        36,
        "2022-1708",
        "processes, memory and output without end",
        &[
            "cve_2022_1708_output_is_not_collected",
            "attack_36_no_process_beyond_the_limit",
            "attack_36_no_file_system_of_memory_is_without_a_size",
            "a_fork_bomb_is_stopped",
            "memory_is_limited_for_all_processes_together",
        ],
    ),
    shown(
        37,
        "",
        "device nodes",
        &[
            "attack_37_no_device_is_made",
            "device_nodes_below_a_bind_are_dead",
            "dev_holds_what_every_program_expects_and_nothing_more",
        ],
    ),
    shown(
        38,
        "2020-8694",
        "switches and secrets in /proc and /sys",
        &[
            "cve_2020_8694_nothing_tells_of_the_host",
            "attack_38_no_switch_of_the_kernel_opens",
            "the_kernels_switches_are_out_of_roots_reach",
        ],
    ),
    shown(
        39,
        "",
        "mounts travel to the host",
        &[
            "attack_39_no_mount_travels_out",
            "a_mount_made_inside_does_not_travel_out",
        ],
    ),
    shown(
        40,
        "",
        "numbers of other architectures",
        &[
            "attack_40_numbers_of_other_architectures_end_the_program",
            "the_numbers_of_other_architectures_end_the_program",
            "foreign_architectures_and_x32_end_the_process",
        ],
    ),
    shown(
        41,
        "2022-0185 2022-25636 2022-1015 2022-32250 2023-32233 2024-1086 2021-22555 2017-7308 2020-14386 2018-18955",
        "a user namespace opens the depth of the kernel",
        &[
            "cve_2022_0185_no_namespace_is_made_or_entered",
            "no_user_namespace_is_made_inside",
        ],
    ),
    shown(
        42,
        "2022-29582 2022-2602 2023-2598 2024-0582",
        "io_uring",
        &["cve_2022_29582_io_uring_is_refused"],
    ),
    shown(
        43,
        "2020-8835 2021-3490",
        "calls that few programs need and many attacks",
        &[
            "cve_2021_3490_calls_into_the_depth_of_the_kernel_are_refused",
            "attack_43_without_a_filter_the_hosts_rights_are_missing",
            "attack_43_no_mount_by_any_interface",
            "every_call_that_is_not_allowed",
            "numbers_of_no_call_answer_enosys",
        ],
    ),
    shown(
        44,
        "2026-31431 2016-8655 2017-6074 2021-43267",
        "families of sockets",
        &[
            "cve_2017_6074_families_of_sockets_are_an_allow_list",
            "sockets",
        ],
    ),
    shown(
        45,
        "2016-5195 2022-0847 2026-31431",
        "pages of the host's files are written",
        &[
            "cve_2016_5195_no_file_of_the_tree_is_the_hosts",
            "hard_links_stay_hard_links_across_sources_and_never_lead_to_the_host",
            "trees_share_files_with_each_other_and_never_with_the_host",
        ],
    ),
    shown(
        46,
        "2021-3493 2023-0386 2023-2640 2023-32629",
        "an overlay carries rights upwards",
        &[
            "cve_2023_0386_an_overlay_gives_no_rights",
            "marks_of_the_overlay_are_not_the_programs_to_make",
        ],
    ),
    shown(
        47,
        "",
        "networks of the host",
        &[
            "attack_47_the_network_is_lo_alone",
            "the_network_ends_at_the_loopback_device",
        ],
    ),
    shown(
        48,
        "",
        "programs that outlive who started them",
        &[
            "attack_48_the_end_of_the_launcher_ends_everything",
            "attack_48_many_short_runs_end",
            "a_killed_supervisor_takes_everything_with_it",
            "killing_the_first_process_frees_nobody",
        ],
    ),
];
