//! Running one call of a function, from the version it is for to what its caller hears.

use bulla_plane::pipeline::new_uuid;
use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;
use bytes::Bytes;
use serde_json::json;

use crate::functions::{Stored, Version};
use crate::run::{Ended, Full, Invocation, Material, StartError, Target};
use crate::{Assuming, Lambda, fault};

/// How often a call is handed to another environment because the one that it was for had ended.
const MAX_STARTS: usize = 3;
/// The exit status of a cell that could not become its program.
const NO_PROGRAM: i32 = 126;
/// What is added to a signal to make it an exit status.
const SIGNALS: i32 = 128;

/// A call that is to run.
pub(crate) struct Wanted {
    pub(crate) target: Target,
    /// The id that log and context have.
    pub(crate) id: String,
    /// The ARN by which the function was called.
    pub(crate) arn: String,
    pub(crate) payload: Bytes,
    pub(crate) client_context: Option<String>,
}

/// What a call came to.
pub(crate) struct Done {
    pub(crate) payload: Vec<u8>,
    /// `Unhandled` where the function failed; AWS knows no other word any more.
    pub(crate) error: Option<&'static str>,
    /// The end of its log.
    pub(crate) tail: Vec<u8>,
}

impl Target {
    pub(crate) fn of(stored: &Stored, version: Version) -> Self {
        let record = &stored.record;
        Self {
            account: record.account.clone(),
            region: record.region.clone(),
            name: record.name.clone(),
            path: record.path(),
            id: record.id.clone(),
            version: version.name,
            config: version.config,
            reserved: record.reserved,
        }
    }

    /// The function's ARN.
    fn arn(&self, partition: &str) -> String {
        let Self { account, region, name, .. } = self;
        format!("arn:{partition}:lambda:{region}:{account}:function:{name}")
    }
}

impl Lambda {
    /// Runs a call.
    pub(crate) async fn execute(&self, wanted: Wanted) -> Result<Done, Stop> {
        let runner = self.runner()?;
        let Wanted { target, id, arn, payload, client_context } = wanted;
        let _place = runner.enter(&target).map_err(full)?;
        for _ in 0..MAX_STARTS {
            let lease = match runner.warm(&target) {
                Some(lease) => lease,
                None => {
                    let material = self.material(&target).await?;
                    let random = new_uuid(&self.crypto)?;
                    let started = runner.start(&target, material, random).await;
                    started.map_err(|error| not_started(&target, error))?
                }
            };
            let call = Invocation {
                id: id.clone(),
                payload: payload.clone(),
                arn: arn.clone(),
                client_context: client_context.clone(),
            };
            let (ended, report) = lease.invoke(&target, call).await;
            if matches!(ended, Ended::NotTaken) {
                continue;
            }
            // One that failed in its own words goes on; one that was ended or fell over does not.
            if matches!(ended, Ended::Answered(_) | Ended::Failed(_) | Ended::TooLarge) {
                runner.give_back(&target, lease);
            }
            let (payload, error) = told(ended, &id, &target);
            return Ok(Done { payload, error, tail: report.tail });
        }
        Err(fault::not_runnable("The function's environments end before they take a call.").into())
    }

    /// What an environment is started with.
    async fn material(&self, target: &Target) -> Result<Material, Stop> {
        let runner = self.runner()?;
        let partition = bulla_plane::region::partition(&target.region);
        let arn = target.arn(partition);
        let (role, account) = (target.config.role.as_str(), target.account.as_str());
        let asked = Assuming { role, function: &arn, account };
        let credentials = self.roles.credentials(asked, &target.name).await?;
        let credentials = credentials.ok_or_else(fault::role_not_assumable)?;
        let variables = self.variables(target, &arn).await?;
        let code = &target.config.code;
        let archive = if runner.has_code(&code.id) {
            None
        } else {
            Some(self.archive(&target.path, code).await?)
        };
        Ok(Material { variables, credentials, archive })
    }

    /// The function's variables. Where they are under a key of KMS, its role must be allowed to
    /// decrypt them (user guide, "Securing Lambda environment variables"), and KMS records so.
    async fn variables(
        &self,
        target: &Target,
        arn: &str,
    ) -> Result<crate::environment::Variables, Stop> {
        let environment = target.config.environment.as_ref();
        let role = self.directory.authority(&target.config.role).await?;
        let role = role.ok_or_else(fault::role_not_assumable)?;
        let model = &bulla_shapes::lambda::SERVICE;
        let now_ms = self.clock.now_ms();
        let mut call: Call = self.neighbours.house_call(model, role, &target.region, now_ms)?;
        let opened = self.open(&mut call, arn, environment).await;
        self.neighbours.settle(call).await?;
        opened?.map_err(|refused| fault::kms_refused(&refused).into())
    }
}

fn full(full: Full) -> Stop {
    let reason = match full {
        Full::Server => "ConcurrentInvocationLimitExceeded",
        Full::Function => "ReservedFunctionConcurrentInvocationLimitExceeded",
        Full::Ending => return Stop::Fault(Fault::new("ServiceUnavailableException", 503)),
    };
    Stop::Fault(fault::throttled(reason))
}

fn not_started(target: &Target, error: StartError) -> Stop {
    match error {
        StartError::Full(why) => full(why),
        StartError::NoInterpreter(_) => Stop::Fault(fault::not_runnable(error.to_string())),
        StartError::Exposed(_) => {
            tracing::error!(function = target.path, %error, "a function is not run");
            let text = "The server's files lie where functions may read; its log says which.";
            Stop::Fault(fault::not_runnable(text))
        }
        StartError::Code(_) | StartError::System(_) => {
            tracing::error!(function = target.path, %error, "a function is not run");
            Stop::Internal
        }
    }
}

/// What a caller hears, in the words of Lambda's own runtime.
fn told(ended: Ended, id: &str, target: &Target) -> (Vec<u8>, Option<&'static str>) {
    let (kind, text) = match ended {
        Ended::Answered(payload) => return (payload, None),
        Ended::Failed(payload) | Ended::NotBegun(payload) => return (payload, Some("Unhandled")),
        Ended::TimedOut | Ended::NeverReady => {
            let seconds = target.config.timeout_s;
            ("Sandbox.Timedout", format!("Error: Task timed out after {seconds}.00 seconds"))
        }
        Ended::Exited(NO_PROGRAM) => (
            "Runtime.InvalidEntrypoint",
            "Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".into(),
        ),
        Ended::Exited(0) | Ended::NotTaken => {
            ("Runtime.ExitError", "Error: Runtime exited without providing a reason".into())
        }
        Ended::Exited(status) => {
            let text = format!("Error: Runtime exited with error: {}", exit(status));
            ("Runtime.ExitError", text)
        }
        Ended::TooLarge => {
            let limit = crate::run::MAX_ANSWER_BYTES;
            let text = format!(
                "Response payload size exceeded maximum allowed payload size ({limit} bytes)."
            );
            let error =
                json!({ "errorType": "Function.ResponseSizeTooLarge", "errorMessage": text });
            return (error.to_string().into_bytes(), Some("Unhandled"));
        }
    };
    let error = json!({ "errorType": kind, "errorMessage": format!("RequestId: {id} {text}") });
    (error.to_string().into_bytes(), Some("Unhandled"))
}

/// An exit status as Go's runtime prints it, which is what AWS shows.
fn exit(status: i32) -> String {
    match status - SIGNALS {
        6 => "signal: aborted".to_owned(),
        9 => "signal: killed".to_owned(),
        11 => "signal: segmentation fault".to_owned(),
        15 => "signal: terminated".to_owned(),
        signal if signal > 0 => format!("signal: {signal}"),
        _ => format!("exit status {status}"),
    }
}
