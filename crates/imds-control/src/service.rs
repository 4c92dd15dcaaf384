//! The routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;
use imds_core::audit::{Tally, Traffic};
use imds_store::Registry;

use crate::{metrics, site};

/// What the door shows.
#[derive(Debug, Clone)]
pub struct Door {
    /// The instances, with their counters.
    pub registry: Arc<Registry>,
    /// Counters of calls that belong to no instance.
    pub strangers: Arc<Tally>,
    /// Counters of connections.
    pub traffic: Arc<Traffic>,
    /// A name under which the door may be called, besides loopback's.
    pub server_name: Option<String>,
}

/// The door's routes.
pub fn router(door: Door) -> Router {
    let names = door.server_name.clone();
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .layer(middleware::from_fn_with_state(names, site::check))
        .with_state(door)
}

async fn metrics(State(door): State<Door>) -> impl IntoResponse {
    let text = metrics::text(&door.registry.directory(), &door.strangers, &door.traffic);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use http_body_util::BodyExt as _;
    use imds_core::testing::keyring;
    use tower::ServiceExt as _;

    async fn get(path: &str, host: Option<&str>) -> (StatusCode, String) {
        let door = Door {
            registry: Arc::new(Registry::new(keyring())),
            strangers: Arc::default(),
            traffic: Arc::default(),
            server_name: Some("imds.test".into()),
        };
        let mut request = Request::builder().uri(path);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let response = router(door).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn health_and_metrics_and_nothing_else() {
        assert_eq!(get("/healthz", Some("127.0.0.1:1339")).await, (StatusCode::OK, "ok\n".into()));
        assert!(get("/metrics", Some("localhost")).await.1.contains("# TYPE"));
        assert_eq!(get("/latest/meta-data/", Some("localhost")).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_name_that_somebody_else_points_here_is_refused() {
        for host in [Some("evil.test"), Some("127.0.0.1.evil.test"), Some("169.254.169.254"), Some(""), None]
        {
            assert_eq!(get("/healthz", host).await.0, StatusCode::FORBIDDEN, "{host:?}");
        }
        for host in [
            "localhost",
            "localhost:1339",
            "127.0.0.1",
            "127.8.9.1:80",
            "[::1]:1339",
            "imds.test",
            "IMDS.test:1339",
        ] {
            assert_eq!(get("/healthz", Some(host)).await.0, StatusCode::OK, "{host}");
        }
    }
}
