//! Who looks in another region than things are in is told so.

use super::*;
use crate::testing::signed;

#[tokio::test]
async fn who_finds_nothing_here_is_told_where_he_looked_and_where_there_is_something() {
    let door = ready().await;
    for (language, none, looked, there) in [
        (
            "en",
            "There is no environment in ap-northeast-1.",
            "The console looked in the Region ap-northeast-1.",
            "us-east-1 has 1: shop-dev",
        ),
        (
            "ja",
            "ap-northeast-1 に環境はありません。",
            "リージョン ap-northeast-1 で検索しました。",
            "us-east-1 に 1 件: shop-dev",
        ),
    ] {
        let browser = Browser::new(&door, language);
        let (_, page) = browser.get("/console/environments?region=ap-northeast-1").await;
        assert!(page.contains(none), "{page}");
        let link = format!("<a href=\"/console/environments?region=us-east-1\">{there}</a>");
        assert!(page.contains(&link), "{page}");
        for path in [PAGE, CONFIGURATION, EDIT] {
            let (status, page) = browser.get(&format!("{path}?region=ap-northeast-1")).await;
            assert_eq!(status.as_u16(), 404);
            assert!(page.contains(looked), "{page}");
            assert!(page.contains(&format!("<a href=\"{PAGE}?region=us-east-1\">{there}</a>")), "{page}");
        }
        // Another name, which is nowhere.
        let (status, page) = browser.get("/console/environments/shop-two?region=ap-northeast-1").await;
        assert!(status.as_u16() == 404 && page.contains(looked) && page.contains(&link), "{page}");
        // What is here is no place elsewhere.
        let (_, page) = browser.get("/console/environments/shop-two").await;
        assert!(page.contains("us-east-1") && !page.contains(there), "{page}");
        let (_, page) = browser.get("/console/environments").await;
        assert!(page.contains(PAGE) && !page.contains(there), "{page}");
        let (_, page) = browser.get("/console/instances?region=ap-northeast-1").await;
        assert!(
            page.contains(["ap-northeast-1 yet", "ap-northeast-1 にはまだ"][usize::from(language == "ja")]),
            "{page}"
        );
    }
}

#[tokio::test]
async fn what_is_gone_or_hostile_leads_nowhere() {
    let door = ready().await;
    for name in ["two", "three", "four"].map(|name| format!("shop-{name}")) {
        let create = format!(
            "Action=CreateEnvironment&ApplicationName=shop&EnvironmentName={name}&Version=2010-12-01"
        );
        let application = "Action=CreateApplication&ApplicationName=shop&Version=2010-12-01";
        signed(&door, "eu-west-1", "elasticbeanstalk", application).await;
        let (status, document) = signed(&door, "eu-west-1", "elasticbeanstalk", &create).await;
        assert!(status.is_success(), "{document}");
    }
    let mut bad = kept(&door);
    bad.name = HOSTILE[1].to_owned();
    put(&door, &bad);
    let browser = Browser::new(&door, "en");
    let (_, page) = browser.get("/console/environments?region=ap-northeast-1").await;
    assert!(page.contains("eu-west-1 has 3: shop-four, shop-three, shop-two<"), "{page}");
    assert!(page.contains("us-east-1 has 1: ") && !page.contains("<img"), "{page}");
    let encoded: String = form_urlencoded::byte_serialize(HOSTILE[1].as_bytes()).collect();
    let at = format!("/console/environments/{}?region=ap-northeast-1", encoded.replace('+', "%20"));
    let (status, page) = browser.get(&at).await;
    assert!(status.as_u16() == 404 && page.contains("%3Cimg") && !page.contains("<img"), "{page}");
    bad.status = "Terminated".to_owned();
    put(&door, &bad);
    let (_, page) = browser.get("/console/environments?region=ap-northeast-1").await;
    assert!(page.contains("eu-west-1 has 3") && !page.contains("us-east-1 has"), "{page}");
}
