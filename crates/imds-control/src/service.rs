//! The routes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use imds_store::Store;

use crate::plane::Plane;
use crate::{api, body, metrics, post, site};

/// What the door opens to.
#[derive(Clone)]
pub struct Door {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// The metadata process.
    pub plane: Plane,
    /// A name under which the door may be called, besides loopback's.
    pub server_name: Option<String>,
    /// The default VPC's block: network address and prefix length.
    pub vpc: (Ipv4Addr, u8),
}

/// The address that a connection to the door came from: whoever accepts it puts this among a request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// The door's routes.
pub fn router(door: Door) -> Router {
    let names = door.server_name.clone();
    Router::new()
        .route("/", get(post::refuse_get).post(post::handle))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .nest("/api/v1", api::router())
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(body::whole))
        .layer(middleware::from_fn_with_state(names, site::check))
        .with_state(door)
}

async fn metrics(State(door): State<Door>) -> Response {
    match door.plane.tallies().await {
        Ok(tallies) => {
            ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::text(&tallies)).into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the metadata process is gone\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::door;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    async fn get(path: &str, host: Option<&str>) -> (StatusCode, String) {
        let mut request = Request::builder().uri(path);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let response = router(door()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn health_and_metrics_and_no_metadata() {
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
