//! What pages say of an environment whose platform is none any more, and of instances that answer nothing.

use imds_core::Machine;
use imds_core::options::{HttpTokens, Switch};

use super::*;

#[tokio::test]
async fn one_whose_platform_is_none_any_more_is_shown_and_can_be_terminated() {
    let door = ready().await;
    let mut environment = kept(&door);
    environment.solution_stack = "64bit Amazon Linux 1999 v1.0.0 running COBOL".to_owned();
    put(&door, &environment);
    for (language, told) in [("en", "is not known any longer"), ("ja", "現在サポートされていません")]
    {
        let page = shown(&door, language, PAGE).await;
        assert!(page.contains(told) && page.contains("running COBOL"), "{page}");
        // There is nothing to be configured.
        assert!(page.contains("<dt>IMDSv1</dt><dd>–</dd>") && !page.contains("/configuration\""), "{page}");
        for path in [CONFIGURATION, EDIT] {
            let (status, page) = Browser::new(&door, language).get(path).await;
            assert_eq!(status.as_u16(), 400, "{page}");
            assert!(page.contains("running COBOL"), "{page}");
        }
    }
    let browser = Browser::new(&door, "en");
    let (status, _, page) = send(&browser, PAGE, &format!("{PAGE}/terminate"), &[]).await;
    assert_eq!(status.as_u16(), 303, "{page}");
    settle(&door);
    assert_eq!(kept(&door).status, "Terminated");
}

#[tokio::test]
async fn imds_v1_is_enabled_only_where_something_answers() {
    let door = ready().await;
    let id = kept(&door).instances[0].clone();
    for (endpoint, tokens, told) in [
        (Switch::Enabled, HttpTokens::Optional, "<span class=\"badge warn\">Enabled</span>"),
        (Switch::Enabled, HttpTokens::Required, "<span class=\"badge good\">Disabled</span>"),
        (Switch::Disabled, HttpTokens::Optional, "<span class=\"badge good\">Disabled</span>"),
    ] {
        let mut machine = record::get::<Machine>(&*door.store, &id).unwrap().unwrap().record;
        machine.instance.options.http_endpoint = endpoint;
        machine.instance.options.http_tokens = tokens;
        let mut batch = Batch::default();
        batch.put(&id, &machine);
        door.store.commit(batch.writes()).unwrap();
        let page = shown(&door, "en", PAGE).await;
        let row = page.split(&format!("href=\"/console/instances/{id}\"")).nth(1).unwrap();
        let row = row.split("</tr>").next().unwrap();
        assert!(row.contains(told), "{endpoint:?} {tokens:?} {row}");
    }
}
