//! Starting an environment: which program, with which environment, behind which walls.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_plane::SecretText;
use tokio::net::TcpListener;

use super::environment::{Environment, Holdings};
use super::log::Log;
use super::places::{Folder, Places};
use super::pool::{Full, Lease, Runner, Slot};
use super::{Material, Settings, Target, bootstrap};
use crate::code::archive::Refusal;
use crate::host::{Group, Limits, Spec, User, framed, group_place};

/// How many processes and threads a function may have (user guide, "Quotas").
const MAX_PROCESSES: u64 = 1_024;
/// How many files a process of a function may have open (user guide, "Quotas").
const MAX_FILES: u64 = 1_024;
/// What an interpreter takes of a process's memory beside what the function does, in bytes: AWS
/// counts what is resident, the limit here counts what is claimed.
const RUNTIME_BYTES: u64 = 192 << 20;
/// Folders and files of the system that every function may read.
const SYSTEM: [&str; 10] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/opt",
    "/proc",
    "/sys/fs/cgroup",
];
/// Devices that every function may use.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// Where programs are looked for by a function.
const PROGRAMS: &str = "/usr/local/bin:/usr/bin:/bin:/opt/bin";

/// Why an environment was not started.
#[derive(Debug)]
pub(crate) enum StartError {
    /// There may be no more.
    Full(Full),
    /// The machine has no such interpreter. The text names it.
    NoInterpreter(String),
    /// What is the server's own lies where every function may read, and has its user.
    Exposed(PathBuf),
    /// The code can't be unpacked.
    Code(Refusal),
    /// The system refused.
    System(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("there are as many environments as there may be"),
            Self::NoInterpreter(name) => write!(f, "this machine has no {name} for functions"),
            Self::Exposed(path) => write!(
                f,
                "{} lies where functions may read: run the server as root, or move it",
                path.display()
            ),
            Self::Code(why) => write!(f, "code can't be unpacked: {why:?}"),
            Self::System(error) => write!(f, "an environment can't be started: {error}"),
        }
    }
}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        Self::System(error)
    }
}

impl Runner {
    fn places(&self, random: &str) -> std::io::Result<&Places> {
        if let Some(places) = self.places.get() {
            return Ok(places);
        }
        let made = Places::new(random, self.settings.authorities.as_deref())?;
        // Whoever made another at the same time removes it again.
        Ok(self.places.get_or_init(|| made))
    }

    /// Whether code is laid out already.
    pub(crate) fn has_code(&self, id: &str) -> bool {
        self.places.get().is_some_and(|places| places.has(id))
    }

    /// Starts an environment. `random` is a name that nobody can guess.
    pub(crate) async fn start(
        self: &Arc<Self>,
        target: &Target,
        material: Material,
        random: String,
    ) -> Result<Lease, StartError> {
        let slot = self.slot().await.map_err(StartError::Full)?;
        let name = random.clone();
        let user = self.user(&slot);
        let (runner, code) = (Arc::clone(self), target.config.code.id.clone());
        let archive = material.archive;
        let made = tokio::task::spawn_blocking(move || -> Result<Folder, StartError> {
            let places = runner.places(&random)?;
            if let Some(archive) = archive {
                places.unpack(&code, &archive).map_err(StartError::Code)?;
            }
            Ok(places.environment(&code, user)?)
        });
        let folder = made.await.map_err(std::io::Error::other)??;
        let Some(places) = self.places.get() else {
            return Err(std::io::Error::other("no folder for functions").into());
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let program = Program::of(&self.settings, target, &folder, places, user.is_some())?;
        let readable = readable(&folder, places, &program.readable);
        if let (None, Some(path)) = (user, exposed(&self.settings.private, &readable)) {
            return Err(StartError::Exposed(path));
        }
        let mut environment = variables(&self.settings, target, &folder, port);
        environment.extend(program.variables.iter().map(|(name, value)| own(name, value)));
        let credentials = material.credentials;
        environment.push(own("AWS_ACCESS_KEY_ID", &credentials.access_key_id));
        environment.push(("AWS_SECRET_ACCESS_KEY".into(), credentials.secret));
        environment.push(("AWS_SESSION_TOKEN".into(), credentials.token));
        // Names of the function's own that could stand for one of the above were refused.
        environment.extend(material.variables);
        let spec = Spec {
            program: program.path,
            arguments: program.arguments,
            environment,
            folder: folder.task(),
            user,
            limits: limits(target),
            group: user.and_then(|_| self.group(target, &name)),
            readable,
            writable: std::iter::once(folder.temporary())
                .chain(DEVICES.iter().map(PathBuf::from))
                .collect(),
        };
        let spec = framed(&spec)?;
        let log = self.settings.logs.as_ref().map(|logs| {
            let Target { account, region, name, .. } = target;
            logs.join(account).join(region).join(format!("{name}.log"))
        });
        let log = Log::new(log.as_deref());
        let now_ms = self.clock.now_ms();
        let holdings = Holdings { slot, folder };
        let host = &self.settings.program;
        let started = Environment::start(host, spec, listener, log, now_ms, holdings).await?;
        self.register(&started);
        Ok(Lease::of(started))
    }

    /// What limits all processes of an environment together, where the system can.
    fn group(&self, target: &Target, name: &str) -> Option<Group> {
        let place = self.groups.get_or_init(group_place).as_ref()?;
        let memory = mebibytes(target.config.memory_mb);
        Some(Group::new(place, name, memory, MAX_PROCESSES))
    }

    /// Whom an environment runs as: a user of its own, where this server may choose.
    fn user(&self, slot: &Slot) -> Option<User> {
        rustix::process::geteuid().is_root().then(|| {
            let id = self.settings.first_uid.saturating_add(slot.number);
            User { uid: id, gid: id }
        })
    }
}

fn mebibytes(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0) << 20
}

fn limits(target: &Target) -> Limits {
    Limits {
        memory: mebibytes(target.config.memory_mb).saturating_add(RUNTIME_BYTES),
        processes: MAX_PROCESSES,
        file: mebibytes(target.config.storage_mb),
        files: MAX_FILES,
    }
}

fn readable(folder: &Folder, places: &Places, interpreter: &[PathBuf]) -> Vec<PathBuf> {
    let own = [folder.task(), places.runtime()];
    SYSTEM.iter().map(PathBuf::from).chain(own).chain(interpreter.iter().cloned()).collect()
}

/// One of the private places that lies in a readable one.
fn exposed(private: &[PathBuf], readable: &[PathBuf]) -> Option<PathBuf> {
    let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let readable: Vec<PathBuf> = readable.iter().map(real).collect();
    let within = |path: &PathBuf| readable.iter().any(|open| path.starts_with(open));
    private.iter().map(real).find(within)
}

type Variable = (String, SecretText);

fn own(name: &str, value: &str) -> Variable {
    (name.to_owned(), SecretText::from(value))
}

/// The variables that every function is given (user guide, "Defined runtime environment
/// variables"), and where it finds this server.
fn variables(settings: &Settings, target: &Target, folder: &Folder, port: u16) -> Vec<Variable> {
    let Target { region, name, version, config, .. } = target;
    let (task, temporary) = (folder.task(), folder.temporary());
    let (task, temporary) = (task.to_string_lossy(), temporary.to_string_lossy());
    [
        ("_HANDLER", config.handler.as_str()),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_REGION", region),
        ("AWS_EXECUTION_ENV", &format!("AWS_Lambda_{}", config.runtime)),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &config.memory_mb.to_string()),
        ("AWS_LAMBDA_FUNCTION_VERSION", version),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &config.logging.group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", version),
        ("AWS_LAMBDA_RUNTIME_API", &format!("127.0.0.1:{port}")),
        ("AWS_ENDPOINT_URL", &settings.endpoint),
        ("LAMBDA_TASK_ROOT", &task),
        ("PATH", PROGRAMS),
        ("LD_LIBRARY_PATH", &format!("{task}:{task}/lib")),
        ("HOME", &temporary),
        ("TMPDIR", &temporary),
        ("LANG", "C.UTF-8"),
        ("TZ", ":UTC"),
    ]
    .iter()
    .map(|(name, value)| own(name, value))
    .collect()
}

/// The program of a runtime.
struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    /// Where the interpreter and what belongs to it lie.
    readable: Vec<PathBuf>,
}

impl Program {
    fn of(
        settings: &Settings,
        target: &Target,
        folder: &Folder,
        places: &Places,
        others: bool,
    ) -> Result<Self, StartError> {
        let runtime = places.runtime();
        let at = |name: &str| runtime.join(name).to_string_lossy().into_owned();
        let mut variables = vec![("LAMBDA_RUNTIME_DIR", runtime.to_string_lossy().into_owned())];
        if settings.authorities.is_some() {
            for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
                variables.push((name, at(bootstrap::AUTHORITIES)));
            }
        }
        let language = Language::of(&target.config.runtime);
        let (path, arguments) = match language {
            Language::Own => (folder.task().join("bootstrap"), Vec::new()),
            Language::Python | Language::Node => {
                let path = interpreter(settings, &target.config.runtime, others)
                    .ok_or_else(|| StartError::NoInterpreter(target.config.runtime.clone()))?;
                let script = if language == Language::Python { "python.py" } else { "node.mjs" };
                (path, vec![at(script)])
            }
        };
        let task = folder.task().to_string_lossy().into_owned();
        match language {
            Language::Python => variables.push(("PYTHONPATH", task)),
            Language::Node => variables.push(("NODE_PATH", format!("{task}/node_modules:{task}"))),
            Language::Own => {}
        }
        let readable = homes(&path);
        Ok(Self { path, arguments, variables, readable })
    }
}

/// What a runtime is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    Node,
    Own,
}

impl Language {
    fn of(runtime: &str) -> Self {
        if runtime.starts_with("python") {
            Self::Python
        } else if runtime.starts_with("nodejs") {
            Self::Node
        } else {
            Self::Own
        }
    }
}

/// The interpreter of a runtime: the one that the settings name, else the one of its version, else
/// any of its kind. With `others`, one that every user of this machine may run.
fn interpreter(settings: &Settings, runtime: &str, others: bool) -> Option<PathBuf> {
    let (named, names) = match Language::of(runtime) {
        Language::Python => (&settings.python, [runtime, "python3"]),
        Language::Node => (&settings.node, ["node", "nodejs"]),
        Language::Own => return None,
    };
    if let Some(named) = named {
        return Some(named.clone());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.find(|path| runs(path, others))
}

/// Whether a path is a program, for everybody where that is asked for.
fn runs(path: &Path, others: bool) -> bool {
    let Ok(real) = path.canonicalize() else { return false };
    let wanted = if others { 0o001 } else { 0o111 };
    let open = |path: &Path| path.metadata().is_ok_and(|m| m.permissions().mode() & wanted != 0);
    real.is_file() && open(&real) && (!others || real.ancestors().skip(1).all(open))
}

/// The folders that an interpreter needs: the one above its `bin`, and the same of what it is a
/// link to, as a virtual environment's is.
fn homes(program: &Path) -> Vec<PathBuf> {
    let home = |path: &Path| path.parent()?.parent().map(Path::to_owned);
    let real = program.canonicalize().ok();
    let homes = home(program).into_iter().chain(real.as_deref().and_then(home));
    // All of the machine is no home.
    homes.filter(|home| home.components().count() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_places_are_found_behind_links_too() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["open", "open/data", "shut"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        std::os::unix::fs::symlink(at("open"), at("link")).unwrap();
        let readable = [at("open")];
        assert!(exposed(&[at("shut"), at("link/data")], &readable).is_some());
        assert!(exposed(&[at("shut"), at("opener")], &readable).is_none());
    }

    #[test]
    fn an_interpreter_brings_its_home() {
        let homes = homes(Path::new("/usr/bin/env"));
        assert!(homes.contains(&PathBuf::from("/usr")), "{homes:?}");
        assert!(super::homes(Path::new("/python")).is_empty());
    }
}
