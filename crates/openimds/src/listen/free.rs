//! Free ports of loopback, known before anything listens on them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Socket, Type};

/// Any free port of loopback.
pub(crate) const FREE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// A port that is taken and answers nobody. While this is held the kernel gives it to no one who asks for a free one, and
/// it can be listened on by name, as `bind` does.
pub(crate) struct Reserved {
    _socket: Socket,
    address: SocketAddr,
}

impl Reserved {
    /// # Errors
    /// When there is no free port, or no descriptor for it.
    pub(crate) fn new() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM.cloexec(), None)?;
        // Two sockets with this may have one port, as long as one of them listens at most; the kernel's own choice shuns it.
        socket.set_reuse_address(true)?;
        socket.bind(&FREE.into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { _socket: socket, address })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{TcpListener, TcpStream};

    use imds_server::Scope;

    use super::Reserved;
    use crate::listen::bind;

    #[test]
    fn what_is_reserved_is_nobodys_until_it_is_listened_on_by_name() {
        let reserved: Vec<_> = (0..50).map(|_| Reserved::new().unwrap()).collect();
        let addresses: HashSet<_> = reserved.iter().map(Reserved::address).collect();
        assert_eq!(addresses.len(), reserved.len());
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() != 0));
        let others: Vec<_> = (0..50).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        assert!(others.iter().all(|other| !addresses.contains(&other.local_addr().unwrap())));
        for (address, workers) in addresses.iter().zip([1, 2, 3].into_iter().cycle()) {
            assert!(TcpStream::connect(address).is_err(), "nobody listens yet");
            let listeners = bind(*address, Scope::Own(*address), workers).unwrap();
            assert!(listeners.iter().all(|listener| listener.address() == *address));
            TcpStream::connect(address).unwrap();
        }
    }
}
