//! `dynamic/`: monitoring, the identity document and its signatures.

use super::{Entry, Value};
use crate::Instance;
use crate::document::document;
use crate::signature::Signature;

pub(super) const ENTRIES: &[Entry<Instance>] = &[
    Entry::directory("fws", "2009-04-04", FWS),
    Entry::directory("instance-identity", "2009-04-04", INSTANCE_IDENTITY),
];

const FWS: &[Entry<Instance>] =
    &[Entry::leaf("instance-monitoring", "2009-04-04", |i| Some(Value::text(i.monitoring.as_str())))];

/// EC2's `pkcs7` is DSA with SHA-1; ours is `rsa2048` once more (docs/identity-documents.md). AWS's table of categories has
/// no release for `rsa2048`: the document's [assumed].
const INSTANCE_IDENTITY: &[Entry<Instance>] = &[
    Entry::leaf("document", "2009-04-04", |i| Some(Value::text(document(i)))),
    Entry::leaf("pkcs7", "2009-04-04", |i| signed(i, Signature::pkcs7)),
    Entry::leaf("rsa2048", "2009-04-04", |i| signed(i, Signature::pkcs7)),
    Entry::leaf("signature", "2009-04-04", |i| signed(i, |signature, _| signature.text())),
];

/// A form of the signature, if there is one over the document as it is now. One of a document that has changed since is
/// none: it would not verify.
fn signed(instance: &Instance, form: impl FnOnce(&Signature, &str) -> String) -> Option<Value> {
    let signature = instance.signature.as_deref()?;
    let document = document(instance);
    signature.fits(&document).then(|| Value::text(form(signature, &document)))
}
