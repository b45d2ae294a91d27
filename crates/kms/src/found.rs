//! Finding the key that a request names, and what a stranger hears of one.

use std::sync::Arc;

use bulla_crypto::hex;
use bulla_plane::gate::{AnyProtected, Named};
use bulla_plane::{Call, Guarded, Protected, Stop};
use bulla_policy::{Conditions, Policy, Values};
use bulla_shapes::Fault;

use crate::fault;
use crate::grant::GrantRecord;
use crate::identifier::{self, Identifier};
use crate::key;
use crate::live::{Held, LiveKey};
use crate::{ALIASES, Kms, MATERIALS, keys, managed};

/// Which identifiers an operation takes (KMS API Reference, `KeyId`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Key ids, key ARNs, aliases and alias ARNs, of any account.
    Everything,
    /// Key ids and key ARNs, of the caller's account.
    OwnKeys,
    /// Key ids and key ARNs, of any account.
    AnyKeys,
}

/// What a request names, still behind the Gate.
pub(crate) struct Found<'t> {
    target: Target,
    named: Named<'static>,
    /// The alias that the request named it by.
    pub(crate) alias: Option<&'t str>,
}

enum Target {
    Key(Guarded<Held>),
    /// Nothing that the caller may know of, in another account.
    Nothing(Guarded<Nothing>),
}

impl<'t> Found<'t> {
    fn key(held: Held, alias: Option<&'t str>) -> Self {
        Self { target: Target::Key(Guarded::new(held)), named: Named::Key, alias }
    }

    fn nothing(account: &str, arn: String) -> Self {
        let nothing = Nothing { account: account.to_owned(), arn };
        Self { target: Target::Nothing(Guarded::new(nothing)), named: Named::Key, alias: None }
    }

    /// Lets the key out if the caller may do this to it.
    pub(crate) fn permit(
        self,
        call: &Call,
        action: &str,
        keys: &dyn Conditions,
    ) -> Result<Arc<LiveKey>, Fault> {
        match self.target {
            Target::Key(guarded) => Ok(guarded.permit(call, action, keys, self.named)?.key),
            // Nothing allows what is not there: the Gate refuses in the words that it has for a
            // key which the caller may not use.
            Target::Nothing(guarded) => {
                guarded.permit(call, action, keys, self.named)?;
                Err(fault::internal())
            }
        }
    }

    /// What was found, for questions about access.
    pub(crate) fn boxed(self) -> Guarded<AnyProtected> {
        match self.target {
            Target::Key(guarded) => guarded.boxed(),
            Target::Nothing(guarded) => guarded.boxed(),
        }
    }

    /// Whether there is nothing that the caller may know of.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self.target, Target::Nothing(_))
    }

    /// Whether both are one and the same key.
    pub(crate) fn is_same(&self, other: &Found<'_>) -> bool {
        match (&self.target, &other.target) {
            (Target::Key(this), Target::Key(other)) => this.is_same(other),
            _ => false,
        }
    }
}

/// What is not there, or not for this operation, in another account. To the caller it is as a key
/// that does not trust it, so that an answer never tells whether the key exists.
struct Nothing {
    account: String,
    arn: String,
}

impl Protected for Nothing {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn policy(&self) -> Option<&Policy> {
        None
    }

    fn condition(&self, _key: &str) -> Option<Values<'_>> {
        None
    }
}

impl Kms {
    /// The refusal of what is not there, in another account.
    pub(crate) fn denied_nothing(
        &self,
        call: &Call,
        account: &str,
        arn: String,
        action: &str,
    ) -> Fault {
        let refused = Found::nothing(account, arn).permit(call, action, &());
        refused.err().unwrap_or_else(fault::internal)
    }

    /// A key behind the Gate, with the grants on it that name the caller.
    pub(crate) async fn hold<'t>(
        &self,
        call: &Call,
        key: Arc<LiveKey>,
        alias: Option<&'t str>,
    ) -> Result<Found<'t>, Stop> {
        let grants = self.callers_grants(call, &key).await?;
        let foreign = alias.filter(|_| key.record.account != call.account());
        let asked = foreign.map(|name| alias_arn(call, &key.record.account, name));
        Ok(Found::key(Held { key, grants, child: None, asked }, alias))
    }

    /// Finds the key that a grant is to be created on. Of the caller's grants on it count only
    /// those that bear the new one.
    pub(crate) async fn find_to_grant<'t>(
        &self,
        call: &Call,
        text: &'t str,
        child: GrantRecord,
    ) -> Result<Found<'t>, Stop> {
        let Identifier::Key { account, id } = identifier::parse(call, text)? else {
            return self.find(call, text, Takes::AnyKeys).await;
        };
        match self.live(&key::path(account, &call.region, id)).await? {
            Some(key) => {
                let grants = self.callers_grants(call, &key).await?;
                Ok(Found::key(
                    Held { key, grants, child: Some(Arc::new(child)), asked: None },
                    None,
                ))
            }
            None => self.find(call, text, Takes::AnyKeys).await,
        }
    }

    /// Finds the key that a request names.
    pub(crate) async fn find<'t>(
        &self,
        call: &Call,
        text: &'t str,
        takes: Takes,
    ) -> Result<Found<'t>, Stop> {
        match identifier::parse(call, text)? {
            Identifier::Key { account, id } => {
                let foreign = account != call.account();
                let arn = || key::arn(call.partition, &call.region, account, id);
                if takes == Takes::OwnKeys && foreign {
                    return Ok(Found::nothing(account, arn()));
                }
                match self.live(&key::path(account, &call.region, id)).await? {
                    Some(live) => self.hold(call, live, None).await,
                    None if foreign => Ok(Found::nothing(account, arn())),
                    None => Err(fault::not_found(format!("Key '{}' does not exist", arn())).into()),
                }
            }
            Identifier::Alias { .. } if takes != Takes::Everything => {
                let text = "Key Aliases are not supported for this operation.";
                Err(fault::invalid_arn(text).into())
            }
            Identifier::Alias { account, name } => self.find_by_alias(call, account, name).await,
        }
    }

    async fn find_by_alias<'t>(
        &self,
        call: &Call,
        account: &str,
        name: &'t str,
    ) -> Result<Found<'t>, Stop> {
        let foreign = account != call.account();
        let nothing = || Found::nothing(account, alias_arn(call, account, name));
        let row = key::path(account, &call.region, name);
        if let Some(path) = self.aliases.get(&row)
            && let Some(live) = self.live(&path).await?
            && live.record.aliases.iter().any(|alias| alias == name)
        {
            return self.hold(call, live, Some(name)).await;
        }
        let target = match self.barrier.get(ALIASES, row.as_bytes()).await? {
            Some(opened) => managed::alias_target(opened.value.expose())?,
            None if foreign => return Ok(nothing()),
            None => self.managed_key(call, name).await?,
        };
        match self.live(&key::path(account, &call.region, &target)).await? {
            Some(live) => {
                self.aliases.keep(row, &live.path);
                self.hold(call, live, Some(name)).await
            }
            None if foreign => Ok(nothing()),
            None => Err(keys::missing_alias(call, account, name).into()),
        }
    }

    /// The key that a ciphertext's material belongs to.
    pub(crate) async fn owner(
        &self,
        call: &Call,
        material: &[u8; 32],
    ) -> Result<Option<Found<'static>>, Stop> {
        let cached = (call.region.clone(), *material);
        let path = match self.owners.get(&cached) {
            Some(path) => path,
            None => {
                let row = key::material_path(&call.region, &hex::encode(material));
                let Some(opened) = self.barrier.get(MATERIALS, row.as_bytes()).await? else {
                    return Ok(None);
                };
                let (path, _) =
                    keys::open_material(opened.value.expose()).ok_or_else(fault::internal)?;
                self.owners.keep(cached, path);
                Arc::from(path)
            }
        };
        let Some(live) = self.live(&path).await? else { return Ok(None) };
        let found = self.hold(call, live, None).await?;
        Ok(Some(Found { named: Named::Ciphertext, ..found }))
    }
}

/// The ARN of an alias of an account, in the region of a call.
fn alias_arn(call: &Call, account: &str, name: &str) -> String {
    format!("arn:{}:kms:{}:{account}:{name}", call.partition, call.region)
}
