//! CSV (RFC 4180) with a header row.

use std::fs::File;
use std::io::Read;

use csv::StringRecord;
use serde_json::{Map, Value, json};

use super::bounded::{Bounded, Meter};
use super::{ImportRecord, PersonPiece, Piece, Said, Sink, unreadable};
use crate::http::body;
use crate::http::upload::MAX_UPLOAD;
use crate::problem::Problem;

/// What a table of people can say.
const COLUMNS: [&str; 9] = ["external_id", "given_name", "family_name", "email", "kind", "year_group", "roles", "left_on", "guardian_ids"];
/// Between several words in one cell.
const SEPARATOR: char = ';';

/// A table whose rows are read one after another.
pub struct Table<R> {
    name: String,
    reader: csv::Reader<Bounded<R>>,
    meter: Meter,
    columns: Vec<String>,
    record: StringRecord,
}

impl<R: Read> Table<R> {
    /// Reads the header row. `name` stands in what is said of the table; `left` is how much of it may be read.
    pub fn open(name: &str, inner: R, left: u64) -> Result<Self, Problem> {
        let (bounded, meter) = Bounded::new(inner, left);
        // A byte order mark is left out by the reader itself.
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bounded);
        let header = reader.headers().map_err(|error| said(name, &meter, &error))?;
        let columns: Vec<String> = header.iter().map(|column| column.trim().to_owned()).collect();
        for (at, column) in columns.iter().enumerate() {
            if columns[..at].contains(column) {
                return Err(unreadable(name, "duplicate_column", "A column stands in the header row twice."));
            }
        }
        Ok(Self { name: name.to_owned(), reader, meter, columns, record: StringRecord::new() })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// # Errors
    /// 422 where the table has no such column.
    pub fn require(&self, columns: &[&str]) -> Result<(), Problem> {
        let missing = columns.iter().find(|column| !self.has(column));
        missing.map_or(Ok(()), |column| Err(unreadable(&self.name, "missing_column", &format!("There is no column {column}."))))
    }

    /// Goes to the next row; says whether there is one.
    pub fn advance(&mut self) -> Result<bool, Problem> {
        self.meter.next();
        let read = self.reader.read_record(&mut self.record).map_err(|error| said(&self.name, &self.meter, &error))?;
        // A quotation mark that is never closed swallows everybody after it, without an error.
        if read && self.record.iter().any(|cell| cell.contains(['\r', '\n'])) {
            let line = self.record.position().map_or(0, csv::Position::line);
            let detail = format!("A cell in the row that begins at line {line} has more than one line: a quotation mark is not closed.");
            return Err(unreadable(&self.name, "line_break", &detail));
        }
        Ok(read)
    }

    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|one| one == column)
    }

    /// The trimmed text of a cell; nothing where it is blank or not there.
    pub fn cell(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|one| one == column)?;
        self.record.get(at).map(str::trim).filter(|text| !text.is_empty())
    }

    /// How much may still be read of what comes after.
    pub fn left(&self) -> u64 {
        self.meter.left()
    }
}

fn said(name: &str, meter: &Meter, error: &csv::Error) -> Problem {
    meter.problem().unwrap_or_else(|| match error.kind() {
        csv::ErrorKind::Utf8 { .. } => unreadable(name, "not_utf_8", "The table is not in UTF-8."),
        _ => unreadable(name, "not_a_table", "The table cannot be read."),
    })
}

/// A table of people.
pub fn people(file: File, sink: &mut Sink) -> Result<(), Problem> {
    let mut table = Table::open("", file, MAX_UPLOAD)?;
    table.require(&["external_id", "given_name", "family_name"])?;
    if table.columns().iter().any(|column| !COLUMNS.contains(&column.as_str())) {
        let detail = format!("The columns can be {}.", COLUMNS.join(", "));
        return Err(unreadable("", "unknown_column", &detail));
    }
    while table.advance()? {
        let record = record(COLUMNS.iter().filter_map(|column| Some((*column, table.cell(column)?))));
        let external_id = table.cell("external_id").unwrap_or_default().to_owned();
        let (no_email, no_year_group) = (!table.has("email"), !table.has("year_group"));
        let piece = PersonPiece::new(external_id, record);
        let said = piece.said.map(|said| Said { no_email, no_year_group, ..said });
        sink.push(Piece::Person(Box::new(PersonPiece { said, ..piece })))?;
    }
    Ok(())
}

/// A record out of cells, by the rules of JSON.
pub fn record<'c>(cells: impl Iterator<Item = (&'static str, &'c str)>) -> Result<ImportRecord, Problem> {
    let words = |text: &str| text.split(SEPARATOR).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let mut members: Map<String, Value> = cells
        .map(|(column, text)| match column {
            "roles" => (column.to_owned(), json!(words(text))),
            "guardian_ids" => {
                let guardians: Vec<Value> = words(text).into_iter().map(|id| json!({ "external_id": id })).collect();
                ("guardians".to_owned(), guardians.into())
            }
            _ => (column.to_owned(), text.into()),
        })
        .collect();
    // A blank cell is wrong by its value, not by its absence.
    for required in ["external_id", "given_name", "family_name"] {
        members.entry(required).or_insert_with(|| "".into());
    }
    body::parse(Value::from(members).to_string().as_bytes())
}
