//! Private addresses: which one a new instance has. No two have the same one, whatever their region: a request is told
//! by its source address whose it is.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use imds_core::instance::Launch;
use imds_store::record::{self, Address};

use crate::call::{Call, instance_id};
use crate::query::Error;

/// How many ids are tried before the free addresses are looked for one by one.
const DRAWS: u32 = 16;

/// The addresses that are taken, as far as they are known.
pub(crate) struct Addresses<'a> {
    call: &'a Call<'a>,
    taken: HashSet<Ipv4Addr>,
    is_complete: bool,
}

impl<'a> Addresses<'a> {
    /// None is known yet.
    pub(crate) fn of(call: &'a Call<'a>) -> Self {
        Self { call, taken: HashSet::new(), is_complete: false }
    }

    /// Checks an address that is asked for.
    pub(crate) fn check(&self, launch: &Launch, text: &str) -> Result<Ipv4Addr, Error> {
        let address: Ipv4Addr = text.parse().map_err(|_| {
            Error::invalid_value(format!(
                "Value ({text}) for parameter privateIpAddress is invalid. Expected an IPv4 address."
            ))
        })?;
        if !launch.holds(address) {
            return Err(Error::invalid_value(format!(
                "Address {address} does not fall within the subnet's address range"
            )));
        }
        if !launch.permits(address) {
            return Err(Error::invalid_value(format!(
                "Address {address} is in subnet's reserved address range"
            )));
        }
        if self.is_taken(address)? {
            return Err(Error::new("InvalidIPAddress.InUse", format!("Address {address} is in use.")));
        }
        Ok(address)
    }

    /// Gives a launch an id and a free address, the one that follows from the id if that is free; `None` when there is
    /// none left.
    pub(crate) fn place(&mut self, mut launch: Launch) -> Result<Option<Launch>, Error> {
        for _ in 0..DRAWS {
            launch.id = instance_id(&self.call.new_id("i")?)?;
            let address = launch.local_ipv4.unwrap_or_else(|| launch.address());
            if launch.local_ipv4.is_some() || !self.is_taken(address)? {
                self.taken.insert(address);
                return Ok(Some(Launch { local_ipv4: Some(address), ..launch }));
            }
        }
        if !self.is_complete {
            let all = record::list::<Address>(self.call.store, "")?;
            self.taken.extend(all.iter().filter_map(|(address, _)| address.parse::<Ipv4Addr>().ok()));
            self.is_complete = true;
        }
        let Some(address) = launch.addresses().find(|address| !self.taken.contains(address)) else {
            return Ok(None);
        };
        self.taken.insert(address);
        Ok(Some(Launch { local_ipv4: Some(address), ..launch }))
    }

    fn is_taken(&self, address: Ipv4Addr) -> Result<bool, Error> {
        Ok(self.taken.contains(&address)
            || record::get::<Address>(self.call.store, &address.to_string())?.is_some())
    }
}
