//! Parameter Store in this process, with a few parameters.

use std::sync::Arc;

use bulla_ground::{Ground, Signer};
use bulla_iam::{AccessKeys, Principals, Sessions};
use bulla_kms::Kms;
use bulla_plane::wire::WireResponse;
use bulla_plane::{Neighbours, Plane, Service};
use bulla_shapes::ssm::SERVICE;
use bulla_ssm::Ssm;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";

/// The service.
pub struct House {
    runtime: Runtime,
    plane: Plane,
}

impl House {
    /// With two versions of `/app/db/host`, the first of which has the label `old`, and with
    /// `/app/top` and `flat`.
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let ground = runtime.block_on(Ground::in_memory()).unwrap();
        let (barrier, crypto) = (Arc::clone(&ground.barrier), ground.crypto.clone());
        let clock = Arc::clone(&ground.clock);
        let principals = Arc::new(Principals::new(Arc::clone(&barrier), crypto.clone(), clock));
        let keys = AccessKeys::new(Arc::new(Sessions::new(Arc::clone(&principals))), true);
        let kms: Arc<dyn Service> =
            Arc::new(Kms::new(Arc::clone(&barrier), crypto.clone(), principals));
        let beside = vec![Arc::clone(&kms)];
        let beside = Neighbours::new(crypto.clone(), Arc::clone(&ground.journal), beside);
        let ssm = Ssm::new(barrier, crypto, Arc::new(beside));
        let plane = ground.plane(Arc::new(keys), vec![kms, Arc::new(ssm)]);
        let house = Self { runtime, plane };
        for name in ["/app/db/host", "/app/top", "flat", "/app/db/host"] {
            let put = json!({ "Name": name, "Value": "v", "Type": "String", "Overwrite": true });
            house.must("PutParameter", &put);
        }
        let label = json!({ "Name": "/app/db/host", "ParameterVersion": 1, "Labels": ["old"] });
        house.must("LabelParameterVersion", &label);
        house
    }

    /// Calls an operation; the answer, or nothing where the caller is at fault. The service never
    /// is.
    pub fn call(&self, operation: &str, input: &Value) -> Option<Value> {
        let body = input.to_string().into_bytes();
        let request = Signer::of(ACCOUNT).request(&SERVICE, operation, REGION, body).unwrap();
        let WireResponse { status, body, .. } = self.runtime.block_on(self.plane.call(request));
        assert!(status == 200 || status == 400, "{operation}: {status}");
        let answer = || match body.as_slice() {
            [] => Value::Null,
            body => serde_json::from_slice(body).unwrap(),
        };
        (status == 200).then(answer)
    }

    /// As [`call`](Self::call), which must succeed.
    pub fn must(&self, operation: &str, input: &Value) -> Value {
        self.call(operation, input).unwrap_or_else(|| panic!("{operation} of {input}"))
    }
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}
