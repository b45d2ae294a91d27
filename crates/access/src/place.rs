//! What a question is about: the resource, found by the service that keeps it.

use bulla_plane::gate::{AnyProtected, Inspected};
use bulla_plane::{Call, Guarded, Stop};
use bulla_shapes::Fault;
use bulla_shapes::bulla::SERVICE;

use crate::Access;

impl Access {
    /// The resource of an action, once the caller may ask `question` about it. `*` stands for an
    /// action that is on no resource.
    pub(crate) async fn place(
        &self,
        call: &mut Call,
        question: &str,
        action: &str,
        name: &str,
    ) -> Result<Inspected<AnyProtected>, Stop> {
        let prefix = action.split(':').next().unwrap_or_default();
        let keeper = self.services.iter().find(|of| of.model().signing_name == prefix);
        let keeper = keeper.ok_or_else(|| no_resource(&format!("no service {prefix} is here")))?;
        let found = match name {
            "*" => Some(Guarded::new(()).boxed()),
            _ => keeper.resource(call, name).await?,
        };
        let found =
            found.ok_or_else(|| no_resource(&format!("{prefix} has no resource {name}")))?;
        let place = found.inspect(call, question)?;
        if name != "*" {
            let account = place.account(call).to_owned();
            call.touched(place.arn(), &account, "");
        }
        Ok(place)
    }
}

fn no_resource(text: &str) -> Fault {
    Fault::of(&SERVICE, "ResourceNotFoundException").with_message(text.to_owned())
}
