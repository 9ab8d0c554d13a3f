//! The program itself, as it is installed: a running service, and commands.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

use serde_json::Value;
use weald::db::DatabaseUrl;

use super::{School, data_dir};

/// A running `weald serve`; it ends with this.
pub struct Program {
    child: Child,
    /// Where it listens.
    pub url: String,
    log: mpsc::Receiver<String>,
}

/// A command of the program on the school's database.
pub fn weald(school: &School, arguments: &[&str]) -> Command {
    let database = match school.database_url() {
        DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseUrl::Postgres(url) => url,
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_weald"));
    command.args(arguments).arg("--data-dir").arg(data_dir()).env("WEALD_DATABASE_URL", database);
    command
}

impl Program {
    pub fn serve(school: &School, configure: impl FnOnce(&mut Command)) -> Self {
        let flags = ["serve", "--listen", "127.0.0.1:0", "--public-url", "https://weald.example", "--rate-limit", "1000000"];
        let mut command = weald(school, &flags);
        command.env("WEALD_LOG", "info,weald::http=off").stderr(Stdio::piped());
        configure(&mut command);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = mpsc::channel();
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            let entry: Value = serde_json::from_str(&line).expect("a log line is one JSON object");
            sender.send(line).unwrap();
            Some(entry["fields"]["address"].as_str()?.to_owned())
        });
        let address = address.expect("the program listens");
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        Self { child, url: format!("http://{address}"), log }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop in order, and waits until it has; whether all was well.
    pub fn stop(&mut self) -> bool {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        told.success() && self.child.wait().unwrap().success()
    }

    /// Ends it; all that it said in its log.
    pub fn log(mut self) -> String {
        self.kill();
        self.log.iter().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command said.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
