//! `ListTagsForResource`: the tags of what has an ARN.

use std::collections::BTreeMap;

use super::arn::{self, Resource};
use super::{application, environment, platform, tags, template, version};
use crate::call::{Call, Outcome};
use crate::environments::own_tags;
use crate::query::{Error, Params, Xml};

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let arn = params.need("ResourceArn")?;
    let found: Option<BTreeMap<String, String>> = match Resource::read(call, arn)? {
        Resource::Application(name) => application::get(call, name)?.map(|found| found.record.tags),
        Resource::Version(application, label) => {
            version::get(call, application, label)?.map(|found| found.record.tags)
        }
        Resource::Template(application, name) => {
            template::get(call, application, name)?.map(|found| found.record.tags)
        }
        Resource::Environment(application, name) => environment::by_name(call, name)?
            .filter(|found| found.record.application == application)
            .map(|found| own_tags(&found.record)),
        Resource::Platform => platform::Platform::by_arn(call.region, arn).ok().map(|_| BTreeMap::new()),
    };
    let found = found.ok_or_else(|| arn::unknown(arn))?;
    let mut xml = Xml::query();
    xml.text("ResourceArn", arn);
    tags::write(&mut xml, &found);
    Ok(Outcome::told(xml))
}
