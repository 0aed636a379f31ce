//! `[limits]` and `[limits.process]`: how much the sandbox may use.

use crate::diag::{At, Problem};
use crate::model::{ByteSize, Invalid, Period, Resource, RlimitValue};
use crate::profile::raw::{RawLimits, RawRlimit, Setting};

use super::disks;
use super::reader::{Reader, Value};
use super::scalar::{number_of, unsigned};
use super::table::Table;
use super::text::whole_variable;

pub(super) fn limits(table: &mut Table<'_, '_>) -> RawLimits {
    RawLimits {
        memory: table.optional("memory"),
        memory_high: table.optional("memory_high"),
        swap: table.optional("swap"),
        cpus: table.optional("cpus"),
        cpu_weight: table.optional("cpu_weight"),
        cpuset: table.optional("cpuset"),
        memory_nodes: table.optional("memory_nodes"),
        pids: table.optional("pids"),
        io: disks::io(table),
        io_weight: table.optional("io_weight"),
        hugetlb: disks::hugetlb(table),
        cpu_time: table.optional("cpu_time"),
        wall_time: table.optional("wall_time"),
        output: table.optional("output"),
        process: table.section("process", process),
    }
}

/// The resources in the order of the file.
fn process(table: &mut Table<'_, '_>) -> Vec<RawRlimit> {
    let mut limits: Vec<RawRlimit> = Resource::ALL
        .iter()
        .filter_map(|resource| rlimit(*resource, table))
        .collect();
    limits.sort_by_key(|limit| limit.resource.origin.order());
    limits
}

fn rlimit(resource: Resource, table: &mut Table<'_, '_>) -> Option<RawRlimit> {
    let value = table.value(resource.key)?;
    let origin = table.key_origin(resource.key)?;
    let (soft, hard) = if value.node.get_ref().is_table() {
        let title = format!("`{}`", value.path);
        Table::read(&value, table.reader, title, |pair| {
            soft_and_hard(resource, pair)
        })??
    } else {
        let both = value.at(setting(resource, &value, table.reader)?);
        (both.clone(), both)
    };
    Some(RawRlimit {
        resource: At::new(resource, origin),
        soft,
        hard,
    })
}

type Side = At<Setting<RlimitValue>>;

fn soft_and_hard(resource: Resource, pair: &mut Table<'_, '_>) -> Option<(Side, Side)> {
    let soft = pair.required("soft", |value, reader| setting(resource, value, reader));
    let hard = pair.required("hard", |value, reader| setting(resource, value, reader));
    let (soft, hard) = (soft?, hard?);
    if let (Setting::Literal(low), Setting::Literal(high)) = (&soft.value, &hard.value)
        && low > high
    {
        let problem = soft.error(
            "limits.process-soft-above-hard",
            format!(
                "soft limit `{low}` of `{}` is above the hard limit `{high}`",
                resource.key
            ),
        );
        pair.reader.problems.push(
            problem
                .also(&hard.origin, "the hard limit")
                .help(format!("write `soft = {}` or less", quoted(*high))),
        );
        return None;
    }
    Some((soft, hard))
}

fn quoted(value: RlimitValue) -> String {
    match value {
        RlimitValue::Value(number) => number.to_string(),
        RlimitValue::Unlimited => "\"unlimited\"".to_owned(),
    }
}

fn setting(
    resource: Resource,
    value: &Value<'_>,
    reader: &mut Reader<'_>,
) -> Option<Setting<RlimitValue>> {
    if let Some(template) = whole_variable(value, reader) {
        return template.map(Setting::Variable);
    }
    let literal = literal(resource, value);
    reader.problems.take(literal).map(Setting::Literal)
}

fn literal(resource: Resource, value: &Value<'_>) -> Result<RlimitValue, Problem> {
    let invalid = |word: &str, why| value.invalid("limits.process", "limit", word, why);
    if let Some(word) = value.node.get_ref().as_str() {
        return from_text(resource, word).map_err(|why| invalid(word, why));
    }
    let expected = match resource.unit {
        "count" => "a whole number or \"unlimited\"".to_owned(),
        unit => format!("a whole number of {unit} or \"unlimited\""),
    };
    let number = number_of(value).ok_or_else(|| value.wrong_type(&expected))?;
    let amount = unsigned(number).map_err(|why| {
        let help = match (resource.key, number) {
            // setrlimit(2): the least nice value is 20 less the limit.
            ("nice", -20..0) => format!("write {} for a nice value of {number}", 20 - number),
            _ => "write `\"unlimited\"` for no limit".to_owned(),
        };
        invalid(&number.to_string(), why.help(help))
    });
    amount.map(RlimitValue::Value)
}

/// A text in the resource's unit: a size, a time, or `unlimited`.
fn from_text(resource: Resource, text: &str) -> Result<RlimitValue, Invalid> {
    // The kernel counts whole seconds; a limit of none ends a program at once.
    let seconds = |time: Period| time.0.as_secs() + u64::from(time.0.subsec_nanos() > 0);
    let micros = |time: Period| u64::try_from(time.0.as_micros()).unwrap_or(u64::MAX);
    match (text, resource.unit) {
        ("unlimited", _) => return Ok(RlimitValue::Unlimited),
        ("infinity" | "-1" | "unlimit", _) => {
            Err(Invalid::because("is no number").help("write `\"unlimited\"`"))
        }
        (_, "bytes") => text.parse().map(|ByteSize(bytes)| bytes),
        (_, "seconds") => text.parse().map(seconds),
        (_, "microseconds") => text.parse().map(micros),
        _ => Err(count_as_text(text)),
    }
    .map(RlimitValue::Value)
}

fn count_as_text(text: &str) -> Invalid {
    let invalid = Invalid::because("is a string, not a number");
    match text.trim().parse::<u64>() {
        Ok(number) => invalid.help(format!("write {number} without quotes")),
        Err(_) => invalid.help("write a number, or `\"unlimited\"`"),
    }
}
