//! Reading messages, and the sockets that come with them, from a Unix stream.

use std::io;
use std::os::fd::OwnedFd;

use imds_netns::handoff::{self, Received};
use tokio::io::Interest;
use tokio::net::UnixStream;
use zeroize::Zeroizing;

use super::report::{Report, Wire};

/// Sockets of one message.
pub(super) const SOCKETS: usize = 4;

/// Reads a report; `None` when the helper is gone.
pub(super) async fn next(stream: &UnixStream) -> Option<Report> {
    let (body, sockets) = message(stream, usize::MAX).await?;
    let mut report = serde_json::from_slice::<Wire<'_>>(&body).ok().map(Report::from)?;
    if let Report::Lodged { sockets: taken, .. } = &mut report {
        *taken = sockets;
    }
    Some(report)
}

/// Reads a message of `limit` bytes at most, with what sockets there are: [`SOCKETS`] at most. `None` when the other end
/// is gone, or says more.
pub(super) async fn message(stream: &UnixStream, limit: usize) -> Option<(Zeroizing<Vec<u8>>, Vec<OwnedFd>)> {
    let mut length = [0; 4];
    // Sockets come with the first byte of the message that they were sent with, so with the first of its length.
    let sockets = fill(stream, &mut length).await?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok().filter(|length| *length <= limit)?;
    let mut body = Zeroizing::new(vec![0; length]);
    fill(stream, &mut body).await?;
    Some((body, sockets))
}

async fn fill(stream: &UnixStream, buffer: &mut [u8]) -> Option<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    let mut filled = 0;
    while filled < buffer.len() {
        stream.readable().await.ok()?;
        let rest = &mut buffer[filled..];
        match stream.try_io(Interest::READABLE, || handoff::receive(stream, rest, SOCKETS)) {
            Ok(Received { length: 0, .. }) => return None,
            Ok(Received { length, files, .. }) => {
                filled += length;
                sockets.extend(files);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
    Some(sockets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    /// What is read of what another thread sends.
    fn read(send: impl FnOnce(std::os::unix::net::UnixStream) + Send + 'static) -> Vec<(Vec<u8>, usize)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let sending = std::thread::spawn(move || send(theirs));
        ours.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let all = runtime.block_on(async {
            let stream = UnixStream::from_std(ours).unwrap();
            let mut all = Vec::new();
            while let Some((body, sockets)) = message(&stream, 100_000).await {
                all.push((body.to_vec(), sockets.len()));
            }
            all
        });
        sending.join().unwrap();
        all
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        [&u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
    }

    #[test]
    fn sockets_stay_with_their_message() {
        let large = vec![b'x'; 99_999];
        let all = read({
            let large = large.clone();
            move |stream| {
                let fd = stream.as_fd();
                handoff::send(&stream, &framed(b"none"), &[]).unwrap();
                handoff::send(&stream, &framed(b"two"), &[fd, fd]).unwrap();
                handoff::send(&stream, &framed(&large), &[]).unwrap();
                handoff::send(&stream, &framed(b"one"), &[fd]).unwrap();
                handoff::send(&stream, &framed(b"many"), &[fd; 200]).unwrap();
            }
        });
        let expected: [(&[u8], usize); 5] =
            [(b"none", 0), (b"two", 2), (&large, 0), (b"one", 1), (b"many", SOCKETS)];
        assert_eq!(all.len(), expected.len());
        for ((body, sockets), expected) in all.iter().zip(expected) {
            assert!((&body[..], *sockets) == expected, "{} bytes, {sockets} sockets", body.len());
        }
    }

    #[test]
    fn what_ends_early_or_is_too_long_is_nothing() {
        for bytes in [&b""[..], b"\0\0", b"\0\0\0\x05four", b"\0\x02\0\0", b"\xff\xff\xff\xff"] {
            let bytes = bytes.to_vec();
            assert_eq!(read(move |stream| handoff::send(&stream, &bytes, &[]).unwrap()), []);
        }
    }
}
