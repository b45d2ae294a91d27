//! One environment: a function's processes, the port of its runtime API, and its log.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{oneshot, watch};
use zeroize::Zeroizing;

use super::api::{self, Answer, Api, Phase};
use super::log::{self, Log};
use super::places::Folder;
use super::pool::Slot;
use super::{Invocation, Target};
use crate::host::{HOST, descendants, resident_kib};

/// How long a program may take until it asks for its first call. AWS gives 10 seconds, on machines
/// of its own; ours may be slow.
const INIT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a host may take to end its processes before it is killed itself.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// What became of a call.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The handler's answer.
    Answered(Vec<u8>),
    /// The handler failed, and said so.
    Failed(Vec<u8>),
    /// It took too long, and was ended.
    TimedOut,
    /// The program never asked for a call.
    NeverReady,
    /// The program could not begin, and said why.
    NotBegun(Vec<u8>),
    /// The program ended; its exit status.
    Exited(i32),
    /// The answer was too large.
    TooLarge,
    /// The program ended before it took the call.
    NotTaken,
}

/// An environment.
pub(crate) struct Environment {
    api: Arc<Api>,
    log: Arc<Log>,
    /// The process id of the host.
    host: i32,
    exited: watch::Receiver<Option<i32>>,
    stop: watch::Sender<bool>,
    /// When it was started, in milliseconds since 1970, as the server's clock has it.
    pub(crate) started_ms: i64,
    /// Whether it has had a call.
    used: Mutex<bool>,
    begun: Instant,
}

/// What an environment holds while its processes live.
pub(super) struct Holdings {
    pub(super) slot: Slot,
    pub(super) folder: Folder,
}

impl Environment {
    /// Starts a host with a specification, and serves its runtime API.
    pub(super) async fn start(
        program: &std::path::Path,
        spec: Zeroizing<Vec<u8>>,
        listener: TcpListener,
        log: Log,
        started_ms: i64,
        holdings: Holdings,
    ) -> std::io::Result<Arc<Self>> {
        let mut child = Command::new(program)
            .arg(HOST)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let host = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
        let Some(mut pipe) = child.stdin.take() else {
            return Err(std::io::Error::other("a host without a pipe"));
        };
        let log = Arc::new(log);
        let reading = log::drain(&log, child.stdout.take(), child.stderr.take());
        pipe.write_all(&spec).await?;
        let (api, log_of_keeper) = (Arc::new(Api::new()), Arc::clone(&log));
        let serving = tokio::spawn(api::serve(Arc::clone(&api), listener, host));
        let (tell, exited) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            let status = keep(child, pipe, stopped).await;
            serving.abort();
            // What is still in the pipes is of the log. Whoever holds them open has ended too.
            let _read = tokio::time::timeout(END_TIMEOUT, reading).await;
            log_of_keeper.close();
            let Holdings { slot, folder } = holdings;
            let _gone = tokio::task::spawn_blocking(move || drop(folder)).await;
            drop(slot);
            tell.send_replace(Some(status));
        });
        let (used, begun) = (Mutex::new(false), Instant::now());
        Ok(Arc::new(Self { api, log, host, exited, stop, started_ms, used, begun }))
    }

    /// Whether it can take another call.
    pub(crate) fn is_alive(&self) -> bool {
        self.exited.borrow().is_none() && !*self.stop.borrow()
    }

    /// Has its processes ended, soon.
    pub(crate) fn end(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until all of its processes have ended, and answers the program's exit status.
    pub(crate) async fn ended(&self) -> i32 {
        let mut exited = self.exited.clone();
        let found = exited.wait_for(Option::is_some).await;
        found.ok().and_then(|status| *status).unwrap_or(0)
    }

    /// Runs one call. No two may run at once.
    pub(crate) async fn invoke(&self, target: &Target, invocation: Invocation) -> (Ended, Report) {
        let id = invocation.id.clone();
        self.log.begin(&format!("START RequestId: {id} Version: {}\n", target.version));
        let began = Instant::now();
        let ended = self.run(target, invocation).await;
        let taken = began.elapsed();
        self.log.settle().await;
        let report = self.report(&id, target, &ended, taken);
        (ended, report)
    }

    async fn run(&self, target: &Target, invocation: Invocation) -> Ended {
        if let Some(ended) = self.readied().await {
            return ended;
        }
        let seconds = u64::try_from(target.config.timeout_s).unwrap_or(1).max(1);
        let limit = Duration::from_secs(seconds);
        let (answer, answered) = oneshot::channel();
        self.api.hand_over(invocation, limit, answer);
        let ended = tokio::select! {
            biased;
            answer = answered => match answer {
                Ok(Answer::Answered(bytes)) => Ended::Answered(bytes),
                Ok(Answer::Failed(bytes)) => Ended::Failed(bytes),
                Ok(Answer::TooLarge) => Ended::TooLarge,
                // The runtime API is gone, and so is the program.
                Err(_gone) => self.exit().await,
            },
            ended = self.exit() => ended,
            () = tokio::time::sleep(limit) => Ended::TimedOut,
        };
        self.api.withdraw();
        ended
    }

    /// Waits until the program asks for a call; what went wrong otherwise.
    async fn readied(&self) -> Option<Ended> {
        let mut phase = self.api.phase();
        let left = INIT_TIMEOUT.saturating_sub(self.begun.elapsed());
        tokio::select! {
            biased;
            phase = phase.wait_for(|phase| !matches!(phase, Phase::Starting)) => {
                match phase.as_deref() {
                    Ok(Phase::NotBegun(why)) => Some(Ended::NotBegun(why.clone())),
                    _ => None,
                }
            }
            ended = self.exit() => Some(ended),
            () = tokio::time::sleep(left) => Some(Ended::NeverReady),
        }
    }

    /// Waits for the end of the program. An environment that was warm is not to blame the call for
    /// it, unless the program has taken that.
    async fn exit(&self) -> Ended {
        let status = self.ended().await;
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used && !self.api.was_taken() { Ended::NotTaken } else { Ended::Exited(status) }
    }

    fn report(&self, id: &str, target: &Target, ended: &Ended, taken: Duration) -> Report {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = true;
        let memory = resident_kib(&descendants(self.host)).div_ceil(1_024);
        let ms = taken.as_secs_f64() * 1_000.0;
        let status = match ended {
            Ended::TimedOut => "\tStatus: timeout",
            Ended::Answered(_) => "",
            _ => "\tStatus: error",
        };
        // Lambda's own lines (user guide, "Working with Lambda function logs").
        self.log.write(&format!(
            "END RequestId: {id}\nREPORT RequestId: {id}\tDuration: {ms:.2} ms\tBilled Duration: \
             {} ms\tMemory Size: {} MB\tMax Memory Used: {memory} MB{status}\t\n",
            ms.ceil(),
            target.config.memory_mb,
        ));
        Report { tail: self.log.tail() }
    }
}

/// What is told of a call besides its answer.
pub(crate) struct Report {
    /// The end of its log, at most [`LOG_TAIL_BYTES`](super::LOG_TAIL_BYTES).
    pub(crate) tail: Vec<u8>,
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.end();
    }
}

/// Holds the pipe to a host until it ends or is to end, and answers its exit status.
async fn keep(mut child: Child, pipe: ChildStdin, mut stopped: watch::Receiver<bool>) -> i32 {
    // Also when whoever could say so is gone.
    let stop = async move {
        let _said = stopped.wait_for(|stop| *stop).await.is_ok();
    };
    let status = tokio::select! {
        status = child.wait() => status,
        () = stop => {
            drop(pipe);
            match tokio::time::timeout(END_TIMEOUT, child.wait()).await {
                Ok(status) => status,
                Err(_slow) => {
                    tracing::error!("a function's host did not end and is killed");
                    let _gone = child.kill().await;
                    child.wait().await
                }
            }
        }
    };
    match status {
        Ok(status) => status.code().unwrap_or(0),
        Err(error) => {
            tracing::error!(%error, "a function's host can't be waited for");
            0
        }
    }
}
