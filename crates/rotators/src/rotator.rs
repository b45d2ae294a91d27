//! The rotators that there are, and their ARNs.

/// What is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Nothing but the secret.
    Password,
    /// PostgreSQL, and Redshift, which speaks its protocol.
    PostgreSql,
    /// MySQL and MariaDB.
    MySql,
    /// MongoDB, and DocumentDB, which speaks its protocol.
    MongoDb,
}

/// Whose password is changed (user guide, "Rotation strategies").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The user's own, by itself.
    SingleUser,
    /// That of the user and of its clone in turn, by a superuser.
    AlternatingUsers,
}

/// A rotator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotator {
    /// What follows the last slash of its ARN.
    pub name: &'static str,
    /// What it rotates.
    pub engine: Engine,
    /// How.
    pub strategy: Strategy,
    /// In one line, for people.
    pub description: &'static str,
}

/// What follows the partition in a rotator's ARN. There is neither region nor account in it, and
/// the service is not Lambda's: it can't be the ARN of anybody's function.
const PLACE: &str = ":secretsmanager:::rotator/";
/// What an ARN begins with, in each partition.
const PARTITIONS: [&str; 3] = ["arn:aws", "arn:aws-cn", "arn:aws-us-gov"];

const fn rotator(
    name: &'static str,
    engine: Engine,
    strategy: Strategy,
    description: &'static str,
) -> Rotator {
    Rotator { name, engine, strategy, description }
}

impl Rotator {
    /// All rotators.
    pub const ALL: [Self; 7] = [
        rotator(
            "password",
            Engine::Password,
            Strategy::SingleUser,
            "a new random password, which nothing else is told of",
        ),
        rotator(
            "postgresql-single-user",
            Engine::PostgreSql,
            Strategy::SingleUser,
            "PostgreSQL and Redshift: the user changes its own password",
        ),
        rotator(
            "postgresql-alternating-users",
            Engine::PostgreSql,
            Strategy::AlternatingUsers,
            "PostgreSQL and Redshift: a superuser changes those of a user and its clone in turn",
        ),
        rotator(
            "mysql-single-user",
            Engine::MySql,
            Strategy::SingleUser,
            "MySQL and MariaDB: the user changes its own password",
        ),
        rotator(
            "mysql-alternating-users",
            Engine::MySql,
            Strategy::AlternatingUsers,
            "MySQL and MariaDB: a superuser changes those of a user and its clone in turn",
        ),
        rotator(
            "mongodb-single-user",
            Engine::MongoDb,
            Strategy::SingleUser,
            "MongoDB and DocumentDB: the user changes its own password",
        ),
        rotator(
            "mongodb-alternating-users",
            Engine::MongoDb,
            Strategy::AlternatingUsers,
            "MongoDB and DocumentDB: a superuser changes those of a user and its clone in turn",
        ),
    ];

    /// Its ARN in the partition `aws`.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws{PLACE}{}", self.name)
    }

    /// Whether an ARN has the form of a rotator's, of those that there are or not.
    #[must_use]
    pub fn is_arn(arn: &str) -> bool {
        name(arn).is_some()
    }

    /// The rotator of an ARN.
    #[must_use]
    pub fn find(arn: &str) -> Option<Self> {
        let name = name(arn)?;
        Self::ALL.into_iter().find(|rotator| rotator.name == name)
    }
}

fn name(arn: &str) -> Option<&str> {
    PARTITIONS.iter().find_map(|partition| arn.strip_prefix(partition)?.strip_prefix(PLACE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_arn_alone() {
        for rotator in Rotator::ALL {
            assert_eq!(Rotator::find(&rotator.arn()), Some(rotator));
            let china = rotator.arn().replace("arn:aws:", "arn:aws-cn:");
            assert_eq!(Rotator::find(&china), Some(rotator));
        }
        let arn = "arn:aws:secretsmanager:::rotator/postgresql-single-user";
        assert_eq!(Rotator::find(arn), Some(Rotator::ALL[1]));
        for other in [
            "arn:aws:secretsmanager:::rotator/",
            "arn:aws:secretsmanager:::rotator/Password",
            "arn:aws:secretsmanager:eu-central-1::rotator/password",
            "arn:aws-x:secretsmanager:::rotator/password",
            "arn:aws:lambda:eu-central-1:111122223333:function:password",
            "password",
        ] {
            assert_eq!(Rotator::find(other), None, "{other}");
        }
        assert!(Rotator::is_arn("arn:aws:secretsmanager:::rotator/other"));
    }
}
