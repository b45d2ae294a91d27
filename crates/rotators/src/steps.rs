//! The four steps, as AWS's protocol has them (user guide, "Rotation function overview").
//!
//! A step finds out how far an earlier attempt came, and does what is left. What decides is not
//! what was noted but what the database accepts: the pending password is tried first, then the
//! current one, then the previous one. So nothing is lost when a connection breaks between the
//! change and its answer.

use bulla_crypto::{Crypto, SecretBytes};

use crate::desk::{Desk, Held};
use crate::reach::Reach;
use crate::rotator::{Engine, Rotator, Strategy};
use crate::secret::{Login, members, with_password};
use crate::session::Session;
use crate::trouble::Trouble;

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
const PREVIOUS: &str = "AWSPREVIOUS";

/// What passwords do without: characters that separate the parts of addresses, and quotes (as
/// AWS's templates have it).
const WITHOUT: &str = "/@\"'\\";

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Makes the new value, under the label AWSPENDING.
    Create,
    /// Has the database take it.
    Set,
    /// Shows that it works.
    Test,
    /// Makes it the current one.
    Finish,
}

/// A rotation that a step belongs to.
pub struct Rotating<'a> {
    /// What carries it out.
    pub rotator: Rotator,
    /// The version that the rotation makes.
    pub token: &'a str,
    /// The secret.
    pub desk: &'a dyn Desk,
    /// The way to the database.
    pub reach: &'a Reach,
    /// Random bytes.
    pub crypto: &'a Crypto,
}

impl Rotating<'_> {
    /// Carries out a step.
    ///
    /// # Errors
    /// Why it failed. AWSCURRENT is as it was then, and the step can be asked for again.
    pub async fn carry_out(&self, step: Step) -> Result<(), Trouble> {
        match step {
            Step::Create => self.create().await,
            Step::Set => self.set().await,
            Step::Test => self.test().await,
            Step::Finish => self.finish().await,
        }
    }

    async fn create(&self) -> Result<(), Trouble> {
        if self.desk.read(PENDING).await?.is_some_and(|pending| pending.version == self.token) {
            return Ok(());
        }
        let current = self.held(CURRENT).await?;
        let password = self.desk.password(WITHOUT).await?;
        let text = match (self.rotator.engine, self.rotator.strategy) {
            (Engine::Password, _) => renewed(&current.text, password)?,
            (engine, Strategy::SingleUser) => {
                let current = Login::read(&current.text, engine)?;
                current.renewed(&current.user, &password)?
            }
            (engine, Strategy::AlternatingUsers) => {
                let current = Login::read(&current.text, engine)?;
                current.renewed(&current.other_user(), &password)?
            }
        };
        Ok(self.desk.put_pending(&text).await?)
    }

    async fn set(&self) -> Result<(), Trouble> {
        if self.rotator.engine == Engine::Password {
            return Ok(());
        }
        let pending = self.login(PENDING).await?;
        match self.open(&pending).await {
            // An earlier attempt came this far.
            Ok(_) => return Ok(()),
            Err(Trouble::Refused) => {}
            Err(trouble) => return Err(trouble),
        }
        let current = self.login(CURRENT).await?;
        if !pending.is_at(&current) {
            return Err(wrong("AWSPENDING is of another host or port than AWSCURRENT"));
        }
        match self.rotator.strategy {
            Strategy::SingleUser => self.set_own(&pending, &current).await,
            Strategy::AlternatingUsers => self.set_other(&pending, &current).await,
        }
    }

    /// Has the user change its own password.
    async fn set_own(&self, pending: &Login, current: &Login) -> Result<(), Trouble> {
        if pending.user != current.user {
            return Err(wrong("AWSPENDING is of another user than AWSCURRENT"));
        }
        let mut session = match self.open(current).await {
            Err(Trouble::Refused) => self.open_previous(pending).await?,
            session => session?,
        };
        session.change_own(&pending.user, &pending.password).await
    }

    /// A session under the previous password: whoever moved the labels back left it in force.
    async fn open_previous(&self, pending: &Login) -> Result<Session, Trouble> {
        let Some(previous) = self.desk.read(PREVIOUS).await? else { return Err(Trouble::Refused) };
        let previous = Login::read(&previous.text, self.rotator.engine)?;
        if !previous.is_at(pending) || previous.user != pending.user {
            return Err(Trouble::Refused);
        }
        self.open(&previous).await
    }

    /// Has the superuser change the password of the user whose turn it is.
    async fn set_other(&self, pending: &Login, current: &Login) -> Result<(), Trouble> {
        if pending.user != current.other_user() {
            return Err(wrong("AWSPENDING is not of the user whose turn it is"));
        }
        if current.is_of_redshift() {
            return Err(wrong("Redshift can't make one user a member of another"));
        }
        // Whoever can't log in as the user gets no clone of it.
        let mut session = self.open(current).await?;
        let host = session.own_host().await?;
        drop(session);
        let named = current.superuser.as_deref().ok_or_else(|| wrong("it has no masterarn"))?;
        let superuser = self.desk.superuser(named).await?;
        let superuser = Login::read(&superuser, self.rotator.engine)?;
        // A superuser's password is given to no host but its own.
        if !superuser.is_at(current) {
            return Err(wrong("the superuser's secret is of another host or port"));
        }
        let mut session = self.open(&superuser).await?;
        let (user, like) = (&pending.user, &current.user);
        session.change_other(user, &pending.password, like, host.as_deref()).await
    }

    async fn test(&self) -> Result<(), Trouble> {
        if self.rotator.engine == Engine::Password {
            return self.held(PENDING).await.map(|_| ());
        }
        self.open(&self.login(PENDING).await?).await.map(|_| ())
    }

    async fn finish(&self) -> Result<(), Trouble> {
        let current = self.held(CURRENT).await?;
        if current.version == self.token {
            return Ok(());
        }
        Ok(self.desk.finish(&current.version).await?)
    }

    async fn held(&self, stage: &str) -> Result<Held, Trouble> {
        let held = self.desk.read(stage).await?;
        let held = held.ok_or_else(|| wrong(format!("no version with a value is {stage}")))?;
        if stage == PENDING && held.version != self.token {
            return Err(wrong("another version than this rotation's is AWSPENDING"));
        }
        Ok(held)
    }

    async fn login(&self, stage: &str) -> Result<Login, Trouble> {
        Login::read(&self.held(stage).await?.text, self.rotator.engine)
    }

    async fn open(&self, login: &Login) -> Result<Session, Trouble> {
        Session::open(self.rotator.engine, self.reach, self.crypto, login).await
    }
}

fn wrong(what: impl Into<String>) -> Trouble {
    Trouble::Secret(what.into())
}

/// A secret with a new password: in its member `password` if it is JSON that has one, or else the
/// password alone.
fn renewed(text: &SecretBytes, password: SecretBytes) -> Result<SecretBytes, Trouble> {
    match members(text).filter(|members| members.contains_key("password")) {
        Some(members) => with_password(members, &password),
        None => Ok(password),
    }
}
