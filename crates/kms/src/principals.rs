//! Principals as requests name them, by ARN or unique id, and as Bulla keeps them, by unique id.

use bulla_plane::{Directory, Known, Stop};
use bulla_shapes::Fault;

use crate::fault;
use crate::grant::Party;

/// A principal that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// What tells it from a namesake: `AIDA…`, `AROA…`, `AROA…:session`, an account's number,
    /// `<account>:<name>` of a federated user.
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) account: String,
}

/// Why a text names no principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// An ARN that can't be a principal's.
    NotValid,
    /// An ARN of nobody.
    Arn,
    /// An id, or any other text, of nobody.
    Id,
}

/// Whom a text names: an ARN, an account's number or a unique id. Sessions and federated users
/// need not have been there yet, their role or account must (recorded).
pub(crate) async fn resolve(
    directory: &dyn Directory,
    partition: &str,
    text: &str,
) -> Result<Result<Principal, Unknown>, Stop> {
    if let Some(rest) = text.strip_prefix("arn:") {
        return of_arn(directory, partition, text, rest).await;
    }
    let (entity, session) = match text.split_once(':') {
        Some((entity, session)) if !session.is_empty() => (entity, Some(session)),
        Some(_) => return Ok(Err(Unknown::Id)),
        None => (text, None),
    };
    let Some(known) = directory.find(entity).await? else { return Ok(Err(Unknown::Id)) };
    let arn = match session {
        None => known.arn,
        Some(session) => match session_arn(partition, &known.account, &known.arn, session) {
            Some(arn) => arn,
            None => return Ok(Err(Unknown::Id)),
        },
    };
    Ok(Ok(Principal { id: text.to_owned(), arn, account: known.account }))
}

async fn of_arn(
    directory: &dyn Directory,
    partition: &str,
    text: &str,
    rest: &str,
) -> Result<Result<Principal, Unknown>, Stop> {
    let mut fields = rest.splitn(5, ':');
    let mut next = || fields.next().unwrap_or_default();
    let (of, service, region, account, resource) = (next(), next(), next(), next(), next());
    if of != partition || !region.is_empty() || resource.is_empty() {
        return Ok(Err(Unknown::NotValid));
    }
    if service == "iam" {
        let known = directory.find(text).await?;
        let principal = known.filter(|known| known.arn == text || resource == "root");
        let principal = principal.map(|known| Principal {
            id: known.unique_id,
            arn: known.arn,
            account: known.account,
        });
        return Ok(principal.ok_or(Unknown::Arn));
    }
    let mut parts = resource.split('/');
    let (kind, name, session, more) = (parts.next(), parts.next(), parts.next(), parts.next());
    let id = match (service, kind, name, session, more) {
        ("sts", Some("federated-user"), Some(name), None, None) if !name.is_empty() => {
            directory.find(account).await?.map(|known| format!("{}:{name}", known.account))
        }
        ("sts", Some("assumed-role"), Some(name), Some(session), None) if !session.is_empty() => {
            let role = directory.role(account, name).await?;
            // Whoever has a role's name in another case does not name its sessions.
            let same = |role: &Known| role.arn.rsplit('/').next() == Some(name);
            role.filter(same).map(|role| format!("{}:{session}", role.unique_id))
        }
        _ => return Ok(Err(Unknown::NotValid)),
    };
    let principal =
        id.map(|id| Principal { id, arn: text.to_owned(), account: account.to_owned() });
    Ok(principal.ok_or(Unknown::Arn))
}

/// The ARN of a session, from that of its role; of a federated user, from that of its account.
fn session_arn(partition: &str, account: &str, of: &str, session: &str) -> Option<String> {
    if of.ends_with(":root") {
        return Some(format!("arn:{partition}:sts::{account}:federated-user/{session}"));
    }
    let (_, role) = of.split_once(":role/")?;
    let name = role.rsplit('/').next()?;
    Some(format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"))
}

/// A kept principal as it is shown: by ARN while it exists, and by its id when it is gone.
pub(crate) async fn shown(
    directory: &dyn Directory,
    partition: &str,
    party: &Party,
) -> Result<String, Stop> {
    let Party::Principal(id) = party else { return Ok(party.id().to_owned()) };
    let principal = resolve(directory, partition, id).await?;
    Ok(principal.map_or_else(|_| id.clone(), |principal| principal.arn))
}

impl Unknown {
    /// What InvalidArnException says of an ARN (recorded); nothing where the text was none.
    pub(crate) fn of_arn(self, text: &str) -> Option<Fault> {
        match self {
            Self::NotValid => Some(fault::invalid_arn(format!("ARN is not valid: {text}"))),
            Self::Arn => {
                Some(fault::invalid_arn(format!("ARN does not refer to a valid principal: {text}")))
            }
            Self::Id => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_plane::{Authority, BoxFuture};

    use super::*;

    const ACCOUNT: &str = "111122223333";
    const ROLE: &str = "arn:aws:iam::111122223333:role/path/App";

    /// One account with one role.
    struct One;

    impl Directory for One {
        fn find<'a>(&'a self, named: &'a str) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
            let root = format!("arn:aws:iam::{ACCOUNT}:root");
            let known = |arn: &str, id: &str| Known {
                arn: arn.into(),
                unique_id: id.into(),
                account: ACCOUNT.into(),
            };
            let found = match named {
                ACCOUNT => Some(known(&root, ACCOUNT)),
                ROLE | "AROAEXAMPLE" => Some(known(ROLE, "AROAEXAMPLE")),
                _ => (named == root).then(|| known(&root, ACCOUNT)),
            };
            Box::pin(async move { Ok(found) })
        }

        fn role<'a>(
            &'a self,
            account: &'a str,
            name: &'a str,
        ) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
            let named = if (account, name) == (ACCOUNT, "App") { ROLE } else { "nobody" };
            self.find(named)
        }

        fn authority<'a>(
            &'a self,
            _arn: &'a str,
        ) -> BoxFuture<'a, Result<Option<std::sync::Arc<Authority>>, Fault>> {
            Box::pin(async { Ok(None) })
        }

        fn list<'a>(&'a self, _after: Option<&'a str>) -> BoxFuture<'a, Result<Vec<Known>, Fault>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    #[tokio::test]
    async fn texts_name_principals_that_exist() {
        for (text, id, arn) in [
            (ACCOUNT, ACCOUNT, "arn:aws:iam::111122223333:root"),
            ("arn:aws:iam::111122223333:root", ACCOUNT, "arn:aws:iam::111122223333:root"),
            (ROLE, "AROAEXAMPLE", ROLE),
            ("AROAEXAMPLE", "AROAEXAMPLE", ROLE),
            (
                "AROAEXAMPLE:future",
                "AROAEXAMPLE:future",
                "arn:aws:sts::111122223333:assumed-role/App/future",
            ),
            (
                "arn:aws:sts::111122223333:assumed-role/App/future",
                "AROAEXAMPLE:future",
                "arn:aws:sts::111122223333:assumed-role/App/future",
            ),
            (
                "arn:aws:sts::111122223333:federated-user/bob",
                "111122223333:bob",
                "arn:aws:sts::111122223333:federated-user/bob",
            ),
        ] {
            let found = resolve(&One, "aws", text).await.unwrap().unwrap();
            assert_eq!((found.id.as_str(), found.arn.as_str()), (id, arn), "{text}");
            let back = shown(&One, "aws", &Party::Principal(found.id)).await.unwrap();
            assert_eq!(back, arn, "{text}");
        }
    }

    #[tokio::test]
    async fn others_are_nobody() {
        for (text, why) in [
            ("arn:aws:iam::111122223333:role/App", Unknown::Arn),
            ("arn:aws:iam::111122223333:user/App", Unknown::Arn),
            ("arn:aws:iam::999999999999:root", Unknown::Arn),
            ("arn:aws:sts::111122223333:assumed-role/Other/s", Unknown::Arn),
            ("arn:aws:sts::111122223333:assumed-role/path/App/s", Unknown::NotValid),
            ("arn:aws:sts::111122223333:assumed-role/App", Unknown::NotValid),
            ("arn:aws-cn:iam::111122223333:root", Unknown::NotValid),
            ("arn:aws:s3:::bucket", Unknown::NotValid),
            ("AIDAGONE", Unknown::Id),
            ("AROAGONE:future", Unknown::Id),
            ("AROAEXAMPLE:", Unknown::Id),
            ("bob", Unknown::Id),
        ] {
            assert_eq!(resolve(&One, "aws", text).await.unwrap(), Err(why), "{text}");
        }
        let gone = Party::Principal("AROAGONE:future".into());
        assert_eq!(shown(&One, "aws", &gone).await.unwrap(), "AROAGONE:future");
        let service = Party::Service("rds.amazonaws.com".into());
        assert_eq!(shown(&One, "aws", &service).await.unwrap(), "rds.amazonaws.com");
    }
}
