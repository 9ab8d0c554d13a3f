//! A reader that lets nobody have more of a file in memory than one record of sensible size.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use super::unreadable;
use crate::problem::{Code, Problem};

/// The longest record, with what a reader takes in beforehand.
const MAX_RECORD: usize = 256 << 10;

/// What a [`Bounded`] reader has read.
#[derive(Clone, Default)]
pub struct Meter(Rc<Inner>);

#[derive(Default)]
struct Inner {
    since: Cell<usize>,
    left: Cell<u64>,
    over: Cell<Option<Over>>,
}

#[derive(Clone, Copy)]
enum Over {
    Record,
    All,
}

impl Meter {
    /// Another record begins.
    pub fn next(&self) {
        self.0.since.set(0);
    }

    /// Why reading failed, where it was for a limit.
    pub fn problem(&self) -> Option<Problem> {
        self.0.over.get().map(|over| match over {
            Over::Record => unreadable("", "record_too_long", "A record is longer than 256 KiB."),
            Over::All => Problem::new(Code::BodyTooLarge).detail("The file, or what an archive unpacks to, is larger than can be taken."),
        })
    }
}

/// Reads no more than `MAX_RECORD` bytes for one record, and no more than `left` in all.
pub struct Bounded<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Bounded<R> {
    /// With `left` to read in all.
    pub fn new(inner: R, left: u64) -> (Self, Meter) {
        let meter = Meter::default();
        meter.0.left.set(left);
        (Self { inner, meter: meter.clone() }, meter)
    }
}

impl Meter {
    /// What is left to read.
    pub fn left(&self) -> u64 {
        self.0.left.get()
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let meter = &self.meter.0;
        meter.since.set(meter.since.get() + read);
        let over = match meter.left.get().checked_sub(read as u64) {
            None => Some(Over::All),
            Some(left) => {
                meter.left.set(left);
                (meter.since.get() > MAX_RECORD).then_some(Over::Record)
            }
        };
        if over.is_some() {
            meter.over.set(over);
            return Err(io::Error::other("over a limit"));
        }
        Ok(read)
    }
}
