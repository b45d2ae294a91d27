//! One try at one delivery, and what becomes of it.

use bulla_plane::Stop;
use bulla_store::{Expected, Key, Opened, SealedBatch};

use super::sink::Store;
use super::{Sender, Trouble, backoff};
use crate::deliver::with_wake;
use crate::delivery::{self, Delivery};
use crate::records::{DELIVERIES, bytes, read};

/// What ended the tries (EventBridge user guide, "Using dead-letter queues").
const BY_RETRIES: &str = "MaximumRetryAttempts";
const BY_AGE: &str = "MaximumEventAgeInSeconds";

/// What a dead letter says of its end.
struct End<'e> {
    code: &'e str,
    text: &'e str,
    condition: Option<&'static str>,
}

impl Sender {
    /// Tries a delivery. Answers how many milliseconds its lane must wait where the target's rate
    /// is used up.
    pub(super) async fn attempt(
        &self,
        lane: &str,
        key: &Key,
        opened: &Opened,
    ) -> Result<Option<i64>, Stop> {
        let mut delivery: Delivery = read(opened)?.record;
        let gone = SealedBatch::new().delete(DELIVERIES, key.clone(), Expected::At(opened.version));
        let (code, text, asked_ms, ever) = match self.hand_over(&delivery).await {
            Ok(()) => {
                self.barrier.commit(gone).await?;
                return Ok(None);
            }
            Err(Trouble::Busy(wait_ms)) => return Ok(Some(wait_ms)),
            Err(Trouble::Later(code, text, asked_ms)) => (code, text, asked_ms, true),
            Err(Trouble::Never(code, text)) => (code, text, None, false),
        };
        delivery.tried = delivery.tried.saturating_add(1);
        let wait_ms = backoff::wait_ms(&self.crypto, delivery.tried, asked_ms)?;
        let due_ms = self.stamp(self.clock.now_ms()).saturating_add(wait_ms);
        let oldest_ms = delivery.created_ms.saturating_add(delivery.order.age_s * 1_000);
        let condition = if !ever {
            None
        } else if delivery.tried > delivery.order.retries {
            Some(BY_RETRIES)
        } else if due_ms > oldest_ms {
            Some(BY_AGE)
        } else {
            tracing::info!(lane, code, text, tried = delivery.tried, "a target is tried again");
            let row = delivery::row(lane, due_ms, self.number());
            let value = bytes(&delivery)?;
            let batch = gone.put(DELIVERIES, row.as_str(), Expected::Absent, value);
            let view = self.barrier.view().await?;
            let batch = with_wake(&view, batch, (due_ms, self.clock.now_ms()), lane).await?;
            drop(view);
            self.barrier.commit(batch).await?;
            return Ok(None);
        };
        self.bury(&delivery, &End { code, text: &text, condition }).await?;
        self.barrier.commit(gone).await?;
        Ok(None)
    }

    /// Writes a dead letter, if the target has a place for it. It is durable before the delivery's
    /// row goes; a crash between writes it twice.
    async fn bury(&self, delivery: &Delivery, end: &End<'_>) -> Result<(), Stop> {
        let order = &delivery.order;
        let (target, rule) = (&order.arn, &order.rule_arn);
        tracing::warn!(target, rule, code = end.code, text = end.text, "an event is not delivered");
        let Some(store) = order.dead_letter.as_deref().and_then(Store::queue) else {
            return Ok(());
        };
        let mut attributes = serde_json::json!({
            "RULE_ARN": rule,
            "TARGET_ARN": target,
            "ERROR_CODE": end.code,
            "ERROR_MESSAGE": end.text,
            "RETRY_ATTEMPTS": delivery.tried.saturating_sub(1),
        });
        if let (Some(condition), Some(members)) = (end.condition, attributes.as_object_mut()) {
            members.insert("EXHAUSTED_RETRY_CONDITION".into(), condition.into());
        }
        let line = serde_json::json!({
            "Body": delivery.payload,
            "MessageAttributes": attributes,
        });
        self.append(&store, line.to_string()).await
    }

    /// Appends a line to a file of events, durably.
    pub(super) async fn append(&self, store: &Store, line: String) -> Result<(), Stop> {
        self.sink.append(store, line).await.map_err(|error| {
            tracing::error!(%error, ?store, "events can't be written; trying again");
            Stop::Internal
        })
    }

    /// Hands a delivery over to its target.
    async fn hand_over(&self, delivery: &Delivery) -> Result<(), Trouble> {
        let order = &delivery.order;
        if let Some(flaw) = &delivery.flaw {
            return Err(Trouble::Never("INVALID_PARAMETER", flaw.clone()));
        }
        let mut parts = order.arn.splitn(6, ':').skip(2);
        let (service, resource) = (parts.next().unwrap_or_default(), parts.nth(2));
        let resource = resource.unwrap_or_default();
        match service {
            "events" if resource.starts_with("api-destination/") => self.ask(delivery).await,
            "logs" | "sqs" => {
                let store = match service {
                    "logs" => Store::log(&order.arn),
                    _ => Store::queue(&order.arn),
                };
                let store = store.ok_or_else(|| unserved(&order.arn))?;
                let written = self.append(&store, delivery.payload.clone()).await;
                written.map_err(|_| {
                    Trouble::Later("SDK_CLIENT_ERROR", "the file can't be written".into(), None)
                })
            }
            _ => match self.invokers.iter().find(|invoker| invoker.service() == service) {
                Some(invoker) => {
                    invoker.invoke(&order.arn, &order.rule_arn, &delivery.payload).await
                }
                None => Err(unserved(&order.arn)),
            },
        }
    }
}

/// The end of what is sent to a kind of target that is not served here.
fn unserved(arn: &str) -> Trouble {
    Trouble::Never("INVALID_PARAMETER", format!("{arn} is no target that this server can reach"))
}
