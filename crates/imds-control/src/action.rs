//! Every action that there is: a service, a name, a handler. Whatever is not here is `InvalidAction`.

use crate::call::Handler;
use crate::query::Service;
use crate::{ec2, sts};

/// The handler of an action.
pub(crate) fn find(service: Service, name: &str) -> Option<Handler> {
    let table: &[(&str, Handler)] = match service {
        Service::Ec2 => EC2,
        Service::Sts => STS,
        Service::Iam | Service::ElasticBeanstalk | Service::AutoScaling => &[],
    };
    table.iter().find(|(known, _)| *known == name).map(|(_, handler)| *handler)
}

const EC2: &[(&str, Handler)] =
    &[("ModifyInstanceMetadataOptions", ec2::modify_instance_metadata_options::handle)];

const STS: &[(&str, Handler)] = &[("GetCallerIdentity", sts::get_caller_identity::handle)];
