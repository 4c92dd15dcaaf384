//! A role for an instance, through the APIs that AWS's users call for it: so its keys are those of any other role.

use crate::admin::{Admin, Api, Error, Form};

/// What EC2 trusts with a role.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

/// A role with an instance profile of this name, unless they are there.
///
/// # Errors
/// When that is no name, or the profile has another role.
pub(super) fn make(admin: &Admin, name: &str) -> Result<(), Error> {
    let role = Form::default().with("RoleName", name);
    let profile = Form::default().with("InstanceProfileName", name);
    let trusted = role.with("AssumeRolePolicyDocument", TRUST);
    unless(admin.query(Api::Iam, "CreateRole", &trusted), "EntityAlreadyExists")?;
    unless(admin.query(Api::Iam, "CreateInstanceProfile", &profile), "EntityAlreadyExists")?;
    let both = profile.clone().with("RoleName", name);
    if unless(admin.query(Api::Iam, "AddRoleToInstanceProfile", &both), "LimitExceeded")? {
        return Ok(());
    }
    let told = admin.query(Api::Iam, "GetInstanceProfile", &profile)?.result;
    match told.text("InstanceProfile/Roles/member/RoleName") {
        Some(other) if other != name => {
            Err(Error::Told(format!("the instance profile {name} has another role: {other}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Gives an instance the profile of this name, in the place of one that it has.
///
/// # Errors
/// When there is no such instance or profile.
pub(super) fn give(admin: &Admin, id: &str, name: &str) -> Result<(), Error> {
    let profile = Form::default().with("IamInstanceProfile.Name", name);
    match association(admin, id)? {
        Some(before) => {
            admin.call("ReplaceIamInstanceProfileAssociation", &profile.with("AssociationId", before))
        }
        None => admin.call("AssociateIamInstanceProfile", &profile.with("InstanceId", id)),
    }
    .map(drop)
}

/// Takes an instance's profile away.
///
/// # Errors
/// When it has none.
pub(super) fn take(admin: &Admin, id: &str) -> Result<(), Error> {
    let found = association(admin, id)?;
    let found = found.ok_or_else(|| Error::Told(format!("instance {id} was given no role")))?;
    let form = Form::default().with("AssociationId", found);
    admin.call("DisassociateIamInstanceProfile", &form).map(drop)
}

/// What an instance has its profile by.
fn association(admin: &Admin, id: &str) -> Result<Option<String>, Error> {
    let of = Form::default().filters(&[("instance-id".to_owned(), id.to_owned())]);
    let told = admin.call("DescribeIamInstanceProfileAssociations", &of)?;
    Ok(told.text("iamInstanceProfileAssociationSet/item/associationId").map(str::to_owned))
}

/// Was it done, or was there no need, as a refusal with this code says?
fn unless<T>(done: Result<T, Error>, code: &str) -> Result<bool, Error> {
    match done {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(code) => Ok(false),
        Err(error) => Err(error),
    }
}
