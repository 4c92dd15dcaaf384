//! The frame of the console: sessions, forms, headers, languages.

mod astray;
mod ended;
mod enter;
mod hostile;
pub(super) mod language;
mod style;
mod told;

use imds_store::record::Batch;

use super::testing::send;
use crate::testing::{door, keep_machine};

#[tokio::test]
async fn an_asset_can_do_nothing_but_what_it_is_for() {
    let (status, headers, _) = send(&door(), "GET", "/console/assets/console.css", &[], "").await;
    assert_eq!(status.as_u16(), 200);
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(headers["x-frame-options"], "DENY");
}

#[tokio::test]
async fn the_language_is_the_browsers_until_it_is_chosen() {
    let door = door();
    let japanese = "<html lang=\"ja\">";
    let accept = ("accept-language", "ja,en;q=0.5");
    assert!(send(&door, "GET", "/console", &[accept], "").await.2.contains(japanese));
    let (_, headers, page) = send(&door, "GET", "/console?lang=en", &[accept], "").await;
    assert!(page.contains("<html lang=\"en\">"));
    let chosen =
        headers.get_all("set-cookie").iter().any(|cookie| cookie.to_str().unwrap().starts_with("lang=en;"));
    assert!(chosen, "{headers:?}");
    let cookie = ("cookie", "lang=ja");
    assert!(send(&door, "GET", "/console", &[cookie], "").await.2.contains(japanese));
}

#[tokio::test]
async fn the_region_is_looked_for_only_where_somebody_arrives() {
    let door = door();
    let mut machine = keep_machine(&door);
    machine.instance.placement.region = "eu-north-1".into();
    let mut batch = Batch::default();
    batch.put(machine.instance.id.as_str(), &machine);
    door.store.commit(batch.writes()).unwrap();
    let (known, seal) =
        ("0123456789abcdef0123456789abcdef", |name: &str| format!("seal={}", door.sessions.seal(name)));
    let known_cookie = format!("imds-session={known}");
    let chosen = format!("{known_cookie}; region=us-west-2");
    for (method, path, cookie, kept) in [
        ("GET", "/console", "", Some("eu-north-1")),
        ("GET", "/console/instances", "", Some("eu-north-1")),
        ("GET", "/console", &*known_cookie, Some("eu-north-1")),
        ("GET", "/console?region=us-west-2", &known_cookie, Some("us-west-2")),
        ("GET", "/console", &chosen, None),
        ("GET", "/console/nothing", &known_cookie, None),
        ("GET", "/console/instances", &known_cookie, None),
        ("POST", "/console", "", None),
        ("POST", "/console", &known_cookie, None),
        ("POST", "/console/nothing", &known_cookie, None),
    ] {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let (_, headers, page) = send(&door, method, path, &[form, ("cookie", cookie)], &seal(known)).await;
        let cookies = headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let region = cookies.filter_map(|cookie| cookie.strip_prefix("region=")?.split(';').next()).next();
        assert_eq!(region, kept, "{method} {path} {cookie}");
        let shown = kept.unwrap_or(if cookie == chosen { "us-west-2" } else { "us-east-1" });
        assert!(page.contains(&format!("{shown}\" selected")), "{method} {path} {cookie} {page}");
    }
}
