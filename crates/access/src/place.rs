//! What a question is about: the resource, found by the service that keeps it.

use std::sync::Arc;

use bulla_plane::gate::{AnyProtected, Inspected};
use bulla_plane::{Call, Guarded, Service, Stop};
use bulla_shapes::Fault;
use bulla_shapes::bulla::SERVICE;

use crate::Access;

/// A resource that the caller may ask about.
pub(crate) struct Place {
    /// The resource as it was found for the caller.
    pub(crate) inspected: Inspected<AnyProtected>,
    /// Who keeps it; none where an action is on no resource.
    keeper: Option<Arc<dyn Service>>,
}

impl Place {
    /// The resource as it is found for somebody else, with the grants that name them. None when
    /// it has gone meanwhile.
    pub(crate) async fn found_for(
        &self,
        supposed: &Call,
    ) -> Result<Option<Inspected<AnyProtected>>, Stop> {
        let guarded = match &self.keeper {
            None => Some(Guarded::new(()).boxed()),
            Some(keeper) => keeper.resource(supposed, self.inspected.arn()).await?,
        };
        Ok(guarded.and_then(|guarded| self.inspected.found_for_another(guarded)))
    }
}

impl Access {
    /// The resource of an action, once the caller may ask `question` about it. `*` stands for an
    /// action that is on no resource.
    pub(crate) async fn place(
        &self,
        call: &mut Call,
        question: &str,
        action: &str,
        name: &str,
    ) -> Result<Place, Stop> {
        let prefix = action.split(':').next().unwrap_or_default();
        let keeper = self.services.iter().find(|of| of.model().signing_name == prefix);
        let keeper = keeper.ok_or_else(|| no_resource(&format!("no service {prefix} is here")))?;
        let keeper = (name != "*").then(|| Arc::clone(keeper));
        let found = match &keeper {
            None => Some(Guarded::new(()).boxed()),
            Some(keeper) => keeper.resource(call, name).await?,
        };
        let found =
            found.ok_or_else(|| no_resource(&format!("{prefix} has no resource {name}")))?;
        let inspected = found.inspect(call, question)?;
        if keeper.is_some() {
            let account = inspected.account(call).to_owned();
            call.touched(inspected.arn(), &account, "");
        }
        Ok(Place { inspected, keeper })
    }
}

/// The answer to a question about what is not there.
pub(crate) fn no_resource(text: &str) -> Fault {
    Fault::of(&SERVICE, "ResourceNotFoundException").with_message(text.to_owned())
}
