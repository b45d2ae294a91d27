//! The KMS keys that buses and connections name.
//!
//! A key is checked when it is named, as AWS's recorded answers show: whoever names it must be
//! allowed `kms:DescribeKey`, and for a bus `kms:GenerateDataKeyWithoutPlaintext`; EventBridge
//! itself must be allowed `kms:GenerateDataKey` and `kms:Decrypt` by the key's policy, which can
//! hold it to the bus by the encryption context and by `aws:SourceArn`. Nothing is sealed under the
//! key: rules, targets and events are sealed by the barrier as all rows are. So a key that goes
//! later stops no bus, other than in AWS, and can be taken from one.
//!
//! What AWS asks for where a connection names a key is not recorded: here it is the key's
//! description, and what that must show.

use std::sync::Arc;

use bulla_plane::identity::{Authority, ConditionValue};
use bulla_plane::key_service::KeyService;
use bulla_plane::pipeline::id_text;
use bulla_plane::{Call, Neighbours, Via};
use bulla_policy::Principal;
use bulla_shapes::{Fault, events};

use crate::fault;

const PRINCIPAL: &str = "events.amazonaws.com";
const VIA: Via = Via { service: "events", recorded: PRINCIPAL };
/// What data keys are bound to (recorded).
const CONTEXT: &str = "aws:events:event-bus:arn";
const ALIAS: &str = "alias/";

/// KMS, as EventBridge calls it.
pub(crate) struct Keys {
    neighbours: Arc<Neighbours>,
    kms: KeyService,
}

/// A key that can be named.
struct Usable {
    arn: String,
    /// How it is shown from now on.
    shown: String,
}

impl Keys {
    pub(crate) fn new(neighbours: Arc<Neighbours>) -> Self {
        let kms = KeyService::new(Arc::clone(&neighbours), VIA);
        Self { neighbours, kms }
    }

    /// How a bus shows the key that it is given, once it can be used; an empty text is none.
    pub(crate) async fn of_bus(
        &self,
        call: &mut Call,
        bus_arn: &str,
        given: &str,
        before: Option<&str>,
    ) -> Result<Option<String>, Fault> {
        if given.is_empty() {
            return Ok(None);
        }
        let key = self.usable(call, given).await?;
        if before != Some(&key.shown) {
            let asked = self.kms.sealed_data_key(call, &key.arn, &[(CONTEXT, bus_arn)]).await;
            asked.map_err(|refused| passed(refused, |told| fault::key(&key.shown, told)))?;
            self.must_serve(call, bus_arn, &key.arn).await?;
        }
        Ok(Some(key.shown))
    }

    /// How a connection shows the key that it is given; an empty text is none.
    pub(crate) async fn of_connection(
        &self,
        call: &mut Call,
        given: &str,
    ) -> Result<Option<String>, Fault> {
        if given.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.usable(call, given).await?.shown))
    }

    /// The key, if whoever calls may know that it is there and what it is for.
    async fn usable(&self, call: &mut Call, given: &str) -> Result<Usable, Fault> {
        let named = named(call, given);
        if named.split(':').nth(5).is_some_and(|rest| rest.starts_with("alias/aws/")) {
            // Recorded of `alias/aws/events`.
            return Err(fault::key(&named, "Provided Arn is not in correct format."));
        }
        let described = self.kms.describe(call, given).await;
        let key = described.map_err(|refused| match refused.code.as_ref() {
            "AccessDeniedException" => {
                fault::key_denied("DescribeKey", refused.told().unwrap_or_default())
            }
            "NotFoundException" | "InvalidArnException" => {
                fault::unknown_key(refused.told().unwrap_or_default(), id_text(call.request_id))
            }
            _ => passed(refused, |told| fault::key(&named, told)),
        })?;
        if !key.is_symmetric {
            return Err(fault::asymmetric_key());
        }
        if key.state != "Enabled" {
            // Recorded of a disabled key that a bus was to leave; done alike for one that it gets.
            let text = format!("{} is {}.", key.arn, in_words(&key.state));
            return Err(fault::key("kmsKeyIdentifier", &text));
        }
        let shown = if named.starts_with("arn:") { named } else { key.arn.clone() };
        Ok(Usable { arn: key.arn, shown })
    }

    /// Whether the key's policy lets EventBridge use it for a bus. The calls are recorded.
    async fn must_serve(&self, call: &Call, bus_arn: &str, key: &str) -> Result<(), Fault> {
        let one =
            |name: &str, value: &str| (name.to_owned(), ConditionValue::One(value.to_owned()));
        let authority = Authority {
            conditions: vec![
                one("aws:sourceaccount", call.account()),
                one("aws:sourcearn", bus_arn),
            ],
            ..Authority::bare(Principal::service(PRINCIPAL))
        };
        let (region, now_ms) = (&call.region, call.now_ms);
        let mut own =
            self.neighbours.house_call(&events::SERVICE, Arc::new(authority), region, now_ms)?;
        let context = [(CONTEXT, bus_arn)];
        let answer = match self.kms.data_key(&mut own, key, &context).await {
            Ok(given) => {
                let opened = self.kms.decrypt(&mut own, &context, &given.ciphertext).await;
                opened.map(drop).map_err(|refused| ("Decrypt", refused))
            }
            Err(refused) => Err(("GenerateDataKey", refused)),
        };
        self.neighbours.settle(own).await?;
        answer.map_err(|(action, refused)| match refused.code.as_ref() {
            "AccessDeniedException" => fault::key_denied(action, &denied(action, key)),
            _ => passed(refused, |told| fault::key(key, told)),
        })
    }
}

/// What a request names, in full where it names an alias.
fn named(call: &Call, given: &str) -> String {
    if !given.starts_with(ALIAS) {
        return given.to_owned();
    }
    format!("arn:{}:kms:{}:{}:{given}", call.partition, call.region, call.account())
}

/// What KMS refuses to a service (recorded).
fn denied(action: &str, key: &str) -> String {
    format!(
        "{PRINCIPAL} is not authorized to perform: kms:{action} on {key} because the resource does \
         not exist in this Region, no resource-based policies allow access, or a resource-based \
         policy explicitly denies access"
    )
}

/// A refusal of KMS that the key is not to blame for as it is, any other in EventBridge's words.
fn passed(refused: Fault, told: impl FnOnce(&str) -> Fault) -> Fault {
    match refused.code.as_ref() {
        _ if refused.status >= 500 => fault::internal(),
        "ThrottlingException" => refused,
        _ => told(refused.told().unwrap_or_default()),
    }
}

/// A state of a key as KMS's errors have it: `pending deletion` for `PendingDeletion`.
fn in_words(state: &str) -> String {
    let mut words = String::new();
    for letter in state.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_in_kmss_words() {
        for (state, words) in [("Disabled", "disabled"), ("PendingDeletion", "pending deletion")] {
            assert_eq!(in_words(state), words);
        }
    }
}
