//! `imds instance tag`

use std::process::ExitCode;

use imds_core::id::InstanceId;

use super::usage;
use crate::admin::{Admin, Form};
use crate::args::control::{Tag, Word};

pub(super) fn run(admin: &Admin, args: &Tag) -> anyhow::Result<ExitCode> {
    let (ids, tags) = sorted(&args.words);
    if ids.is_empty() || (tags.is_empty() && args.remove.is_empty()) {
        return Ok(usage(
            "an instance is needed, and KEY=VALUE or --remove KEY; see `imds instance tag --help`",
        ));
    }
    let resources = Form::default().list("ResourceId", &ids);
    if !tags.is_empty() {
        admin.call("CreateTags", &resources.clone().tags("", &tags))?;
    }
    if !args.remove.is_empty() {
        let keys = args.remove.iter().zip(1..);
        let form = keys.fold(resources, |form, (key, number)| form.with(format!("Tag.{number}.Key"), key));
        admin.call("DeleteTags", &form)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn sorted(words: &[Word]) -> (Vec<&InstanceId>, Vec<(String, String)>) {
    let (mut ids, mut tags) = (Vec::new(), Vec::new());
    for word in words {
        match word {
            Word::Id(id) => ids.push(id),
            Word::Tag(key, value) => tags.push((key.clone(), value.clone())),
        }
    }
    (ids, tags)
}
