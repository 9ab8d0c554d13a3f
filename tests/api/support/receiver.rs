//! Somebody who receives webhooks, as well or as badly as a test wants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

/// How a delivery is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16),
    /// Elsewhere.
    Redirect(String),
    /// 204, as soon as it is let go.
    Held(Arc<Notify>),
    /// Not at all.
    Nothing,
    /// 200, and then fewer bytes than it says.
    Short,
    /// 200, and then bytes without an end.
    Endless,
}

/// A delivery as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Received {
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// How many of its signatures are made with this secret, computed from scratch.
    pub fn signed_with(&self, secret: &Value) -> usize {
        let key = STANDARD.decode(secret.as_str().unwrap().strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.headers["webhook-signature"].split(' ').filter(|signature| *signature == expected).count()
    }
}

type Behaviour = Arc<Mutex<Box<dyn FnMut(&Received) -> Answer + Send>>>;

/// Listens on this machine for as long as it lives.
pub struct Receiver {
    pub url: String,
    behaviour: Behaviour,
    received: mpsc::UnboundedReceiver<Received>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// One who says 204 to everything.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?key=of-the-receiver", listener.local_addr().unwrap());
        let behaviour: Behaviour = Arc::new(Mutex::new(Box::new(|_| Answer::Status(204))));
        let (sender, received) = mpsc::unbounded_channel();
        let shared = Arc::clone(&behaviour);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared), sender.clone()));
            }
        });
        Self { url, behaviour, received, task }
    }

    /// From now on answers so.
    pub fn answers(&self, answer: impl FnMut(&Received) -> Answer + Send + 'static) {
        *self.behaviour.lock().unwrap() = Box::new(answer);
    }

    /// Everything that has come since the last call.
    pub fn all(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.received.try_recv().ok()).collect()
    }

    /// The next delivery, within half a minute.
    pub async fn next(&mut self) -> Received {
        tokio::time::timeout(Duration::from_secs(30), self.received.recv()).await.expect("a delivery").unwrap()
    }
}

async fn serve(mut stream: TcpStream, behaviour: Behaviour, sender: mpsc::UnboundedSender<Received>) -> Option<()> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 8192]);
    let received = loop {
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: HashMap<String, String> = lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        if body.len() >= headers["content-length"].parse::<usize>().unwrap() {
            break Received { headers, body: body.to_owned() };
        }
    };
    let answer = behaviour.lock().unwrap()(&received);
    sender.send(received).ok()?;
    if let Answer::Held(held) = &answer {
        held.notified().await;
    }
    let head = match &answer {
        Answer::Status(status) => format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        Answer::Redirect(to) => format!("HTTP/1.1 307 Elsewhere\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        Answer::Short => "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nshort".to_owned(),
        Answer::Endless => "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n".to_owned(),
        Answer::Held(_) => "HTTP/1.1 204 Said\r\nConnection: close\r\n\r\n".to_owned(),
        Answer::Nothing => String::new(),
    };
    stream.write_all(head.as_bytes()).await.ok()?;
    if matches!(answer, Answer::Endless) {
        while stream.write_all(&[b'x'; 16000]).await.is_ok() {}
    }
    if matches!(answer, Answer::Nothing) {
        // Until the other side has had enough.
        while stream.read(&mut chunk).await.is_ok_and(|read| read > 0) {}
    }
    Some(())
}
