//! The form of a path that was set by hand.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imds_core::tree::by_hand::{ByHand, Place, Set};
use serde::{Deserialize, Serialize};

use super::text;

/// What is kept of one path.
#[derive(Serialize, Deserialize)]
pub(super) struct PathForm {
    path: String,
    /// Base64. With neither a body nor a status, nothing is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

impl From<(&Place, &Set)> for PathForm {
    fn from((place, set): (&Place, &Set)) -> Self {
        let path = place.as_str().to_owned();
        match set {
            Set::Body(body) => Self { path, body: Some(STANDARD.encode(body)), status: None },
            Set::Status(status) => Self { path, body: None, status: Some(*status) },
            Set::Absent => Self { path, body: None, status: None },
        }
    }
}

/// What these say together.
pub(super) fn paths(forms: Vec<PathForm>) -> Result<Option<Arc<ByHand>>, String> {
    let paths = forms.into_iter().map(|form| {
        let set = match (form.body, form.status) {
            (Some(body), None) => {
                let body = STANDARD.decode(body).map_err(|_| "a path whose body is not base64")?;
                Set::body(body.into()).map_err(|error| error.to_string())?
            }
            (None, Some(status)) => Set::status(status.into()).map_err(|error| error.to_string())?,
            (None, None) => Set::Absent,
            (Some(_), Some(_)) => return Err("a path with a body and a status".to_owned()),
        };
        Ok((text(&form.path)?, set))
    });
    let paths = ByHand::new(paths.collect::<Result<Vec<_>, String>>()?);
    Ok(paths.map_err(|clash| clash.what)?.map(Arc::new))
}
