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

/// Every action of EC2, for tests that try them all.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    EC2.iter().map(|(name, _)| *name)
}

const ELASTIC_BEANSTALK: &[(&str, Handler)] =
    &[("ListAvailableSolutionStacks", elasticbeanstalk::list_available_solution_stacks::handle)];

const IAM: &[(&str, Handler)] = &[("ListRoles", iam::list_roles::handle)];

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

const STS: &[(&str, Handler)] = &[("GetCallerIdentity", sts::get_caller_identity::handle)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_names_nothing_twice() {
        assert!(names().is_sorted_by(|one, other| one < other));
    }
}
