//! `--stop-fd`: a service that ends with whoever holds the other end of a pipe, however that one comes to its end.

use std::fs::File;
use std::io::{self, Read as _};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::oneshot;

use crate::thread;

/// Takes the descriptor over that was handed down.
///
/// # Errors
/// When there is none of that number, or it cannot be read from.
pub(crate) fn taken(descriptor: u32) -> anyhow::Result<File> {
    let name = || format!("cannot read from --stop-fd {descriptor}");
    let file = File::from(imds_netns::handoff::inherited(descriptor).with_context(name)?);
    let mode = rustix::fs::fcntl_getfl(&file).with_context(name)? & rustix::fs::OFlags::ACCMODE;
    if mode == rustix::fs::OFlags::WRONLY {
        // It would never come to an end, or be at it at once.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is open for writing only"))
            .with_context(name);
    }
    Ok(file)
}

/// Ends when the file does, which a thread waits for; never without one.
///
/// # Errors
/// When there is no thread to be had.
pub(crate) fn reached(file: Option<File>) -> io::Result<impl Future<Output = ()>> {
    let waiting = file.map(watch).transpose()?;
    Ok(async {
        match waiting {
            // The thread says nothing: it drops its end.
            Some(end) => drop(end.await),
            None => std::future::pending().await,
        }
    })
}

fn watch(mut file: File) -> io::Result<oneshot::Receiver<()>> {
    let (sender, end) = oneshot::channel();
    thread::start("imds-stop", move || {
        let _at_end = sender;
        while is_open(&mut file) {}
    })?;
    Ok(end)
}

/// Waits for something to read, which means nothing, or for the end. What cannot be read is at its end.
fn is_open(file: &mut File) -> bool {
    // Who handed it down may have made it one that does not block.
    match poll(&mut [PollFd::new(&*file, PollFlags::IN)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(_) => return false,
    }
    match file.read(&mut [0; 64]) {
        Ok(length) => length > 0,
        Err(error) => matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn is_reached(end: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        end.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn only_the_end_ends_it_and_that_whether_it_blocks_or_not() {
        for is_blocking in [true, false] {
            let (mut theirs, ours) = UnixStream::pair().unwrap();
            ours.set_nonblocking(!is_blocking).unwrap();
            let mut end = pin!(reached(Some(File::from(OwnedFd::from(ours)))).unwrap());
            for _ in 0..3 {
                theirs.write_all(&[b'x'; 1000]).unwrap();
                assert!(!is_reached(end.as_mut()));
            }
            drop(theirs);
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(end);
        }
    }

    #[test]
    fn without_a_file_there_is_no_end() {
        assert!(!is_reached(pin!(reached(None).unwrap())));
    }
}
