//! Fills a store with keys and secrets by its own interface: copies of the rows of one of each,
//! under names of their own. A copy is as large and lies as one that was made; it is not used.

use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_plane::root::{KeyFileSeal, unseal};
use bulla_store::{Barrier, Expected, MAX_BATCH_ROWS, Place, Revision, SealedBatch, Sqlite};
use serde_json::json;

use crate::client::{Client, To};
use crate::random::Random;
use crate::run::{Run, demand, say, wait};
use crate::server::Site;

/// The name of the secret whose rows are copied: as long as a copy's.
const SECRET: &str = "stock-00000000-0000-0000-0000-000000000000";
/// The most rows of a commit, each of which is expected not to be there too; and how many copies of
/// each kind a store gets.
const ROWS: usize = MAX_BATCH_ROWS / 2 - 1;
const MOST_KEYS: u64 = 1_000_000;
const MOST_SECRETS: u64 = 10_000_000;
/// The quota of keys, and what it must be so that none of them is refused.
const KEYS_OF_ACCOUNT: (&str, u64) = ("L-C2F1777E", 2 * MOST_KEYS);
/// Ten secrets are made for a key.
const SECRETS_OF_A_KEY: u64 = 10;

/// How many there are.
#[derive(Default)]
pub(super) struct Stock {
    pub(super) keys: u64,
    pub(super) secrets: u64,
}

/// A row and its value in clear.
type Row = (Place, Vec<u8>);

async fn open(site: &Site) -> Result<Barrier, String> {
    let crypto = Crypto::standard();
    let seal = KeyFileSeal::beside(&site.data()).map_err(say)?;
    let root = unseal(&crypto, &site.data(), &seal).map_err(say)?;
    let key = root.barrier_key(&crypto).map_err(say)?;
    let engine = Arc::new(Sqlite::open(site.data()).map_err(say)?);
    Barrier::open(engine, crypto, key).await.map_err(say)
}

/// How far the store has come. No server may run.
pub(super) fn revision(site: &Site) -> Result<Revision, String> {
    wait(async {
        let barrier = open(site).await?;
        let revision = barrier.attested().await.map_err(say)?.revision;
        barrier.engine().close().await.map_err(say)?;
        Ok(revision)
    })
}

/// Makes the secret whose rows are copied.
pub(super) fn make_secret(client: &mut Client) -> Result<String, String> {
    let input = json!({
        "Name": SECRET,
        "SecretString": "what is to be kept",
        "ClientRequestToken": "11111111-2222-4333-8444-555555555555"
    });
    let input = input.to_string();
    let request = client.signed("secretsmanager.CreateSecret", input.as_bytes())?;
    client.send(&request).map_err(|lost| lost.0)?.must_succeed("CreateSecret")?;
    Ok(SECRET.to_owned())
}

/// Lets the account have as many keys as it may get, and those whose making is timed.
pub(super) fn make_room(client: &mut Client) -> Result<(), String> {
    let (code, keys) = KEYS_OF_ACCOUNT;
    let input = json!({ "ServiceCode": "kms", "QuotaCode": code, "Value": keys }).to_string();
    let to = To::json("bulla", "BullaQuotas_20261128.SetServiceQuota");
    let request = client.request(&to, input.as_bytes())?;
    client.send(&request).map_err(|lost| lost.0)?.must_succeed("SetServiceQuota").map(drop)
}

/// Copies a key and a secret, made after `before`, up to this part of the time. No server may run.
pub(super) fn fill(
    site: &Site,
    before: Revision,
    (key, secret): (&str, &str),
    run: &Run,
    percent: u32,
) -> Result<Stock, String> {
    wait(async {
        let barrier = open(site).await?;
        let (keys, secrets) = rows(&barrier, before, key, secret).await?;
        demand(!keys.is_empty() && !secrets.is_empty(), || "there are no rows to copy".into())?;
        let mut stock = Stock { keys: 1, secrets: 1 };
        let mut random = run.random.clone();
        let mut first = true;
        while first || run.goes_on(percent) {
            first = false;
            let secrets_behind = stock.secrets < stock.keys * SECRETS_OF_A_KEY;
            let (rows, mark, count, most) = match secrets_behind {
                true => (&secrets, secret, &mut stock.secrets, MOST_SECRETS),
                false => (&keys, key, &mut stock.keys, MOST_KEYS),
            };
            let copies = ((ROWS / rows.len()) as u64).min(most - *count);
            if copies == 0 {
                break;
            }
            copy(&barrier, rows, mark, copies, &mut random).await?;
            *count += copies;
        }
        barrier.engine().close().await.map_err(say)?;
        Ok(stock)
    })
}

/// The rows in whose place the key's id stands, and those with the secret's name.
async fn rows(
    barrier: &Barrier,
    before: Revision,
    key: &str,
    secret: &str,
) -> Result<(Vec<Row>, Vec<Row>), String> {
    let (mut keys, mut secrets, mut after) = (Vec::new(), Vec::new(), before);
    loop {
        let changes = barrier.changes(after).await.map_err(say)?;
        let Some(last) = changes.changes.last() else { break };
        after = last.revision;
        for change in &changes.changes {
            let Place { space, key: place } = &change.place;
            let found = barrier.get(*space, place.as_bytes()).await.map_err(say)?;
            let Some(found) = found else { continue };
            let row = (change.place.clone(), found.value.expose().to_vec());
            let holds = |mark: &str| position(place.as_bytes(), mark.as_bytes()).is_some();
            if holds(key) && !keys.contains(&row) {
                keys.push(row);
            } else if holds(secret) && !secrets.contains(&row) {
                secrets.push(row);
            }
        }
    }
    Ok((keys, secrets))
}

async fn copy(
    barrier: &Barrier,
    rows: &[Row],
    mark: &str,
    copies: u64,
    random: &mut Random,
) -> Result<(), String> {
    let mut batch = SealedBatch::new();
    for _ in 0..copies {
        let name = name(mark, random);
        for (place, value) in rows {
            let key = replaced(place.key.as_bytes(), mark, &name);
            batch = batch.put(place.space, key, Expected::Absent, replaced(value, mark, &name));
        }
    }
    barrier.commit(batch).await.map(drop).map_err(say)
}

/// A name as long as `mark`, that ends in a UUID by chance as it does.
fn name(mark: &str, random: &mut Random) -> String {
    let (high, low) = (random.next(), random.next());
    let uuid = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    );
    let before = mark.len().saturating_sub(uuid.len());
    format!("{}{uuid}", mark.get(..before).unwrap_or_default())
}

fn position(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}

/// The bytes with each `mark` replaced by `name`, which is as long.
fn replaced(bytes: &[u8], mark: &str, name: &str) -> Vec<u8> {
    let mut out = bytes.to_vec();
    while let Some(at) = position(&out, mark.as_bytes()) {
        if let Some(place) = out.get_mut(at..at + mark.len()) {
            place.copy_from_slice(name.as_bytes());
        }
    }
    out
}
