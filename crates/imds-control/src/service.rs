//! The routes.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CONTENT_TYPE, DATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use imds_core::date::http_date;

use crate::door::Door;
use crate::{api, body, console, gate, metrics, post, site};

/// The door's routes.
pub fn router(door: Door) -> Router {
    Router::new()
        .route("/", get(post::signed).post(post::handle))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .nest("/api/v1", api::router())
        .merge(console::router(&door))
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(door.clone(), gate::signed))
        .layer(middleware::from_fn(body::whole))
        .layer(middleware::from_fn_with_state(door.clone(), site::check))
        .layer(middleware::map_response_with_state(door.clone(), dated))
        .with_state(door)
}

/// `Date` goes by the service's clock: whoever signs goes by it, where the two differ.
async fn dated(State(door): State<Door>, mut response: Response) -> Response {
    if let Ok(date) = HeaderValue::try_from(http_date(door.clock.now())) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

async fn metrics(State(door): State<Door>) -> Response {
    let Ok(tallies) = door.plane.tallies().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the metadata process does not answer\n").into_response();
    };
    // Of many instances it is long.
    match tokio::task::spawn_blocking(move || metrics::text(&tallies)).await {
        Ok(text) => ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
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
