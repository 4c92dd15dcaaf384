//! `imds ca`: what identity documents are signed with.

use std::process::ExitCode;

use imds_core::Timestamp;
use imds_store::ca::{self, Error, FOLDER, Own};

use crate::app::print;
use crate::args::ca::{Ca, New};

pub(super) fn run(args: &Ca) -> anyhow::Result<ExitCode> {
    match args {
        Ca::Init(new) => {
            ca::init(&new.state.folder, own(new), Timestamp::now())?;
            told(new, "identity documents are signed with a key and certificate of this folder from now on");
        }
        Ca::Rotate(new) => {
            ca::rotate(&new.state.folder, own(new), Timestamp::now())?;
            told(
                new,
                "documents are signed with the new key from now on; the certificates before are still shown",
            );
        }
        Ca::Show(state) => {
            let missing = || Error::Missing { path: state.folder.join(FOLDER) };
            let ca = ca::load(&state.folder)?.ok_or_else(missing)?;
            print(ca.pem().as_bytes());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the user brought.
fn own(new: &New) -> Option<Own<'_>> {
    Some(Own { key: new.key.as_deref()?, certificate: new.certificate.as_deref()? })
}

fn told(new: &New, what: &str) {
    let folder = new.state.folder.display();
    print(format!("{what}; `imds ca show --state {folder}` prints the certificate\n").as_bytes());
}
