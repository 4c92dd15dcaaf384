//! `DeregisterImage`: an image of one's own goes. What was launched from it stays.

use axum::http::StatusCode;
use imds_store::record::Batch;

use super::image;
use crate::call::{Call, Outcome};
use crate::query::{Error, Params};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let id = params.need("ImageId")?;
    let known = image::find(call, id)?;
    if known.image.owner != call.account.as_str() {
        // The code is EC2's for somebody else's image, the status is [assumed].
        return Err(Error {
            status: StatusCode::FORBIDDEN,
            ..Error::new("AuthFailure", format!("Not authorized for images: [{id}]"))
        });
    }
    let mut batch = Batch::default();
    known.remove(&mut batch);
    Ok(Outcome::done(batch))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    #[tokio::test]
    async fn an_image_of_ones_own_goes_and_its_name_is_free() {
        let door = door();
        for _ in 0..2 {
            let (_, document) = ec2(&door, "Action=RegisterImage&Name=mine").await;
            let id = text(&document, "imageId").unwrap();
            let deregister = format!("Action=DeregisterImage&ImageId={id}");
            assert_eq!(text(&ec2(&door, &deregister).await.1, "return"), Some("true"));
            let (status, document) = ec2(&door, &deregister).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert_eq!(text(&document, "Code"), Some("InvalidAMIID.NotFound"));
        }
        let (status, document) = ec2(&door, "Action=DeregisterImage&ImageId=ami-0abcdef1234567890").await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::FORBIDDEN, Some("AuthFailure")));
        let (_, document) = ec2(&door, "Action=DeregisterImage&ImageId=x").await;
        assert_eq!(text(&document, "Code"), Some("InvalidAMIID.Malformed"));
    }
}
