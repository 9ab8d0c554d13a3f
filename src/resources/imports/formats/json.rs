//! JSON and NDJSON: a document with `items`, or a record on each line.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::bounded::{Bounded, Meter};
use super::{ImportRecord, PersonPiece, Piece, Sink};
use crate::http::body;
use crate::http::upload::MAX_UPLOAD;
use crate::problem::{Code, Problem};

/// `{"items": […]}`.
pub fn document(file: File, sink: &mut Sink) -> Result<(), Problem> {
    let (reader, meter) = without_mark(file)?;
    let mut walk = Walk { sink, meter: &meter, problem: None };
    let mut json = serde_json::Deserializer::from_reader(reader);
    let walked = walk.deserialize_document(&mut json).and_then(|()| json.end());
    match (walk.problem, meter.problem(), walked) {
        (Some(problem), ..) | (None, Some(problem), _) => Err(problem),
        (None, None, Err(_)) => Err(unlike("Expected is one JSON object with `items`, a list of people.")),
        (None, None, Ok(())) => Ok(()),
    }
}

/// A record on each line; empty lines count for nothing.
pub fn lines(file: File, sink: &mut Sink) -> Result<(), Problem> {
    let (mut reader, meter) = without_mark(file)?;
    let mut line = Vec::new();
    loop {
        line.clear();
        meter.next();
        let read = reader.read_until(b'\n', &mut line);
        let read = read.map_err(|error| meter.problem().unwrap_or_else(|| Problem::internal(error)))?;
        if read == 0 {
            return Ok(());
        }
        let record = line.trim_ascii();
        if !record.is_empty() {
            sink.push(piece(record))?;
        }
    }
}

fn unlike(detail: &str) -> Problem {
    Problem::new(Code::MalformedBody).with_errors(vec![crate::problem::FieldError::new("", "not_a_list", detail)])
}

/// The file after its byte order mark, if it has one.
fn without_mark(file: File) -> Result<(BufReader<Bounded<File>>, Meter), Problem> {
    let (bounded, meter) = Bounded::new(file, MAX_UPLOAD);
    let mut reader = BufReader::new(bounded);
    if reader.fill_buf().map_err(Problem::internal)?.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    Ok((reader, meter))
}

fn piece(json: &[u8]) -> Piece {
    #[derive(Deserialize)]
    struct Named {
        external_id: String,
    }

    let record = body::parse::<ImportRecord>(json);
    let named = || serde_json::from_slice::<Named>(json).map(|named| named.external_id.trim().to_owned()).unwrap_or_default();
    let external_id = if record.is_err() { named() } else { String::new() };
    Piece::Person(Box::new(PersonPiece::new(external_id, record)))
}

/// On the way through a document.
struct Walk<'w, 's> {
    sink: &'w mut Sink<'s>,
    meter: &'w Meter,
    /// What the sink said.
    problem: Option<Problem>,
}

impl Walk<'_, '_> {
    fn deserialize_document<R: Read>(&mut self, json: &mut serde_json::Deserializer<serde_json::de::IoRead<R>>) -> serde_json::Result<()> {
        json.deserialize_map(Members(self))
    }
}

/// The members of the document.
struct Members<'w, 'a, 's>(&'w mut Walk<'a, 's>);

impl<'de> Visitor<'de> for Members<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut has_items = false;
        while let Some(name) = members.next_key::<String>()? {
            if name != "items" || has_items {
                return Err(A::Error::custom("unknown member"));
            }
            has_items = true;
            members.next_value_seed(Items(self.0))?;
        }
        if has_items { Ok(()) } else { Err(A::Error::missing_field("items")) }
    }
}

/// The list.
struct Items<'w, 'a, 's>(&'w mut Walk<'a, 's>);

impl<'de> DeserializeSeed<'de> for Items<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.meter.next();
        while let Some(json) = items.next_element::<Box<RawValue>>()? {
            if let Err(problem) = self.0.sink.push(piece(json.get().as_bytes())) {
                self.0.problem = Some(problem);
                return Err(A::Error::custom("stopped"));
            }
            self.0.meter.next();
        }
        Ok(())
    }
}
