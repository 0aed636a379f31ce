//! Every known attack by its root cause: the tests that show that it fails here, or why there is nothing
//! to attack. The numbers are those of the list of attacks that the design answers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What this design has to say to an attack.
pub(super) enum Answer {
    /// Names of tests, the first of them with an identifier of the attack.
    Tests(&'static [&'static str]),
    /// There is nothing to attack.
    NotHere(&'static str),
}

pub(super) struct Attack {
    number: u8,
    /// Years and numbers of the CVEs; without any, the tests are called `attack_` and the number.
    cves: &'static str,
    cause: &'static str,
    answer: Answer,
}

pub(super) const fn shown(
    number: u8,
    cves: &'static str,
    cause: &'static str,
    tests: &'static [&'static str],
) -> Attack {
    let answer = Answer::Tests(tests);
    Attack {
        number,
        cves,
        cause,
        answer,
    }
}

/// Entries 1 to 24.
const BEFORE: &[Attack] = &[
    shown(
        1,
        "2019-16884 2019-19921 2023-27561 2023-28642 2025-54867",
        "/proc or /sys of the tree is a link",
        &[
            "cve_2019_16884_proc_and_sys_that_are_links",
            "cve_2025_52565_links_in_a_kept_root_lead_nowhere",
            "the_directories_of_the_kernel_may_not_be_links",
        ],
    ),
    shown(
        2,
        "2025-52881 2025-62596 2025-65105",
        "writes of a start to /proc are led to another file",
        &[
            "cve_2025_52881_writes_to_proc_reach_proc_or_nothing",
            "cve_2025_62596_no_mount_of_the_profile_lies_below_proc",
        ],
    ),
    shown(
        3,
        "2021-30465 2019-18837 2015-1335 2018-15664 2026-42306 2017-1002101 2021-25741 2024-1753 2023-0778",
        "a target or a source is a link, or becomes one between look and use",
        &[
            "cve_2021_30465_mount_targets_that_are_links",
            "cve_2021_30465_a_target_that_is_swapped_with_a_link",
            "cve_2021_25741_a_source_that_is_swapped_with_a_link",
            "cve_2019_18837_a_volume_is_held_by_one_run_alone",
            "cve_2017_1002101_links_in_a_volume_lead_nowhere",
            "cve_2018_15664_applying_goes_through_no_link",
            "cve_2023_0778_an_overlay_over_a_link_of_the_programs_is_refused",
            "a_mount_target_below_a_link_is_not_made_outside",
            "a_source_that_is_swapped_with_a_link_never_brings_what_the_link_points_to",
        ],
    ),
    shown(
        4,
        "2024-45310 2026-41568",
        "mount points are made through a link",
        &[
            "cve_2024_45310_no_mount_point_is_made_outside",
            "no_mount_point_is_made_outside",
            "mount_points_are_never_made_in_the_users_tree",
        ],
    ),
    shown(
        5,
        "2026-41579 2026-47766",
        "/dev of the tree is a link",
        &["cve_2026_41579_dev_that_is_a_link"],
    ),
    shown(
        6,
        "2026-88264 2025-52565",
        "/dev/console or /dev/pts of the tree is a link",
        &[
            "cve_2026_88264_console_and_terminals_that_are_links",
            "cve_2025_52565_links_in_a_kept_root_lead_nowhere",
            "the_terminal_is_the_sandboxs_own",
        ],
    ),
    shown(
        7,
        "2025-31133 2025-62161 2026-88265",
        "masks are made of the tree's own /dev/null",
        &[
            "cve_2025_31133_null_that_is_a_link",
            "what_tells_of_the_host_is_empty",
        ],
    ),
    shown(
        8,
        "2026-55686",
        "the working directory is made through a link",
        &[
            "cve_2026_55686_working_directories_that_are_links",
            "the_working_directory_is_inside",
        ],
    ),
    shown(
        9,
        "2025-9566",
        "files are injected through a link",
        &[
            "cve_2025_9566_files_of_etc_that_are_links",
            "files_of_etc_are_not_written_through_links",
            "a_file_is_never_written_through_a_planted_link",
            "a_report_is_not_written_through_a_link",
        ],
    ),
    shown(
        10,
        "2026-34078 2024-42472",
        "the program chooses what its next run is given",
        &[
            "cve_2026_34078_no_part_of_a_source_leads_out_of_what_a_sandbox_writes",
            "cve_2024_42472_a_directory_that_became_a_link_is_not_bound",
            "a_link_that_the_program_laid_is_not_bound",
        ],
    ),
    shown(
        11,
        "2021-41091 2021-41103 2024-25621",
        "others reach trees, and set-id programs in them",
        &[
            "cve_2021_41091_trees_hold_no_rights_and_are_closed_to_others",
            "the_store_is_private",
            "a_directory_that_others_reach_is_not_used",
            "privileges_of_files_are_taken_off_and_special_files_left_out",
        ],
    ),
    shown(
        12,
        "2026-33056 2025-62518 2025-47290",
        "an archive leaves the tree or means two things",
        &[
            "cve_2026_33056_no_source_changes_what_a_link_leads_to",
            "hostile_archives_touch_nothing",
            "names_that_lead_out_are_refused_by_name",
            "headers_that_mean_two_things_are_refused",
            "hard_links_name_files_that_the_archive_gave",
            "links_of_an_archive_stay_in_the_tree",
            "a_blob_that_is_not_what_it_is_called_is_refused",
            "a_file_that_changes_after_its_check_is_an_error",
            "ten_gigabytes_of_zeros_are_refused_early",
        ],
    ),
    shown(
        13,
        "2019-14271 2026-41567",
        "libraries and programs of the tree run outside",
        &["cve_2019_14271_nothing_of_a_tree_is_loaded_or_run_outside"],
    ),
    shown(
        14,
        "2025-23266 2024-0132 2025-23359 2026-24260",
        "the program's environment reaches who starts it",
        &["cve_2025_23266_the_programs_environment_reaches_nothing_outside"],
    ),
    shown(
        15,
        "2026-53488 2026-53492 2026-50195 2024-3154 2022-0811 2022-4318",
        "metadata are taken for configuration",
        &[
            "cve_2026_53488_labels_of_an_image_are_no_configuration",
            "cve_2022_4318_line_breaks_add_no_line_to_a_file",
        ],
    ),
    shown(
        16,
        "2026-57231 2021-3602",
        "an entry without a value copies the host's",
        &[
            "cve_2026_57231_an_entry_without_a_value_copies_nothing",
            "the_environment_is_the_allow_list",
        ],
    ),
    shown(
        17,
        "2024-23652",
        "tidying up follows links",
        &[
            "cve_2024_23652_tidying_up_follows_no_link",
            "removing_a_leftover_follows_no_link",
            "any_depth_and_any_mode_is_looked_at_and_removed",
        ],
    ),
    shown(
        18,
        "2019-5736",
        "the launcher's binary is opened and overwritten",
        &[
            "cve_2019_5736_the_launcher_is_not_reached",
            "cve_2019_5736_without_landlock_the_launcher_is_a_sealed_copy",
            "the_launcher_is_not_run_or_reached_inside",
        ],
    ),
    // No process joins a sandbox that runs: what is left of it is the first process.
    shown(
        19,
        "2016-9962 2016-8649",
        "a process that joins is traced before it is harmless",
        &[
            "cve_2016_9962_the_first_process_is_not_touched",
            "the_first_process_holds_nothing_of_the_host",
        ],
    ),
    shown(
        20,
        "2024-21626",
        "the working directory is a descriptor that was left open",
        &["cve_2024_21626_no_working_directory_by_a_descriptor"],
    ),
    shown(
        21,
        "",
        "descriptors that were left open",
        &[
            "attack_21_leaked_descriptors_do_not_pass",
            "no_descriptor_of_the_caller_passes",
            "no_standard_stream_is_a_directory",
        ],
    ),
    shown(
        22,
        "2016-8867 2022-24769 2022-27649 2022-27650 2022-29162 2025-27612",
        "capabilities are inherited",
        &[
            "cve_2022_24769_no_capability_is_inherited",
            "every_capability_set_is_empty",
        ],
    ),
    shown(
        23,
        "2016-3697 2026-30892",
        "a number is looked up as a name",
        &["cve_2016_3697_numbers_are_ids_and_never_names"],
    ),
    shown(
        24,
        "2022-2989 2022-2990 2022-36109 2023-25173 2014-8989",
        "supplementary groups",
        &[
            "cve_2022_2989_supplementary_groups_stay_outside",
            "one_id_is_mapped_and_groups_cannot_be_left",
        ],
    ),
];

/// All entries.
fn attacks() -> impl Iterator<Item = &'static Attack> {
    BEFORE.iter().chain(super::table_rest::BEHIND)
}

/// What other sandboxes have and this one has not, so that their flaws there have no row of their own.
const NOT_HERE: &[(&str, Answer)] = &[
    (
        "hooks",
        Answer::NotHere(
            "no program of the host's is run for a start: entry 14 is about the launcher alone",
        ),
    ),
    (
        "joining",
        Answer::NotHere(
            "no process enters a sandbox that runs: entry 19 is about the first process alone",
        ),
    ),
    (
        "sysctls",
        Answer::NotHere("no profile sets a sysctl: of entry 15 what is left are names and values"),
    ),
    (
        "image mounts",
        Answer::NotHere(
            "no image of the user's is mounted by the kernel: of entry 25 what is left is the binary",
        ),
    ),
];

/// The names of all tests in the sources, each with its file.
pub(super) fn tests() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let tests = text.split("#[test]\n").skip(1).filter_map(|rest| {
                let rest = rest
                    .lines()
                    .find(|line| line.trim_start().starts_with("fn "))?;
                Some(
                    rest.trim_start()
                        .strip_prefix("fn ")?
                        .split('(')
                        .next()?
                        .to_owned(),
                )
            });
            found.extend(tests.map(|name| (name, path.clone())));
        }
    }
    found
}

/// Every name that is said to be a test's and is none.
pub(super) fn missing<'a>(names: impl Iterator<Item = &'a &'static str>) -> Vec<&'a str> {
    let known: BTreeSet<String> = tests().into_iter().map(|(name, _)| name).collect();
    names
        .copied()
        .filter(|name| !known.contains(*name))
        .collect()
}

#[test]
fn every_attack_has_its_row() {
    let numbers: Vec<u8> = attacks().map(|attack| attack.number).collect();
    assert_eq!(numbers, (1..=48).collect::<Vec<u8>>());
    assert!(attacks().all(|attack| !attack.cause.is_empty()));
}

#[test]
fn every_test_of_the_table_is_there() {
    let tests = attacks().filter_map(|attack| match attack.answer {
        Answer::Tests(tests) => Some(tests),
        Answer::NotHere(_) => None,
    });
    assert_eq!(missing(tests.flatten()), Vec::<&str>::new());
    let reasons = NOT_HERE
        .iter()
        .filter(|(_, answer)| matches!(answer, Answer::NotHere(reason) if reason.len() > 20));
    assert_eq!(reasons.count(), NOT_HERE.len());
}

#[test]
fn the_first_test_of_a_row_has_the_identifier_in_its_name() {
    for Attack {
        number,
        cves,
        answer,
        ..
    } in attacks()
    {
        let Answer::Tests(tests) = answer else {
            continue;
        };
        let mut identifiers: Vec<String> = cves
            .split(' ')
            .map(|cve| format!("cve_{}_", cve.replace('-', "_")))
            .collect();
        if cves.is_empty() {
            identifiers = vec![format!("attack_{number}_")];
        }
        let first = tests[0];
        assert!(
            identifiers
                .iter()
                .any(|identifier| first.starts_with(identifier)),
            "{number}: {first}"
        );
    }
}

/// No test that is called after an attack is missing in the table.
#[test]
fn every_test_with_an_identifier_is_in_the_table() {
    let listed: Vec<&str> = attacks()
        .flat_map(|attack| match attack.answer {
            Answer::Tests(tests) => tests,
            Answer::NotHere(_) => &[],
        })
        .chain(super::rules::names())
        .copied()
        .collect();
    let here = |path: &PathBuf| path.components().any(|part| part.as_os_str() == "attacks");
    let is_named = |name: &str| {
        ["cve_", "attack_", "rule_"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    let unlisted: Vec<String> = tests()
        .into_iter()
        .filter(|(name, path)| here(path) && is_named(name) && !listed.contains(&name.as_str()))
        .map(|(name, _)| name)
        .collect();
    assert!(unlisted.is_empty(), "{unlisted:?}");
}
