//! `DescribeLaunchTemplateVersions`: the versions of one template, or the newest or default one of each.

use imds_core::options::Choice;
use imds_store::record::{LaunchTemplate, TemplateVersion};

use super::{filter::Filters, page, template};
use crate::call::{Call, Outcome};
use crate::query::{Error, Params, Xml, time};

const FILTERS: &[&str] = &[
    "create-time",
    "ebs-optimized",
    "http-endpoint",
    "http-tokens",
    "iam-instance-profile",
    "image-id",
    "instance-type",
    "is-default-version",
];

pub(crate) fn handle(call: &Call<'_>, params: &Params) -> Result<Outcome, Error> {
    let names = params.list("LaunchTemplateVersion");
    let is_one = params.text("LaunchTemplateId").is_some() || params.text("LaunchTemplateName").is_some();
    let templates = if is_one {
        vec![template::find(call, params)?.record]
    } else if !names.is_empty() && names.iter().all(|name| name.starts_with('$')) {
        template::all(call)?.into_iter().map(|found| found.record).collect()
    } else {
        return Err(Error::missing("LaunchTemplateId"));
    };
    let filters = Filters::of(params, FILTERS)?;
    let mut versions = Vec::new();
    for template in &templates {
        for number in numbers(template, &names, params)? {
            let Some(version) = template.versions.get(&number) else { continue };
            if filters.pass(|name| filtered(template, number, version, name)) {
                versions.push((template, number, version));
            }
        }
    }
    let order = |(template, number, _): &(&LaunchTemplate, u64, &TemplateVersion)| {
        format!("{}/{number:020}", template.id)
    };
    let (versions, next) = page::page(params, versions, 200, order)?;
    let mut xml = Xml::ec2();
    xml.list("launchTemplateVersionSet", versions, |xml, (template, number, version)| {
        template::write_version(xml, call, template, number, version);
    });
    page::write(&mut xml, next);
    Ok(Outcome::told(xml))
}

/// The numbers of the versions that are asked for: those named, or those of a range. An unknown one that is named by
/// its number is refused.
fn numbers(template: &LaunchTemplate, names: &[&str], params: &Params) -> Result<Vec<u64>, Error> {
    if names.is_empty() {
        let from = params.parsed("MinVersion")?.unwrap_or(0);
        let to = params.parsed("MaxVersion")?.unwrap_or(u64::MAX);
        return Ok(template.versions.keys().copied().filter(|number| (from..=to).contains(number)).collect());
    }
    let mut numbers = Vec::new();
    for name in names {
        let (number, _) = template::version(template, name)?;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

fn filtered(template: &LaunchTemplate, number: u64, version: &TemplateVersion, name: &str) -> Vec<String> {
    let data = &version.data;
    let chosen = data.metadata_options.as_ref().and_then(|options| options.choice().ok());
    let choice: Choice = chosen.unwrap_or_default();
    let value = match name {
        "create-time" => Some(time(version.created)),
        "ebs-optimized" => Some(data.ebs_optimized.unwrap_or_default().to_string()),
        "http-endpoint" => choice.http_endpoint.map(|switch| switch.to_string()),
        "http-tokens" => choice.http_tokens.map(|tokens| tokens.to_string()),
        "iam-instance-profile" => data.profile_arn.clone().or_else(|| data.profile_name.clone()),
        "image-id" => data.image_id.clone(),
        "instance-type" => data.instance_type.clone(),
        "is-default-version" => Some((number == template.default_version).to_string()),
        _ => None,
    };
    value.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::testing::{door, ec2, text};

    const DESCRIBE: &str = "Action=DescribeLaunchTemplateVersions";

    fn numbers(document: &str) -> Vec<&str> {
        let parts = document.split("<versionNumber>").skip(1);
        parts.filter_map(|part| part.split_once('<').map(|(number, _)| number)).collect()
    }

    #[tokio::test]
    async fn devices_are_told_as_they_were_said() {
        let door = door();
        let create = "Action=CreateLaunchTemplate&LaunchTemplateName=lt1\
            &LaunchTemplateData.BlockDeviceMapping.1.DeviceName=/dev/xvda\
            &LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize=20\
            &LaunchTemplateData.NetworkInterface.1.DeviceIndex=0\
            &LaunchTemplateData.NetworkInterface.1.SecurityGroupId.1=sg-1";
        ec2(&door, create).await;
        let next = "LaunchTemplateName=lt1&SourceVersion=1&LaunchTemplateData.KeyName=k";
        ec2(&door, &format!("Action=CreateLaunchTemplateVersion&{next}")).await;
        for version in ["1", "2"] {
            let form = format!("{DESCRIBE}&LaunchTemplateName=lt1&LaunchTemplateVersion.1={version}");
            let (_, document) = ec2(&door, &form).await;
            let devices = "<blockDeviceMappingSet><item><deviceName>/dev/xvda</deviceName><ebs><volumeSize>20</volumeSize>\
                </ebs></item></blockDeviceMappingSet><networkInterfaceSet><item><deviceIndex>0</deviceIndex><groupSet>\
                <groupId>sg-1</groupId></groupSet></item></networkInterfaceSet>";
            assert!(document.contains(devices), "{document}");
        }
    }

    #[tokio::test]
    async fn terraforms_and_the_clis_questions() {
        let door = door();
        let create = "LaunchTemplateName=lt1&LaunchTemplateData.ImageId=ami-03cf127a";
        let (_, document) = ec2(&door, &format!("Action=CreateLaunchTemplate&{create}")).await;
        let id = text(&document, "launchTemplateId").unwrap();
        for tokens in ["required", "optional"] {
            let form = format!(
                "Action=CreateLaunchTemplateVersion&{create}&LaunchTemplateData.MetadataOptions.HttpTokens={tokens}"
            );
            ec2(&door, &form).await;
        }
        for (form, expected) in [
            ("LaunchTemplateName=lt1&LaunchTemplateVersion.1=%24Latest".to_owned(), &["3"][..]),
            (format!("LaunchTemplateId={id}&LaunchTemplateVersion.1=1"), &["1"]),
            (
                format!("LaunchTemplateId={id}&LaunchTemplateVersion.1=2&LaunchTemplateVersion.2=%24Default"),
                &["1", "2"],
            ),
            (format!("LaunchTemplateId={id}"), &["1", "2", "3"]),
            (format!("LaunchTemplateId={id}&MinVersion=2&MaxVersion=2"), &["2"]),
            ("LaunchTemplateVersion.1=%24Latest".to_owned(), &["3"]),
            (format!("LaunchTemplateId={id}&Filter.1.Name=http-tokens&Filter.1.Value.1=required"), &["2"]),
            (format!("LaunchTemplateId={id}&Filter.1.Name=is-default-version&Filter.1.Value.1=true"), &["1"]),
        ] {
            let (status, document) = ec2(&door, &format!("{DESCRIBE}&{form}")).await;
            assert_eq!((status, &numbers(&document)[..]), (StatusCode::OK, expected), "{form} {document}");
        }
        let (_, document) =
            ec2(&door, &format!("{DESCRIBE}&LaunchTemplateId={id}&LaunchTemplateVersion.1=2")).await;
        let data = "<imageId>ami-03cf127a</imageId><metadataOptions><httpTokens>required</httpTokens></metadataOptions>";
        assert_eq!(text(&document, "launchTemplateData"), Some(data));
        for (form, code) in [
            (
                format!("LaunchTemplateId={id}&LaunchTemplateVersion.1=9"),
                "InvalidLaunchTemplateId.VersionNotFound",
            ),
            ("LaunchTemplateId=lt-00000000000000000".to_owned(), "InvalidLaunchTemplateId.NotFound"),
            ("LaunchTemplateVersion.1=1".to_owned(), "MissingParameter"),
            (format!("LaunchTemplateId={id}&MinVersion=x"), "InvalidParameterValue"),
        ] {
            let (status, document) = ec2(&door, &format!("{DESCRIBE}&{form}")).await;
            assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
        }
    }
}
