//! Commands of an environment.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;
use crate::door::Peer;
use crate::service::router;

/// The page, for a browser that calls the door by this name.
async fn as_called(door: &Door, host: &str) -> String {
    let request = Request::get(PAGE).header("host", host).extension(Peer([127, 0, 0, 1].into()));
    let request = request.header("cookie", "region=us-east-1; lang=en").body(Body::empty()).unwrap();
    let body = router(door.clone()).oneshot(request).await.unwrap().into_body();
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn commands_say_where_they_go() {
    let door = ready().await;
    for (host, url, admin) in [
        ("127.0.0.1:1339", "http://127.0.0.1:1339", ""),
        ("localhost:8000", "http://localhost:8000", " --admin http://localhost:8000"),
    ] {
        let page = as_called(&door, host).await;
        let update = format!(
            "aws elasticbeanstalk update-environment --environment-name shop-dev --endpoint-url {url} --region \
             us-east-1 \\\n    --option-settings \
             Namespace=aws:autoscaling:launchconfiguration,OptionName=DisableIMDSv1,Value="
        );
        for command in [
            format!("imds exec --environment shop-dev --region us-east-1{admin} -- sh<"),
            format!("imds exec --environment shop-dev --region us-east-1{admin} -- curl -i http://169.254"),
            format!("imds environment show shop-dev --region us-east-1{admin}<"),
            format!("imds environment set shop-dev --imdsv1 enabled --region us-east-1{admin}<"),
            format!("imds environment set shop-dev --imdsv1 disabled --region us-east-1{admin}<"),
            "export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any<".to_owned(),
            format!("{update}false<"),
            format!("{update}true<"),
        ] {
            assert!(page.contains(&command), "{command}\n{page}");
        }
    }
}

#[tokio::test]
async fn commands_go_to_the_region_of_the_environment() {
    let door = ready().await;
    let mut environment = kept(&door);
    environment.region = "eu-west-1".to_owned();
    put(&door, &environment);
    let page = shown(&door, "en", &format!("{PAGE}?region=eu-west-1")).await;
    assert_eq!(page.matches("shop-dev --region eu-west-1").count(), 3, "{page}");
    assert_eq!(page.matches("bled --region eu-west-1").count(), 2, "{page}");
    assert_eq!(page.matches("1339 --region eu-west-1").count(), 2, "{page}");
}
