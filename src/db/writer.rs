//! Group commit for SQLite: one thread writes, and commits the waiting writes of several requests together,
//! each under its own savepoint. At one client it costs nothing; under load one fsync serves many.

use tokio::sync::{mpsc, oneshot};

use super::{Conn, DbError, caught, execute};

/// How many writes share a commit at the most: bounds the wait of the first one.
const BATCH: usize = 128;
/// How many writes may wait; beyond that the answer is "busy" at once.
const QUEUE: usize = 4096;

/// Told how the commit went, hands the answer to the one who waits for it.
type Done = Box<dyn FnOnce(Result<(), &str>) + Send>;
/// Does the work under a savepoint; `Err` where not even the transaction could begin.
type Job = Box<dyn FnOnce(Result<&mut Conn, &str>) -> Option<Done> + Send>;

#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Job>);

impl Writer {
    pub fn start(conn: Conn) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        std::thread::Builder::new().name("writer".into()).spawn(move || run(conn, receiver))?;
        Ok(Self(sender))
    }

    pub async fn write<T, E>(&self, f: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (answer, waiting) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            // A receiver that has gone away (the client hung up) changes nothing: the write stands.
            let result = conn.map_err(|why| E::from(busy(why))).and_then(|conn| under_savepoint(conn, f));
            match result {
                Ok(value) => Some(Box::new(move |committed: Result<(), &str>| {
                    let _ = answer.send(committed.map(|()| value).map_err(|why| E::from(busy(why))));
                })),
                Err(error) => {
                    let _ = answer.send(Err(error));
                    None
                }
            }
        });
        self.0.try_send(job).map_err(|_| E::from(busy("too many writes are waiting")))?;
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
            first(Err(&error.to_string()));
            continue;
        }
        let mut done: Vec<Done> = Vec::new();
        let mut next = Some(first);
        for _ in 0..BATCH {
            let Some(job) = next.take().or_else(|| jobs.try_recv().ok()) else { break };
            done.extend(job(Ok(conn)));
        }
        let committed = execute(conn, "COMMIT").map_err(|error| {
            let _ = execute(conn, "ROLLBACK");
            error.to_string()
        });
        for answer in done {
            answer(committed.as_ref().map(|&()| ()).map_err(String::as_str));
        }
    }
}

fn under_savepoint<T, E: From<DbError>>(conn: &mut Conn, f: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    execute(conn, "SAVEPOINT request")?;
    let result = caught(f, conn);
    // After an error that made SQLite roll back the whole transaction (disk full) there is no savepoint
    // left: both statements fail, and with them the commit of everything before it.
    match result {
        Ok(value) => execute(conn, "RELEASE request").map(|()| value).map_err(E::from),
        Err(error) => {
            let _ = execute(conn, "ROLLBACK TO request; RELEASE request");
            Err(error)
        }
    }
}
