//! `GET /api/v1/instances`: which instances there are, in which regions, and which of them answers on loopback, and which
//! have addresses of their own. A program that is given a service finds here what the EC2 API, which asks for the region
//! first, is to be asked about.

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::Json;
use axum::extract::State;
use imds_core::Machine;
use imds_core::id::InstanceId;
use imds_store::Store;
use imds_store::record::{self, Place};
use serde::Serialize;

use super::{Refusal, blocking, unknown};
use crate::door::Door;
use crate::query::Error;

#[derive(Serialize)]
pub(super) struct Instances {
    instances: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    id: String,
    region: String,
    /// Where a transition leads: it is over by the next look.
    state: &'static str,
    /// Does it get the requests on loopback that no address claims?
    default: bool,
    /// The addresses that are its alone: every request there is its.
    listen: Vec<SocketAddr>,
}

/// Every instance that is not terminated, by its id.
pub(super) async fn list(State(door): State<Door>) -> Result<Json<Instances>, Refusal> {
    let plane = door.plane.clone();
    let (instances, revision) = blocking(move || {
        // Those of the file have one: few, where there are many instances.
        let places = record::list::<Place>(&*door.store, "").map_err(Error::from)?;
        let mut places: HashMap<_, _> = places.into_iter().map(|(id, found)| (id, found.record)).collect();
        let mut instances = Vec::new();
        each(&*door.store, None, |machine| {
            let id = machine.instance.id.to_string();
            let Place { is_default: default, listen, .. } = places.remove(&id).unwrap_or_default();
            let (region, state) =
                (machine.instance.placement.region.clone(), machine.state.settled().as_str());
            instances.push(Listed { id, region, state, default, listen });
        })?;
        Ok((Instances { instances }, door.store.revision().map_err(Error::from)?))
    })
    .await?;
    // What is told to be there, guests can ask.
    plane.reached(revision).await.map_err(Error::from)?;
    Ok(Json(instances))
}

/// Every machine that is not terminated, or one. What is damaged is left out: nobody is served it.
pub(super) fn each(
    store: &dyn Store,
    of: Option<&InstanceId>,
    mut seen: impl FnMut(&Machine),
) -> Result<(), Refusal> {
    let pieces = of.map_or_else(|| record::pieces().collect(), |id| vec![id.to_string()]);
    let mut is_found = false;
    for piece in pieces {
        for (_, found) in record::each::<Machine>(store, &piece).map_err(Error::from)? {
            match found {
                // The id of one may be the beginning of another's.
                Ok(found) if of.is_some_and(|id| found.record.instance.id != *id) => {}
                Ok(found) if !found.record.state.is_terminated() => {
                    is_found = true;
                    seen(&found.record);
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a damaged instance is left out"),
            }
        }
    }
    match of {
        Some(id) if !is_found => Err(unknown(id.as_str())),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use imds_core::lifecycle::State;
    use imds_store::record::{Batch, Place};
    use serde_json::{Value, json};

    use crate::testing::{door, keep_machine, request};

    const PATH: &str = "/api/v1/instances";

    #[tokio::test]
    async fn those_that_are_not_terminated_are_told_and_which_is_the_default() {
        let door = door();
        let told = async || {
            let (status, body) = request(&door, "GET", PATH, &[], "").await;
            assert_eq!(status, StatusCode::OK, "{body}");
            serde_json::from_str::<Value>(&body).unwrap()["instances"].clone()
        };
        assert_eq!(told().await, json!([]));

        let machine = keep_machine(&door);
        let id = machine.instance.id.as_str();
        let one =
            json!({"id": id, "region": "us-east-1", "state": "running", "default": false, "listen": []});
        assert_eq!(told().await, json!([one]));

        let own = "127.0.0.1:4711".parse().unwrap();
        let mut batch = Batch::default();
        batch.put(id, &Place { is_default: true, listen: vec![own], ..Place::default() });
        for (other, region, state) in [
            ("i-0123456789abcdef0", "eu-west-1", State::Stopping),
            ("i-0123456789abcdef1", "eu-west-1", State::Terminated),
        ] {
            let mut machine = machine.clone();
            machine.instance.id = other.parse().unwrap();
            machine.instance.placement.region = region.into();
            machine.state = state;
            batch.put(other, &machine);
        }
        door.store.commit(batch.writes()).unwrap();
        assert_eq!(
            told().await,
            json!([
                {"id": "i-0123456789abcdef0", "region": "eu-west-1", "state": "stopped", "default": false, "listen": []},
                {"id": id, "region": "us-east-1", "state": "running", "default": true, "listen": ["127.0.0.1:4711"]},
            ])
        );
        assert_eq!(request(&door, "POST", PATH, &[], "").await.0, StatusCode::METHOD_NOT_ALLOWED);
    }
}
