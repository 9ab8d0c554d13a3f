//! Bodies that are too large for memory.

use std::fs::File;
use std::io::{Seek, Write};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use super::body::announced;
use crate::access::caller::RequestContext;
use crate::problem::{Code, Problem};

/// The largest file that is taken in.
pub const MAX_UPLOAD: u64 = 64 << 20;
/// A file has to come in faster than this, once it had time to begin.
const BYTES_PER_SECOND: u64 = 64 << 10;
const TO_BEGIN: Duration = Duration::from_secs(15);

/// A body in a file that has no name: nobody else sees it, and it goes when nobody holds it.
#[derive(Debug)]
pub struct Upload {
    /// At its beginning.
    pub file: File,
    /// The media type without parameters, in lower case.
    pub media_type: String,
}

impl FromRequest for Upload {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            announced(&request, MAX_UPLOAD)?;
            let (file, digest) = store(payload).await?;
            if let Some(context) = request.extensions().get::<RequestContext>() {
                context.remember_body(digest);
            }
            Ok(Self { file, media_type: request.content_type().to_ascii_lowercase() })
        })
    }
}

async fn store(mut payload: Payload) -> Result<(File, [u8; 32]), Problem> {
    let mut file = tempfile::tempfile().map_err(unwritable)?;
    let (mut hash, mut length, begun) = (Sha256::new(), 0, Instant::now());
    loop {
        let by = begun + TO_BEGIN + Duration::from_secs(length / BYTES_PER_SECOND);
        let Ok(chunk) = timeout_at(by, payload.next()).await else { return Err(Problem::new(Code::RequestTimeout)) };
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedRequest))?;
        length += chunk.len() as u64;
        if length > MAX_UPLOAD {
            return Err(Problem::new(Code::BodyTooLarge));
        }
        hash.update(&chunk);
        file.write_all(&chunk).map_err(unwritable)?;
    }
    file.rewind().map_err(unwritable)?;
    Ok((file, hash.finalize().into()))
}

fn unwritable(error: std::io::Error) -> Problem {
    if error.kind() == std::io::ErrorKind::StorageFull { Problem::new(Code::StorageFull) } else { Problem::internal(error) }
}
