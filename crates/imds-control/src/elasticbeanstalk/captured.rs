//! What the AWS CLI, `eb` and Terraform really send, byte for byte, and in their order (docs/control-api.md).

use axum::http::StatusCode;

use crate::testing::{beanstalk, door, make_ready, signed, text};

/// `aws elasticbeanstalk`
const AWS: &[&str] = &[
    "Action=CreateApplication&Version=2010-12-01&ApplicationName=app1",
    "Action=ListAvailableSolutionStacks&Version=2010-12-01",
    "Action=CreateEnvironment&Version=2010-12-01&ApplicationName=app1&EnvironmentName=env1&SolutionStackName=64bit+Amazon+Linux+2023+v4.3.0+running+Python+3.11&OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration&OptionSettings.member.1.OptionName=DisableIMDSv1&OptionSettings.member.1.Value=false",
    "Action=UpdateEnvironment&Version=2010-12-01&EnvironmentName=env1&OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration&OptionSettings.member.1.OptionName=DisableIMDSv1&OptionSettings.member.1.Value=true",
    "Action=DescribeEnvironments&Version=2010-12-01&EnvironmentNames.member.1=env1",
    "Action=DescribeConfigurationSettings&Version=2010-12-01&ApplicationName=app1&EnvironmentName=env1",
    "Action=DescribeConfigurationOptions&Version=2010-12-01&ApplicationName=app1&EnvironmentName=env1&Options.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration&Options.member.1.OptionName=DisableIMDSv1",
];

/// `eb init`, `create --sample --single`, `status`, `config`, `terminate`
const EB: &[&str] = &[
    "Action=ListAvailableSolutionStacks&Version=2010-12-01",
    "Action=DescribeApplications&Version=2010-12-01&ApplicationNames.member.1=ebapp",
    "Action=CreateApplication&Version=2010-12-01&ApplicationName=ebapp&Tags=&Description=Application+created+from+the+EB+CLI+using+%22eb+init%22",
    "Action=ListPlatformBranches&Version=2010-12-01&Filters.member.1.Attribute=BranchName&Filters.member.1.Operator=%3D&Filters.member.1.Values.member.1=Python+3.11+running+on+64bit+Amazon+Linux+2023",
    "Action=ListPlatformVersions&Version=2010-12-01&Filters.member.1.Type=PlatformBranchName&Filters.member.1.Operator=%3D&Filters.member.1.Values.member.1=Python+3.11+running+on+64bit+Amazon+Linux+2023",
    "Action=DescribePlatformVersion&Version=2010-12-01&PlatformArn=arn%3Aaws%3Aelasticbeanstalk%3Aus-east-1%3A%3Aplatform%2FPython+3.11+running+on+64bit+Amazon+Linux+2023%2F4.7.0",
    "Action=CreateApplicationVersion&Version=2010-12-01&ApplicationName=ebapp&VersionLabel=Sample+Application&Process=false",
    "Action=CreateEnvironment&Version=2010-12-01&ApplicationName=ebapp&EnvironmentName=ebenv&OptionSettings.member.1.Namespace=aws%3Aelasticbeanstalk%3Ahealthreporting%3Asystem&OptionSettings.member.1.OptionName=SystemType&OptionSettings.member.1.Value=enhanced&OptionSettings.member.2.Namespace=aws%3Aelasticbeanstalk%3Acommand&OptionSettings.member.2.OptionName=BatchSize&OptionSettings.member.2.Value=30&OptionSettings.member.3.Namespace=aws%3Aelasticbeanstalk%3Acommand&OptionSettings.member.3.OptionName=BatchSizeType&OptionSettings.member.3.Value=Percentage&OptionSettings.member.4.Namespace=aws%3Aelb%3Apolicies&OptionSettings.member.4.OptionName=ConnectionDrainingEnabled&OptionSettings.member.4.Value=true&OptionSettings.member.5.Namespace=aws%3Aelb%3Aloadbalancer&OptionSettings.member.5.OptionName=CrossZone&OptionSettings.member.5.Value=true&OptionSettings.member.6.Namespace=aws%3Aautoscaling%3Alaunchconfiguration&OptionSettings.member.6.OptionName=IamInstanceProfile&OptionSettings.member.6.Value=aws-elasticbeanstalk-ec2-role&OptionSettings.member.7.Namespace=aws%3Aelasticbeanstalk%3Aenvironment&OptionSettings.member.7.OptionName=ServiceRole&OptionSettings.member.7.Value=aws-elasticbeanstalk-service-role&OptionSettings.member.8.Namespace=aws%3Aautoscaling%3Alaunchconfiguration&OptionSettings.member.8.OptionName=InstanceType&OptionSettings.member.8.Value=t3.micro&OptionSettings.member.9.Namespace=aws%3Aelasticbeanstalk%3Aenvironment&OptionSettings.member.9.OptionName=EnvironmentType&OptionSettings.member.9.Value=SingleInstance&PlatformArn=arn%3Aaws%3Aelasticbeanstalk%3Aus-east-1%3A%3Aplatform%2FPython+3.11+running+on+64bit+Amazon+Linux+2023%2F4.7.0&Description=Environment+created+from+the+EB+CLI+using+%22eb+create%22&VersionLabel=Sample+Application",
    "Action=DescribeEvents&Version=2010-12-01&RequestId=0bf9c226-310e-4551-b4ab-bc9f409f69bd",
    "Action=DescribeEnvironments&Version=2010-12-01&IncludeDeleted=false&ApplicationName=ebapp&EnvironmentNames.member.1=ebenv",
    "Action=DescribeConfigurationSettings&Version=2010-12-01&ApplicationName=ebapp&EnvironmentName=ebenv",
    "Action=UpdateEnvironment&Version=2010-12-01&EnvironmentName=ebenv",
    "Action=TerminateEnvironment&Version=2010-12-01&EnvironmentName=ebenv&ForceTerminate=false",
];

/// `terraform apply`, an update and `destroy`; `ID` stands for the environment's.
const TERRAFORM: &[&str] = &[
    "Action=CreateApplication&ApplicationName=tfapp&Description=&Version=2010-12-01",
    "Action=DescribeApplications&ApplicationNames.member.1=tfapp&Version=2010-12-01",
    "Action=ListTagsForResource&ResourceArn=arn%3Aaws%3Aelasticbeanstalk%3Aus-east-1%3A123456789012%3Aapplication%2Ftfapp&Version=2010-12-01",
    "Action=CreateEnvironment&ApplicationName=tfapp&EnvironmentName=tfenv&OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration&OptionSettings.member.1.OptionName=DisableIMDSv1&OptionSettings.member.1.Value=true&SolutionStackName=64bit+Amazon+Linux+2023+v4.7.0+running+Python+3.11&Tier.Name=WebServer&Tier.Type=Standard&Version=2010-12-01",
    "Action=DescribeEnvironments&EnvironmentIds.member.1=ID&Version=2010-12-01",
    "Action=DescribeEvents&EnvironmentId=ID&Severity=ERROR&StartTime=2026-11-24T14%3A55%3A38.956Z&Version=2010-12-01",
    "Action=DescribeEnvironmentResources&EnvironmentId=ID&Version=2010-12-01",
    "Action=DescribeConfigurationSettings&ApplicationName=tfapp&EnvironmentName=tfenv&Version=2010-12-01",
    "Action=ListTagsForResource&ResourceArn=arn%3Aaws%3Aelasticbeanstalk%3Aus-east-1%3A123456789012%3Aenvironment%2Ftfapp%2Ftfenv&Version=2010-12-01",
    "Action=UpdateEnvironment&EnvironmentId=ID&OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration&OptionSettings.member.1.OptionName=DisableIMDSv1&OptionSettings.member.1.Value=false&Version=2010-12-01",
    "Action=TerminateEnvironment&EnvironmentId=ID&TerminateResources=true&Version=2010-12-01",
    "Action=TerminateEnvironment&EnvironmentId=ID&TerminateResources=true&Version=2010-12-01",
];

#[tokio::test]
async fn every_one_is_answered() {
    for calls in [AWS, EB, TERRAFORM] {
        let door = door();
        let mut id = String::new();
        for call in calls {
            let form = call.replace("=ID&", &format!("={id}&"));
            let (status, document) = signed(&door, "us-east-1", "elasticbeanstalk", &form).await;
            assert_eq!(status, StatusCode::OK, "{form} {document}");
            if form.starts_with("Action=CreateEnvironment&") {
                id = text(&document, "EnvironmentId").unwrap().to_owned();
            }
            // What it waits for.
            if form.starts_with("Action=CreateEnvironment&") || form.starts_with("Action=UpdateEnvironment&")
            {
                make_ready(&door);
            }
        }
    }
}

#[tokio::test]
async fn what_was_refused_is_refused() {
    let door = door();
    for call in &EB[..8] {
        let (status, document) = signed(&door, "us-east-1", "elasticbeanstalk", call).await;
        assert_eq!(status, StatusCode::OK, "{document}");
    }
    make_ready(&door);
    for (form, code) in [
        (
            "Action=UpdateEnvironment&EnvironmentName=ebenv&OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration&OptionSettings.member.1.OptionName=DisableIMDSv1&OptionSettings.member.1.Value=bogus",
            "ConfigurationValidationException",
        ),
        (
            "Action=UpdateEnvironment&EnvironmentName=nope&OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration&OptionSettings.member.1.OptionName=DisableIMDSv1&OptionSettings.member.1.Value=true",
            "InvalidParameterValue",
        ),
        (
            "Action=CreateApplicationVersion&ApplicationName=ebapp&VersionLabel=Sample+Application&Process=false",
            "InvalidParameterValue",
        ),
        ("Action=CreateApplication&ApplicationName=ebapp", "InvalidParameterValue"),
    ] {
        let (status, document) = beanstalk(&door, form).await;
        assert_eq!((status, text(&document, "Code")), (StatusCode::BAD_REQUEST, Some(code)), "{form}");
    }
}
