//! Connections of one address. IPv6 counts by /64: a host has as many addresses as it likes within
//! one.

use super::{Admission, Refusal};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

/// So many connections above the limit stay for one request, to be told why they are refused; more
/// are closed at once.
const TOLD: usize = 8;

/// What counts as one address.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Counts by address; only those with a connection are in it.
#[derive(Debug)]
pub(super) struct Addresses {
    /// 0: no limit, and nothing is counted.
    limit: usize,
    counts: Mutex<HashMap<IpAddr, Count>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    within: usize,
    over: usize,
}

impl Addresses {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, counts: Mutex::default() }
    }
}

/// What a connection of an address holds.
#[derive(Debug)]
pub(crate) struct AddressPlace {
    admission: Arc<Admission>,
    network: IpAddr,
    is_over: bool,
}

impl AddressPlace {
    pub(super) fn take(
        admission: &Arc<Admission>,
        address: IpAddr,
    ) -> Result<Option<Arc<Self>>, Refusal> {
        let Addresses { limit, counts } = &admission.addresses;
        if *limit == 0 {
            return Ok(None);
        }
        let network = network(address);
        let mut counts = counts.lock();
        let count = counts.entry(network).or_default();
        let is_over = count.within >= *limit;
        if is_over && count.over >= TOLD {
            return Err(Refusal::PerAddress);
        }
        *if is_over { &mut count.over } else { &mut count.within } += 1;
        Ok(Some(Arc::new(Self { admission: admission.clone(), network, is_over })))
    }

    /// The address has as many connections as it may have besides: this one is only told so.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut counts = self.admission.addresses.counts.lock();
        if let Entry::Occupied(mut entry) = counts.entry(self.network) {
            let count = entry.get_mut();
            *if self.is_over { &mut count.over } else { &mut count.within } -= 1;
            if *count == Count::default() {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub::clock::Clock;

    fn admission(limit: usize) -> Arc<Admission> {
        Admission::with(10, 10, limit, Clock::start())
    }

    #[test]
    fn ipv6_counts_by_64_bits_and_mapped_ipv4_as_ipv4() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn above_the_limit_some_are_told_and_the_rest_is_refused() {
        let admission = admission(2);
        let take = |address: &str| admission.address(address.parse().unwrap());
        let within = [take("2001:db8::1").unwrap().unwrap(), take("2001:db8::2").unwrap().unwrap()];
        assert!(within.iter().all(|place| !place.is_over()));
        let told: Vec<_> = (0..TOLD).map(|_| take("2001:db8::3").unwrap().unwrap()).collect();
        assert!(told.iter().all(|place| place.is_over()));
        assert_eq!(take("2001:db8::4").unwrap_err(), Refusal::PerAddress);
        assert!(!take("2001:db8:0:1::1").unwrap().unwrap().is_over(), "another network");
        drop(within);
        assert!(!take("2001:db8::4").unwrap().unwrap().is_over());
    }

    #[test]
    fn addresses_without_a_connection_are_forgotten() {
        let admission = admission(1);
        let places: Vec<_> = (0..9u8)
            .map(|i| admission.address(IpAddr::from([192, 0, 2, i / 2])).unwrap())
            .collect();
        assert_eq!(admission.addresses.counts.lock().len(), 5);
        drop(places);
        assert!(admission.addresses.counts.lock().is_empty());
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let admission = admission(0);
        assert!(admission.address(IpAddr::from([192, 0, 2, 1])).unwrap().is_none());
        assert!(admission.addresses.counts.lock().is_empty());
    }
}
