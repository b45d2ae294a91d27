//! The reference: hyper with the real server's settings, which reads a request whole and answers
//! with 300 fixed bytes. What Bulla costs above this is Bulla's.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};

use crate::error::BenchError;

/// What every request is answered with, health checks included.
const BODY_BYTES: usize = 300;
/// As a server that faces the network must have it: a header that never ends is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until the process is ended.
pub(crate) fn serve(listen: SocketAddr) -> Result<(), BenchError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(BenchError::io("start the tokio runtime"))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen)
            .await
            .map_err(BenchError::io(format!("listen on {listen}")))?;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .half_close(true);
        let body = fixed_body();
        loop {
            let (stream, _) =
                listener.accept().await.map_err(BenchError::io("accept a connection"))?;
            tokio::spawn(connection(builder.clone(), stream, body.clone()));
        }
    })
}

async fn connection(builder: auto::Builder<TokioExecutor>, stream: TcpStream, body: Bytes) {
    if let Err(error) = stream.set_nodelay(true) {
        eprintln!("set TCP_NODELAY: {error}");
        return;
    }
    let service = service_fn(move |request| answer(request, body.clone()));
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        eprintln!("connection ended: {error}");
    }
}

async fn answer(
    request: Request<Incoming>,
    body: Bytes,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    request.into_body().collect().await?;
    let mut response = Response::new(Full::new(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    Ok(response)
}

/// A JSON object of exactly `BODY_BYTES`.
fn fixed_body() -> Bytes {
    let (open, close) = ("{\"Fixed\":\"", "\"}");
    let fill = "a".repeat(BODY_BYTES - open.len() - close.len());
    Bytes::from(format!("{open}{fill}{close}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_body_is_json_of_300_bytes() {
        let body = fixed_body();
        assert_eq!(body.len(), 300);
        assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
    }
}
