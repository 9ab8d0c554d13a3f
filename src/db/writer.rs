//! Group commit for SQLite: one thread writes, and commits the waiting writes of several requests together,
//! each under its own savepoint. At one client it costs nothing; under load one fsync serves many.

use tokio::sync::{mpsc, oneshot};

use super::{Conn, DbError, caught, execute};

/// How many writes share a commit at the most: bounds the wait of the first one.
const BATCH: usize = 128;
/// What those are told whose transaction ended under them: to try again.
const LOST: &str = "the transaction was rolled back as a whole: disk is full or failing";
/// How many writes may wait; beyond that the answer is "busy" at once.
const QUEUE: usize = 4096;

/// Told how the commit went, hands the answer to the one who waits for it: a refusal too, since it may rest on a
/// write of the same transaction.
type Done = Box<dyn FnOnce(Result<(), &str>) + Send>;
/// Does the work under a savepoint; `Err` where not even the transaction could begin. False: the transaction is lost.
type Job = Box<dyn FnOnce(Result<&mut Conn, &str>) -> (Done, bool) + Send>;

#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Job>);

impl Writer {
    pub fn start(conn: Conn) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        std::thread::Builder::new().name("writer".into()).spawn(move || run(conn, receiver))?;
        Ok(Self(sender))
    }

    pub fn has_ended(&self) -> bool {
        self.0.is_closed()
    }

    pub async fn write<T, E>(&self, f: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (answer, waiting) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            let (result, intact) = match conn {
                Ok(conn) => under_savepoint(conn, f),
                Err(why) => (Err(E::from(busy(why))), false),
            };
            let done: Done = Box::new(move |committed| {
                // A receiver that has gone away (the client hung up) changes nothing: the write stands.
                let _ = answer.send(committed.map_err(|why| E::from(busy(why))).and(result));
            });
            (done, intact)
        });
        self.0.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => E::from(busy("too many writes are waiting")),
            mpsc::error::TrySendError::Closed(_) => E::from(DbError::Panicked),
        })?;
        waiting.await.unwrap_or_else(|_| Err(DbError::Panicked.into()))
    }
}

fn busy(why: &str) -> DbError {
    if why.contains("disk is full") || why.contains("disk I/O error") {
        DbError::Full(why.to_owned())
    } else {
        DbError::Busy(why.to_owned())
    }
}

fn run(mut conn: Conn, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.blocking_recv() {
        let conn = &mut conn;
        if let Err(error) = execute(conn, "BEGIN IMMEDIATE") {
            let why = error.to_string();
            first(Err(&why)).0(Err(&why));
            continue;
        }
        let mut done: Vec<Done> = Vec::new();
        let mut next = Some(first);
        let mut intact = true;
        while intact && done.len() < BATCH {
            let Some(job) = next.take().or_else(|| jobs.try_recv().ok()) else { break };
            let (answer, still_intact) = job(Ok(conn));
            done.push(answer);
            intact = still_intact;
        }
        let committed = if intact { execute(conn, "COMMIT").map_err(|error| error.to_string()) } else { Err(LOST.to_owned()) };
        if committed.is_err() {
            let _ = execute(conn, "ROLLBACK");
        }
        for answer in done {
            answer(committed.as_ref().map(|&()| ()).map_err(String::as_str));
        }
    }
}

/// The outcome, and whether the transaction around it still is one: after some errors (disk full) `SQLite` has rolled
/// all of it back, and the savepoint is gone.
fn under_savepoint<T, E: From<DbError>>(conn: &mut Conn, f: impl FnOnce(&mut Conn) -> Result<T, E>) -> (Result<T, E>, bool) {
    if let Err(error) = execute(conn, "SAVEPOINT request") {
        return (Err(error.into()), false);
    }
    match caught(f, conn) {
        Ok(value) => match execute(conn, "RELEASE request") {
            Ok(()) => (Ok(value), true),
            Err(error) => (Err(error.into()), false),
        },
        Err(error) => (Err(error), execute(conn, "ROLLBACK TO request; RELEASE request").is_ok()),
    }
}
