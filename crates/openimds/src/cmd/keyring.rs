//! `imds keyring`: the keys that seal tokens.

use std::process::ExitCode;

use imds_core::Timestamp;

use crate::app::print;
use crate::args::Keyring;

pub(super) fn run(args: &Keyring) -> anyhow::Result<ExitCode> {
    match args {
        Keyring::Rotate { state } => {
            // The machine's time: there may be no service now, and several that share the keyring, each with its own.
            let keyring =
                imds_store::keyring::rotate(state, &imds_server::random::secret()?, Timestamp::now())?;
            let before = keyring.keys().count() - 1;
            let id = keyring.current().id();
            if before == 0 {
                print(
                    format!("there was no keyring in {}: key {id} is a new one\n", state.display())
                        .as_bytes(),
                );
                return Ok(ExitCode::SUCCESS);
            }
            print(format!("key {id} seals from now on; {before} before it still open what they sealed, for six hours\n").as_bytes());
            Ok(ExitCode::SUCCESS)
        }
    }
}
