//! Every action that there is: a service, a name, a handler. Whatever is not here is `InvalidAction`.

use crate::call::Handler;
use crate::query::Service;
use crate::{ec2, elasticbeanstalk, iam, sts};

/// The handler of an action.
pub(crate) fn find(service: Service, name: &str) -> Option<Handler> {
    let table: &[(&str, Handler)] = match service {
        Service::Ec2 => EC2,
        Service::Sts => STS,
        Service::Iam => IAM,
        Service::ElasticBeanstalk => ELASTIC_BEANSTALK,
        Service::AutoScaling => &[],
    };
    table.iter().find(|(known, _)| *known == name).map(|(_, handler)| *handler)
}

/// Every action, with its service, for tests that try them all.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = (Service, &'static str)> {
    let tables = [
        (Service::Ec2, EC2),
        (Service::Sts, STS),
        (Service::Iam, IAM),
        (Service::ElasticBeanstalk, ELASTIC_BEANSTALK),
    ];
    tables.into_iter().flat_map(|(service, table)| table.iter().map(move |(name, _)| (service, *name)))
}

const ELASTIC_BEANSTALK: &[(&str, Handler)] = &[
    ("AbortEnvironmentUpdate", elasticbeanstalk::abort_environment_update::handle),
    ("CheckDNSAvailability", elasticbeanstalk::check_dns_availability::handle),
    ("CreateApplication", elasticbeanstalk::create_application::handle),
    ("CreateApplicationVersion", elasticbeanstalk::create_application_version::handle),
    ("CreateConfigurationTemplate", elasticbeanstalk::create_configuration_template::handle),
    ("CreateEnvironment", elasticbeanstalk::create_environment::handle),
    ("CreateStorageLocation", elasticbeanstalk::create_storage_location::handle),
    ("DeleteApplication", elasticbeanstalk::delete_application::handle),
    ("DeleteApplicationVersion", elasticbeanstalk::delete_application_version::handle),
    ("DeleteConfigurationTemplate", elasticbeanstalk::delete_configuration_template::handle),
    ("DeleteEnvironmentConfiguration", elasticbeanstalk::delete_environment_configuration::handle),
    ("DescribeAccountAttributes", elasticbeanstalk::describe_account_attributes::handle),
    ("DescribeApplicationVersions", elasticbeanstalk::describe_application_versions::handle),
    ("DescribeApplications", elasticbeanstalk::describe_applications::handle),
    ("DescribeConfigurationOptions", elasticbeanstalk::describe_configuration_options::handle),
    ("DescribeConfigurationSettings", elasticbeanstalk::describe_configuration_settings::handle),
    ("DescribeEnvironmentHealth", elasticbeanstalk::describe_environment_health::handle),
    (
        "DescribeEnvironmentManagedActionHistory",
        elasticbeanstalk::describe_environment_managed_action_history::handle,
    ),
    ("DescribeEnvironmentManagedActions", elasticbeanstalk::describe_environment_managed_actions::handle),
    ("DescribeEnvironmentResources", elasticbeanstalk::describe_environment_resources::handle),
    ("DescribeEnvironments", elasticbeanstalk::describe_environments::handle),
    ("DescribeEvents", elasticbeanstalk::describe_events::handle),
    ("DescribeInstancesHealth", elasticbeanstalk::describe_instances_health::handle),
    ("DescribePlatformVersion", elasticbeanstalk::describe_platform_version::handle),
    ("ListAvailableSolutionStacks", elasticbeanstalk::list_available_solution_stacks::handle),
    ("ListPlatformBranches", elasticbeanstalk::list_platform_branches::handle),
    ("ListPlatformVersions", elasticbeanstalk::list_platform_versions::handle),
    ("ListTagsForResource", elasticbeanstalk::list_tags_for_resource::handle),
    ("RebuildEnvironment", elasticbeanstalk::rebuild_environment::handle),
    ("RestartAppServer", elasticbeanstalk::restart_app_server::handle),
    ("SwapEnvironmentCNAMEs", elasticbeanstalk::swap_environment_cnames::handle),
    ("TerminateEnvironment", elasticbeanstalk::terminate_environment::handle),
    ("UpdateApplication", elasticbeanstalk::update_application::handle),
    ("UpdateApplicationResourceLifecycle", elasticbeanstalk::update_application_resource_lifecycle::handle),
    ("UpdateApplicationVersion", elasticbeanstalk::update_application_version::handle),
    ("UpdateConfigurationTemplate", elasticbeanstalk::update_configuration_template::handle),
    ("UpdateEnvironment", elasticbeanstalk::update_environment::handle),
    ("UpdateTagsForResource", elasticbeanstalk::update_tags_for_resource::handle),
    ("ValidateConfigurationSettings", elasticbeanstalk::validate_configuration_settings::handle),
];

const IAM: &[(&str, Handler)] = &[
    ("AddRoleToInstanceProfile", iam::add_role_to_instance_profile::handle),
    ("AttachRolePolicy", iam::attach_role_policy::handle),
    ("CreateInstanceProfile", iam::create_instance_profile::handle),
    ("CreateRole", iam::create_role::handle),
    ("DeleteInstanceProfile", iam::delete_instance_profile::handle),
    ("DeleteRole", iam::delete_role::handle),
    ("DeleteRolePolicy", iam::delete_role_policy::handle),
    ("DetachRolePolicy", iam::detach_role_policy::handle),
    ("GetInstanceProfile", iam::get_instance_profile::handle),
    ("GetPolicy", iam::get_policy::handle),
    ("GetPolicyVersion", iam::get_policy_version::handle),
    ("GetRole", iam::get_role::handle),
    ("GetRolePolicy", iam::get_role_policy::handle),
    ("GetUser", iam::get_user::handle),
    ("ListAccountAliases", iam::list_account_aliases::handle),
    ("ListAttachedRolePolicies", iam::list_attached_role_policies::handle),
    ("ListInstanceProfileTags", iam::list_instance_profile_tags::handle),
    ("ListInstanceProfiles", iam::list_instance_profiles::handle),
    ("ListInstanceProfilesForRole", iam::list_instance_profiles_for_role::handle),
    ("ListPolicies", iam::list_policies::handle),
    ("ListRolePolicies", iam::list_role_policies::handle),
    ("ListRoleTags", iam::list_role_tags::handle),
    ("ListRoles", iam::list_roles::handle),
    ("PutRolePolicy", iam::put_role_policy::handle),
    ("RemoveRoleFromInstanceProfile", iam::remove_role_from_instance_profile::handle),
    ("TagInstanceProfile", iam::tag_instance_profile::handle),
    ("TagRole", iam::tag_role::handle),
    ("UntagInstanceProfile", iam::untag_instance_profile::handle),
    ("UntagRole", iam::untag_role::handle),
    ("UpdateAssumeRolePolicy", iam::update_assume_role_policy::handle),
    ("UpdateRole", iam::update_role::handle),
    ("UpdateRoleDescription", iam::update_role_description::handle),
];

const EC2: &[(&str, Handler)] = &[
    ("AssociateIamInstanceProfile", ec2::associate_iam_instance_profile::handle),
    ("CreateKeyPair", ec2::create_key_pair::handle),
    ("CreateLaunchTemplate", ec2::create_launch_template::handle),
    ("CreateLaunchTemplateVersion", ec2::create_launch_template_version::handle),
    ("CreateTags", ec2::create_tags::handle),
    ("DeleteKeyPair", ec2::delete_key_pair::handle),
    ("DeleteLaunchTemplate", ec2::delete_launch_template::handle),
    ("DeleteLaunchTemplateVersions", ec2::delete_launch_template_versions::handle),
    ("DeleteTags", ec2::delete_tags::handle),
    ("DeregisterImage", ec2::deregister_image::handle),
    ("DescribeAccountAttributes", ec2::describe_account_attributes::handle),
    ("DescribeAvailabilityZones", ec2::describe_availability_zones::handle),
    ("DescribeIamInstanceProfileAssociations", ec2::describe_iam_instance_profile_associations::handle),
    ("DescribeImageAttribute", ec2::describe_image_attribute::handle),
    ("DescribeImages", ec2::describe_images::handle),
    ("DescribeInstanceAttribute", ec2::describe_instance_attribute::handle),
    ("DescribeInstanceCreditSpecifications", ec2::describe_instance_credit_specifications::handle),
    ("DescribeInstanceStatus", ec2::describe_instance_status::handle),
    ("DescribeInstanceTypeOfferings", ec2::describe_instance_type_offerings::handle),
    ("DescribeInstanceTypes", ec2::describe_instance_types::handle),
    ("DescribeInstances", ec2::describe_instances::handle),
    ("DescribeKeyPairs", ec2::describe_key_pairs::handle),
    ("DescribeLaunchTemplateVersions", ec2::describe_launch_template_versions::handle),
    ("DescribeLaunchTemplates", ec2::describe_launch_templates::handle),
    ("DescribeRegions", ec2::describe_regions::handle),
    ("DescribeSecurityGroups", ec2::describe_security_groups::handle),
    ("DescribeSubnets", ec2::describe_subnets::handle),
    ("DescribeTags", ec2::describe_tags::handle),
    ("DescribeVolumes", ec2::describe_volumes::handle),
    ("DescribeVpcs", ec2::describe_vpcs::handle),
    ("DisassociateIamInstanceProfile", ec2::disassociate_iam_instance_profile::handle),
    ("GetInstanceMetadataDefaults", ec2::get_instance_metadata_defaults::handle),
    ("ImportKeyPair", ec2::import_key_pair::handle),
    ("ModifyImageAttribute", ec2::modify_image_attribute::handle),
    ("ModifyInstanceAttribute", ec2::modify_instance_attribute::handle),
    ("ModifyInstanceMetadataDefaults", ec2::modify_instance_metadata_defaults::handle),
    ("ModifyInstanceMetadataOptions", ec2::modify_instance_metadata_options::handle),
    ("ModifyLaunchTemplate", ec2::modify_launch_template::handle),
    ("RebootInstances", ec2::reboot_instances::handle),
    ("RegisterImage", ec2::register_image::handle),
    ("ReplaceIamInstanceProfileAssociation", ec2::replace_iam_instance_profile_association::handle),
    ("RunInstances", ec2::run_instances::handle),
    ("StartInstances", ec2::start_instances::handle),
    ("StopInstances", ec2::stop_instances::handle),
    ("TerminateInstances", ec2::terminate_instances::handle),
];

const STS: &[(&str, Handler)] = &[
    ("AssumeRole", sts::assume_role::handle),
    ("GetAccessKeyInfo", sts::get_access_key_info::handle),
    ("GetCallerIdentity", sts::get_caller_identity::handle),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order_and_name_nothing_twice() {
        for table in [EC2, STS, IAM, ELASTIC_BEANSTALK] {
            assert!(table.iter().map(|(name, _)| *name).is_sorted_by(|one, other| one < other));
        }
    }
}
