//! rpm: headers in a SQLite database (`Packages`, column `blob`), since rpm 4.16.

mod header;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use quantydb_sqlite::{Reader, Source, SqliteError, SqliteValue, WalSource};

use super::asked::Asked;
use super::root::Root;
use super::{Manager, Package, is_absent};
use header::Header;

/// Where a distribution keeps the database: the usual place, and the one below /usr.
const PLACES: [&str; 2] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"];

/// The formats before SQLite, by the files that they have.
const OLD: [(&str, &str); 2] = [("Packages.db", "ndb"), ("Packages", "Berkeley DB")];

pub(super) fn read(asked: &mut Asked<'_>) {
    for place in PLACES {
        let path = format!("{place}/rpmdb.sqlite");
        if asked.root.host_path(&path).is_file() {
            if let Err(Unsound(reason)) = database(asked, &path) {
                asked.note(&path, reason);
            }
            return;
        }
        for (name, format) in OLD {
            let path = format!("{place}/{name}");
            if asked.root.host_path(&path).exists() {
                let reason = format!(
                    "its format is {format}, of before rpm 4.16; `rpmdb --rebuilddb` writes it as SQLite \
                     where rpm is configured so"
                );
                return asked.note(&path, reason);
            }
        }
    }
}

/// Why a database gives no answer.
struct Unsound(String);

impl From<&str> for Unsound {
    fn from(reason: &str) -> Unsound {
        Unsound(reason.to_owned())
    }
}

impl From<SqliteError> for Unsound {
    fn from(error: SqliteError) -> Unsound {
        Unsound(error.to_string())
    }
}

impl From<io::Error> for Unsound {
    fn from(error: io::Error) -> Unsound {
        Unsound(error.to_string().to_lowercase())
    }
}

/// A file of the database, opened without waiting.
struct Bytes {
    file: File,
    size: u64,
}

impl Bytes {
    fn open(root: &Root, path: &str) -> io::Result<Bytes> {
        let (file, size) = root.open(path)?;
        Ok(Bytes { file, size })
    }
}

impl Source for Bytes {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SqliteError> {
        Ok(self.file.read_exact_at(buffer, offset)?)
    }

    fn len(&self) -> Result<u64, SqliteError> {
        Ok(self.size)
    }
}

/// The database with its log over it, and how many bytes both have.
fn open(root: &Root, path: &str) -> Result<(Reader<WalSource<Bytes, Bytes>>, u64), Unsound> {
    let main = Bytes::open(root, path)?;
    let log = match Bytes::open(root, &format!("{path}-wal")) {
        Err(error) if is_absent(&error) => None,
        log => Some(log?),
    };
    let size = main.size + log.as_ref().map_or(0, |log| log.size);
    let both = WalSource::new(main, log)?;
    // The reader makes room for as much as a row may have by this.
    if both.len()? > size {
        return Err("its log promises more than there is".into());
    }
    Ok((Reader::open(both)?, size))
}

fn database(asked: &mut Asked<'_>, path: &str) -> Result<(), Unsound> {
    let (reader, size) = open(&asked.root, path)?;
    let mut budget = Budget(size);
    let Some(table) = packages_table(&reader, &mut budget)? else {
        return Err("it has no table `Packages`".into());
    };
    for row in reader.table_scan(table)? {
        let row = row?.values;
        budget.spend_row(&row)?;
        for value in &row {
            if let SqliteValue::Blob(header) = value {
                own(asked, header)?;
            }
        }
    }
    Ok(())
}

/// The first page of the table, from the schema that page 1 holds.
fn packages_table<S: Source>(
    reader: &Reader<S>,
    budget: &mut Budget,
) -> Result<Option<u32>, Unsound> {
    for row in reader.table_scan(1)? {
        let row = row?.values;
        budget.spend_row(&row)?;
        if let [
            SqliteValue::Text(kind),
            SqliteValue::Text(name),
            _,
            SqliteValue::Integer(root),
            _,
        ] = row.as_slice()
            && kind == "table"
            && name == "Packages"
        {
            return Ok(u32::try_from(*root).ok());
        }
    }
    Ok(None)
}

/// What may be read in all: no byte of a sound database belongs to two rows. A corrupt one could
/// claim the whole file for each of thousands of rows.
struct Budget(u64);

impl Budget {
    /// Each value has a byte at least that says what it is.
    fn spend_row(&mut self, row: &[SqliteValue]) -> Result<(), Unsound> {
        let sizes = row.iter().map(|value| match value {
            SqliteValue::Text(text) => 1 + text.len() as u64,
            SqliteValue::Blob(bytes) => 1 + bytes.len() as u64,
            SqliteValue::Null | SqliteValue::Integer(_) | SqliteValue::Real(_) => 1,
        });
        let left = self.0.checked_sub(sizes.sum());
        self.0 = left.ok_or("its rows are larger than the file")?;
        Ok(())
    }
}

fn own(asked: &mut Asked<'_>, blob: &[u8]) -> Result<(), Unsound> {
    let header = Header::new(blob).ok_or("a package's header is not sound")?;
    let mut found: Vec<&Path> = Vec::new();
    let sound = header.files(|file| found.extend(asked.find(file)));
    sound.ok_or("a package's list of files is not sound")?;
    if found.is_empty() {
        return Ok(());
    }
    if let Some(package) = package(&header) {
        for path in found {
            asked.own(path, &package);
        }
    }
    Ok(())
}

fn package(header: &Header<'_>) -> Option<Package> {
    let text = |tag| header.text(tag);
    let mut version = Vec::new();
    if let Some(epoch) = header.numbers(header::EPOCH).and_then(|mut all| all.next()) {
        version.extend(format!("{epoch}:").into_bytes());
    }
    version.extend(text(header::VERSION)?);
    version.push(b'-');
    version.extend(text(header::RELEASE)?);
    let architecture = text(header::ARCH).unwrap_or(b"noarch");
    Package::new(Manager::Rpm, text(header::NAME)?, architecture, &version)
}
