//! A database, whichever it is, as the steps use it.

use bulla_crypto::{Crypto, SecretBytes};

use crate::mongodb::MongoDb;
use crate::mysql::MySql;
use crate::postgresql::PostgreSql;
use crate::reach::Reach;
use crate::rotator::Engine;
use crate::secret::Login;
use crate::trouble::Trouble;

/// A login that succeeded.
pub(crate) enum Session {
    PostgreSql(PostgreSql),
    MySql(MySql),
    MongoDb(MongoDb),
}

impl Session {
    /// Logs in, and asks the database something.
    pub(crate) async fn open(
        engine: Engine,
        reach: &Reach,
        crypto: &Crypto,
        login: &Login,
    ) -> Result<Self, Trouble> {
        match engine {
            Engine::Password => Err(Trouble::Secret("it is of no database".to_owned())),
            Engine::PostgreSql => {
                PostgreSql::open(reach, crypto, login).await.map(Self::PostgreSql)
            }
            Engine::MySql => MySql::open(reach, crypto, login).await.map(Self::MySql),
            Engine::MongoDb => MongoDb::open(reach, crypto, login).await.map(Self::MongoDb),
        }
    }

    /// Gives the user who is logged in a new password.
    pub(crate) async fn change_own(
        &mut self,
        user: &str,
        password: &SecretBytes,
    ) -> Result<(), Trouble> {
        match self {
            Self::PostgreSql(session) => session.set_password(user, password).await,
            Self::MySql(session) => session.change_own(password).await,
            Self::MongoDb(session) => session.set_password(user, password).await,
        }
    }

    /// Gives a user a new password as a superuser, and makes the user first if there is none: one
    /// that may what `like` may. `host` is where MySQL lets `like` come from.
    pub(crate) async fn change_other(
        &mut self,
        user: &str,
        password: &SecretBytes,
        like: &str,
        host: Option<&str>,
    ) -> Result<(), Trouble> {
        match self {
            Self::PostgreSql(session) => session.change_other(user, password, like).await,
            Self::MySql(session) => {
                let host = host.ok_or(Trouble::Garbled("the user's host"))?;
                session.change_other((user, host), password, like).await
            }
            Self::MongoDb(session) => session.change_other(user, password, like).await,
        }
    }

    /// Where the user who is logged in may come from, where that is part of who it is.
    pub(crate) async fn own_host(&mut self) -> Result<Option<String>, Trouble> {
        match self {
            Self::MySql(session) => session.own_host().await.map(Some),
            Self::PostgreSql(_) | Self::MongoDb(_) => Ok(None),
        }
    }
}
