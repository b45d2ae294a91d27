//! What the services have in the store: a call that was refused changes nothing of it.

use bulla_store::{MAX_PAGE_ROWS, Range, Space};

use crate::house::House;
use crate::run::say;

/// Written off the calls' way, whenever it suits: when keys and secrets were last used.
const USES: [&str; 3] = ["iam.keyuse", "kms.usage", "secrets.access"];

/// Every row of the services, with its version.
pub(super) fn rows(house: &House) -> Result<Vec<(Space, Vec<u8>, u64)>, String> {
    let spaces = [
        bulla_kms::SPACES,
        bulla_ssm::SPACES,
        bulla_secrets::SPACES,
        bulla_iam::SPACES,
        bulla_iam::ORGANIZATION_SPACES,
        bulla_events::SPACES,
        bulla_trail::SPACES,
        bulla_lambda::SPACES,
    ];
    let spaces = spaces.concat();
    let mut all = Vec::new();
    for space in spaces.into_iter().filter(|space| !USES.contains(&space.as_str())) {
        let mut range = Range::all();
        loop {
            let page = house.wait(async {
                let view = house.plane.barrier.view().await.map_err(say)?;
                view.range(space, &range, MAX_PAGE_ROWS).await.map_err(say)
            })?;
            let row = |(key, row): (bulla_store::Key, bulla_store::Opened)| {
                (space, key.as_bytes().to_vec(), row.version)
            };
            all.extend(page.rows.into_iter().map(row));
            match page.next {
                Some(next) => range.from = next,
                None => break,
            }
        }
    }
    Ok(all)
}
