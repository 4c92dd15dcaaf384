//! `CreateStorageLocation`: the name of the bucket that sources would be in. There is none.

use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, _: &Params) -> Result<Outcome, Error> {
    let mut xml = Xml::query();
    xml.text("S3Bucket", format_args!("elasticbeanstalk-{}-{}", call.region, call.account));
    Ok(Outcome::told(xml))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{beanstalk, door, text};

    #[tokio::test]
    async fn it_has_a_name() {
        let (status, document) = beanstalk(&door(), "Action=CreateStorageLocation").await;
        let bucket = text(&document, "S3Bucket");
        assert_eq!((status, bucket), (StatusCode::OK, Some("elasticbeanstalk-us-east-1-123456789012")));
    }
}
