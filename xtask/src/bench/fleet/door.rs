//! The control API of a server, as far as the bench calls it.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use anyhow::{Context, Result, ensure};

use crate::bench::answer::Answer;
use crate::bench::load;

/// Instances that one call launches at most.
const LAUNCHED_AT_ONCE: usize = 1_000;

/// An instance, as it was launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guest {
    /// Its id.
    pub(crate) id: String,
    /// The address that it asks from.
    pub(crate) address: Ipv4Addr,
}

/// A kept connection to the control API.
pub(crate) struct Door {
    /// The connection: what is asked, and not answered yet, is read from it.
    pub(crate) stream: TcpStream,
}

impl Door {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("the door takes no connection")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// Launches so many instances.
    pub(crate) fn launch(&mut self, count: usize) -> Result<Vec<Guest>> {
        let mut guests = Vec::with_capacity(count);
        while guests.len() < count {
            let least = LAUNCHED_AT_ONCE.min(count - guests.len());
            let form = format!(
                "Action=RunInstances&Version=2016-11-15&ImageId=ami-0abcdef1234567890&MinCount={least}&MaxCount={least}"
            );
            let launched = told(&load::exchange(&mut self.stream, &request(&form))?, guests_of)?;
            ensure!(launched.len() == least, "{least} instances were asked for and {} came", launched.len());
            guests.extend(launched);
        }
        Ok(guests)
    }

    /// The instances that there are, up to a thousand.
    pub(crate) fn guests(&mut self) -> Result<Vec<Guest>> {
        let form = "Action=DescribeInstances&Version=2016-11-15&MaxResults=1000";
        told(&load::exchange(&mut self.stream, &request(form))?, guests_of)
    }

    /// Sets an instance's `HttpTokens` and waits until that is acknowledged.
    pub(crate) fn modify(&mut self, id: &str, is_required: bool) -> Result<()> {
        acknowledged(&load::exchange(&mut self.stream, &modification(id, is_required))?)
    }

    /// The same without waiting: the answer is still to come.
    pub(crate) fn begin_to_modify(&mut self, id: &str, is_required: bool) -> Result<()> {
        Ok(self.stream.write_all(&modification(id, is_required))?)
    }
}

/// An error unless an answer says that all is done.
pub(crate) fn acknowledged(bytes: &[u8]) -> Result<()> {
    told(bytes, |_| ())
}

fn modification(id: &str, is_required: bool) -> Vec<u8> {
    let tokens = if is_required { "required" } else { "optional" };
    request(&format!(
        "Action=ModifyInstanceMetadataOptions&Version=2016-11-15&InstanceId={id}&HttpTokens={tokens}"
    ))
}

fn request(form: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: imds-bench/1\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// What `read` makes of the document that a whole answer brings.
fn told<T>(bytes: &[u8], read: impl FnOnce(&str) -> T) -> Result<T> {
    let answer = Answer::parse(bytes)?.context("half an answer")?;
    let document = std::str::from_utf8(answer.body).context("a document that is not text")?;
    ensure!(answer.status() == Some(200), "the control API says:\n{document}");
    Ok(read(document))
}

/// The instances of a document: an instance names its own address before those of its interfaces.
fn guests_of(document: &str) -> Vec<Guest> {
    let text = |after: &str, name: &str| {
        let (_, from) = after.split_once(&format!("<{name}>"))?;
        from.split_once('<').map(|(text, _)| text.to_owned())
    };
    let instances = document.split("<instanceId>").skip(1);
    instances
        .filter_map(|instance| {
            let id = instance.split_once('<')?.0.to_owned();
            Some(Guest { id, address: text(instance, "privateIpAddress")?.parse().ok()? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Guest, guests_of};

    #[test]
    fn the_instances_of_a_document() {
        let instance = |id: &str, address: &str| {
            format!(
                "<item><instanceId>{id}</instanceId><privateIpAddress>{address}</privateIpAddress>\
                 <networkInterfaceSet><item><privateIpAddress>127.9.9.9</privateIpAddress></item>\
                 </networkInterfaceSet></item>"
            )
        };
        let document = format!(
            "<instancesSet>{}{}</instancesSet>",
            instance("i-0a", "127.0.7.9"),
            instance("i-0b", "127.0.7.10")
        );
        let guest = |id: &str, address: [u8; 4]| Guest { id: id.to_owned(), address: address.into() };
        assert_eq!(guests_of(&document), [guest("i-0a", [127, 0, 7, 9]), guest("i-0b", [127, 0, 7, 10])]);
        assert!(guests_of("<instancesSet/>").is_empty());
    }
}
