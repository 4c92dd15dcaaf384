//! Configuration templates: settings that environments can be launched with.

use imds_store::record::{self, ConfigurationTemplate, Found};

use super::environment::write_platform;
use crate::call::Call;
use crate::query::{Error, Xml};

/// The template of an application with this name.
///
/// # Errors
/// When there is none. Terraform goes by these words.
pub(crate) fn find(
    call: &Call<'_>,
    application: &str,
    name: &str,
) -> Result<Found<ConfigurationTemplate>, Error> {
    get(call, application, name)?.ok_or_else(|| {
        Error::invalid_value(format!("No Configuration Template named '{application}/{name}' found."))
    })
}

/// The template of an application with this name, if there is one.
pub(crate) fn get(
    call: &Call<'_>,
    application: &str,
    name: &str,
) -> Result<Option<Found<ConfigurationTemplate>>, Error> {
    Ok(record::get(call.store, &ConfigurationTemplate::record_name(call.region, application, name))?)
}

/// The answer of those that change one.
pub(crate) fn told(call: &Call<'_>, template: &ConfigurationTemplate) -> Xml {
    let mut xml = Xml::query();
    write_platform(&mut xml, call.region, &template.solution_stack);
    xml.text("ApplicationName", &template.application).text("TemplateName", &template.name);
    xml.option("Description", Some(&template.description).filter(|text| !text.is_empty()))
        .time("DateCreated", template.created)
        .time("DateUpdated", template.updated);
    xml
}
