//! The load: keep-alive connections on one thread, each sending its next request when the last is
//! answered. Raw sockets and the least parsing that tells a right answer from a wrong one.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use crate::error::BenchError;
use crate::histogram::Histogram;
use crate::request::Request;
use crate::response;
use crate::signer::Signer;

/// When a load ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Elapsed(Duration),
    Calls(u64),
}

/// What a load saw.
pub(crate) struct Tally {
    pub(crate) latency: Histogram,
    pub(crate) elapsed: Duration,
}

/// Called with each answer's body.
type OnBody<'a> = Box<dyn FnMut(&[u8]) -> Result<(), BenchError> + 'a>;

/// One load: `requests` are sent in turn, over all connections.
pub(crate) struct Load {
    pub(crate) server: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) until: Until,
    pub(crate) requests: Rc<[Request]>,
}

struct Shared {
    load: Load,
    signer: RefCell<Signer>,
    scratch: RefCell<Vec<u8>>,
    latency: RefCell<Histogram>,
    on_body: RefCell<OnBody<'static>>,
    sent: Cell<u64>,
    start: Instant,
}

impl Load {
    /// Runs to the end, or to the first answer that isn't 200.
    pub(crate) fn run(self, signer: Signer) -> Result<Tally, BenchError> {
        self.run_with(signer, |_| Ok(()))
    }

    /// As `run`; `on_body` sees each answer's body.
    pub(crate) fn run_with(
        self,
        signer: Signer,
        on_body: impl FnMut(&[u8]) -> Result<(), BenchError> + 'static,
    ) -> Result<Tally, BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(BenchError::io("start the client's runtime"))?;
        LocalSet::new().block_on(&runtime, self.drive(signer, Box::new(on_body)))
    }

    async fn drive(self, signer: Signer, on_body: OnBody<'static>) -> Result<Tally, BenchError> {
        let connections = self.connections;
        let mut streams = Vec::with_capacity(connections);
        for _ in 0..connections {
            streams.push(connect(self.server).await?);
        }
        let shared = Rc::new(Shared {
            load: self,
            signer: RefCell::new(signer),
            scratch: RefCell::new(Vec::new()),
            latency: RefCell::new(Histogram::new()),
            on_body: RefCell::new(on_body),
            sent: Cell::new(0),
            start: Instant::now(),
        });
        let mut tasks = JoinSet::new();
        for stream in streams {
            tasks.spawn_local(connection(Rc::clone(&shared), stream));
        }
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|e| BenchError::malformed(format!("a client task failed: {e}")))??;
        }
        let elapsed = shared.start.elapsed();
        Ok(Tally { latency: shared.latency.replace(Histogram::new()), elapsed })
    }
}

async fn connect(server: SocketAddr) -> Result<TcpStream, BenchError> {
    let doing = || format!("connect to {server}");
    let stream = TcpStream::connect(server).await.map_err(BenchError::io(doing()))?;
    stream.set_nodelay(true).map_err(BenchError::io(doing()))?;
    Ok(stream)
}

async fn connection(shared: Rc<Shared>, mut stream: TcpStream) -> Result<(), BenchError> {
    let (mut out, mut input) = (Vec::new(), Vec::with_capacity(response::MAX_BYTES));
    while let Some(index) = shared.next() {
        let Some(request) = shared.load.requests.get(index) else { return Ok(()) };
        {
            let mut signer = shared.signer.borrow_mut();
            signer.tick()?;
            request.write(&mut signer, &mut shared.scratch.borrow_mut(), &mut out);
        }
        let sent = Instant::now();
        stream.write_all(&out).await.map_err(BenchError::io("send a request"))?;
        let answer = receive(&mut stream, &mut input).await?;
        let nanos = u64::try_from(sent.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let body = input.get(answer.body.clone()).unwrap_or_default();
        if answer.status != 200 {
            return Err(BenchError::Answer {
                call: request.operation().to_owned(),
                status: answer.status,
                body: String::from_utf8_lossy(body).into_owned(),
            });
        }
        shared.latency.borrow_mut().record(nanos);
        (shared.on_body.borrow_mut())(body)?;
    }
    Ok(())
}

impl Shared {
    /// The index of the request to send next; none when the load is over.
    fn next(&self) -> Option<usize> {
        let sent = self.sent.get();
        let over = match self.load.until {
            Until::Elapsed(limit) => self.start.elapsed() >= limit,
            Until::Calls(limit) => sent >= limit,
        };
        if over {
            return None;
        }
        self.sent.set(sent + 1);
        usize::try_from(sent).ok()?.checked_rem(self.load.requests.len())
    }
}

/// Reads one whole answer into `input`.
async fn receive(
    stream: &mut TcpStream,
    input: &mut Vec<u8>,
) -> Result<response::Answer, BenchError> {
    input.clear();
    loop {
        let read = stream.read_buf(input).await.map_err(BenchError::io("read an answer"))?;
        if let Some(answer) = response::parse(input)? {
            return Ok(answer);
        }
        if read == 0 {
            return Err(BenchError::malformed("the server closed a connection in use"));
        }
        if input.len() >= response::MAX_BYTES {
            return Err(BenchError::malformed("an answer is larger than the bench expects"));
        }
    }
}
