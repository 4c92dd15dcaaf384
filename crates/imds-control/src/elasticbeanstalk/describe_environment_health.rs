//! `DescribeEnvironmentHealth`: how an environment is.

use super::environment;
use super::health::{self, Attributes};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml};

const ATTRIBUTES: &[&str] =
    &["Status", "Color", "Causes", "ApplicationMetrics", "InstancesHealth", "HealthStatus", "RefreshedAt"];

/// How an instance can be, the worst last.
const STATES: [&str; 8] = ["NoData", "Unknown", "Pending", "Ok", "Info", "Warning", "Degraded", "Severe"];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let attributes = Attributes::read(params, ATTRIBUTES)?;
    let found = health::environment(call, params, "DescribeEnvironmentHealth")?;
    let instances = health::instances(call, &found)?;
    let mut xml = Xml::query();
    xml.text("EnvironmentName", &found.name);
    if attributes.has("HealthStatus") {
        xml.text("HealthStatus", environment::health_status(&found));
    }
    if attributes.has("Status") {
        xml.text("Status", &found.status);
    }
    if attributes.has("Color") {
        xml.text("Color", &found.health);
    }
    if attributes.has("Causes") {
        xml.texts("Causes", instances.iter().filter_map(|instance| instance.cause));
    }
    if attributes.has("ApplicationMetrics") {
        health::write_metrics(&mut xml);
    }
    if attributes.has("InstancesHealth") {
        xml.within("InstancesHealth", |xml| {
            for state in STATES {
                xml.text(state, instances.iter().filter(|instance| instance.status == state).count());
            }
        });
    }
    if attributes.has("RefreshedAt") {
        health::write_time(&mut xml, call.now);
    }
    Ok(Outcome::told(xml))
}
