//! What a `FunctionName` can be: a name, a partial ARN (`123456789012:function:name`), an ARN; each
//! with or without a qualifier, which may also stand beside it.

use bulla_plane::Call;
use bulla_shapes::Fault;

use crate::fault;

/// The version that is not published.
pub(crate) const LATEST: &str = "$LATEST";
/// The longest name, in characters (API reference, `FunctionName`).
const MAX_NAME: usize = 64;

/// A parsed identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identifier {
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) name: String,
    /// A version, an alias or `$LATEST`, where one is named.
    pub(crate) qualifier: Option<String>,
}

impl Identifier {
    /// What a request names, in its region. `beside` is the qualifier that stands beside the name.
    pub(crate) fn of(call: &Call, text: &str, beside: Option<&str>) -> Result<Self, Fault> {
        let (head, tail) = match text.strip_prefix("arn:") {
            Some(rest) => {
                let mut parts = rest.splitn(5, ':');
                let mut next = || parts.next().unwrap_or_default();
                let (partition, service, region, account) = (next(), next(), next(), next());
                let rest = next().strip_prefix("function:").filter(|_| service == "lambda");
                let rest = rest.ok_or_else(|| fault::invalid(format!("Invalid ARN: {text}")))?;
                ((partition, region, account), rest)
            }
            None => match text.split_once(":function:") {
                Some((account, rest)) => ((call.partition, call.region.as_str(), account), rest),
                None => {
                    let rest = text.strip_prefix("function:").unwrap_or(text);
                    ((call.partition, call.region.as_str(), call.account()), rest)
                }
            },
        };
        let (name, within) = match tail.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (tail, None),
        };
        let beside = beside.filter(|qualifier| !qualifier.is_empty());
        if let (Some(within), Some(beside)) = (within, beside)
            && within != beside
        {
            return Err(fault::invalid(
                "The derived qualifier from the function name does not match the specified \
                 qualifier.",
            ));
        }
        let (partition, region, account) = head;
        Ok(Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
            qualifier: beside.or(within).map(str::to_owned),
        })
    }

    /// The function that an ARN names, for services that hold one.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(8, ':');
        let ("arn", partition, "lambda") = (parts.next()?, parts.next()?, parts.next()?) else {
            return None;
        };
        let (region, account, "function") = (parts.next()?, parts.next()?, parts.next()?) else {
            return None;
        };
        Some(Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: parts.next().filter(|name| !name.is_empty())?.to_owned(),
            qualifier: parts.next().map(str::to_owned),
        })
    }

    /// Whether a new function may have this name.
    pub(crate) fn check_new(&self, call: &Call) -> Result<(), Fault> {
        if self.name.len() > MAX_NAME {
            let constraint = "Member must have length less than or equal to 64";
            return Err(fault::violation(&self.name, "functionName", constraint));
        }
        // Ours: whoever names a place must mean this one.
        if self.account != call.account() || self.region != call.region {
            return Err(fault::invalid("The function's ARN is of another account or region."));
        }
        if self.qualifier.is_some() {
            return Err(fault::invalid("A function to be created has no qualifier."));
        }
        Ok(())
    }

    /// The ARN without a qualifier.
    pub(crate) fn arn(&self) -> String {
        let Self { partition, region, account, name, .. } = self;
        format!("arn:{partition}:lambda:{region}:{account}:function:{name}")
    }

    /// The ARN with the qualifier, where there is one.
    pub(crate) fn qualified_arn(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.arn()),
            None => self.arn(),
        }
    }

    /// The function's row.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}/{}", self.account, self.region, self.name)
    }
}

/// Whether a qualifier is a published version's number.
pub(crate) fn is_number(qualifier: &str) -> bool {
    !qualifier.is_empty() && qualifier.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_functions() {
        let found = Identifier::of_arn("arn:aws:lambda:eu-central-1:111122223333:function:f:1");
        let found = found.unwrap();
        assert_eq!((found.name.as_str(), found.qualifier.as_deref()), ("f", Some("1")));
        assert_eq!(found.path(), "111122223333/eu-central-1/f");
        for arn in [
            "arn:aws:lambda:eu-central-1:111122223333:function:",
            "arn:aws:lambda:eu-central-1:111122223333:layer:f",
            "arn:aws:sqs:eu-central-1:111122223333:function:f",
            "f",
        ] {
            assert!(Identifier::of_arn(arn).is_none(), "{arn}");
        }
    }
}
