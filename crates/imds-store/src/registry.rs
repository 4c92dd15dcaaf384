//! The read side: who is behind an address, with no lock and no await.
//!
//! It follows the store, change by change. A [`Snapshot`] is put in the place of the one before, so that a request sees
//! all of a change to an instance or nothing of it. One that is stopped keeps its address and is here, too: it answers
//! nobody, and nobody else answers in its place.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use imds_core::audit::Tally;
use imds_core::clock::Clock;
use imds_core::credentials::Role;
use imds_core::date::http_date;
use imds_core::id::InstanceId;
use imds_core::keyring::Keyring;
use imds_core::signature::Signature;
use imds_core::{Instance, Machine, Timestamp};
use papaya::Guard as _;

use crate::ServiceClock;
use crate::record::Place;

/// An instance as requests see it.
#[derive(Debug)]
pub struct Snapshot {
    /// The record.
    pub instance: Instance,
    /// `Last-Modified`, as it is written.
    pub last_modified: String,
    /// Its counters, which live on when the record changes.
    pub tally: Arc<Tally>,
    /// Does it run? Else it is stopped, and answers nobody.
    pub is_running: bool,
}

impl Snapshot {
    /// `Last-Modified` at `now`: what is planned may have come.
    #[must_use]
    pub fn last_modified_at(&self, now: Timestamp) -> Cow<'_, str> {
        if self.instance.timeline.is_empty() {
            return Cow::Borrowed(&self.last_modified);
        }
        Cow::Owned(http_date(self.instance.changed_at(now)))
    }
}

/// One thing that is not what it was.
#[derive(Debug)]
pub enum Change {
    /// A machine; `None` for one that is not kept any longer.
    Machine(InstanceId, Option<Box<Machine>>),
    /// An instance's place in the service, which the configuration file gives it.
    Place(InstanceId, Option<Place>),
    /// The role of an instance, with its keys, which are not kept with the machine.
    Role(InstanceId, Option<Box<Role>>),
    /// The signature over an instance's identity document, which may come before the document and after it.
    Signature(InstanceId, Option<Arc<Signature>>),
    /// The service's clock.
    Clock(Clock),
}

/// What goes when all that comes is there.
enum Going {
    /// The addresses of an instance that has others now, or is gone.
    Addresses(Arc<Snapshot>),
    /// A place that is not, or not any longer, the default's.
    Place(InstanceId, Option<Place>),
}

/// What requests read and the owner changes.
#[derive(Debug)]
pub struct Registry {
    all: papaya::HashMap<InstanceId, Arc<Snapshot>>,
    by_address: papaya::HashMap<IpAddr, Arc<Snapshot>>,
    by_listen: papaya::HashMap<SocketAddr, InstanceId>,
    default: ArcSwapOption<InstanceId>,
    keyring: ArcSwap<Keyring>,
    clock: ServiceClock,
    /// What only changes need. One is made at a time.
    aside: Mutex<Aside>,
}

/// What is known of instances beside their records.
#[derive(Debug, Default)]
struct Aside {
    places: HashMap<InstanceId, Place>,
    roles: HashMap<InstanceId, Role>,
    signatures: HashMap<InstanceId, Arc<Signature>>,
}

impl Registry {
    /// A registry that knows no instance yet.
    #[must_use]
    pub fn new(keyring: Keyring) -> Self {
        Self {
            all: papaya::HashMap::new(),
            by_address: papaya::HashMap::new(),
            by_listen: papaya::HashMap::new(),
            default: ArcSwapOption::empty(),
            keyring: ArcSwap::from_pointee(keyring),
            clock: ServiceClock::default(),
            aside: Mutex::default(),
        }
    }

    /// The instance with this id.
    #[must_use]
    pub fn by_id(&self, id: &InstanceId) -> Option<Arc<Snapshot>> {
        self.all.pin().get(id).cloned()
    }

    /// The instance that owns a local address.
    #[must_use]
    pub fn by_listen(&self, local: SocketAddr) -> Option<Arc<Snapshot>> {
        let id = self.by_listen.pin().get(&local)?.clone();
        self.all.pin().get(&id).cloned()
    }

    /// The instance that has a private address.
    #[must_use]
    pub fn by_address(&self, peer: IpAddr) -> Option<Arc<Snapshot>> {
        self.by_address.pin().get(&peer.to_canonical()).cloned()
    }

    /// The instance that gets what no address claims.
    #[must_use]
    pub fn default_instance(&self) -> Option<Arc<Snapshot>> {
        let id = self.default.load();
        self.all.pin().get(id.as_deref()?).cloned()
    }

    /// Every instance that runs or is stopped.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Snapshot>> {
        self.all.pin().values().cloned().collect()
    }

    /// The keys now. Those before the current one end by the machine's clock, which whoever replaced them went by, wherever
    /// the service's stands. Takes no lock.
    #[must_use]
    pub fn keyring(&self) -> Guard<Arc<Keyring>> {
        self.keyring_at(Timestamp::now)
    }

    /// As [`Registry::keyring`]; the machine's time is asked for where a key may end.
    fn keyring_at(&self, machine: impl FnOnce() -> Timestamp) -> Guard<Arc<Keyring>> {
        let keyring = self.keyring.load();
        let Some(end) = keyring.next_end() else { return keyring };
        let machine = machine();
        if machine < end {
            return keyring;
        }
        drop(keyring);
        self.keyring.rcu(|keyring| Keyring::clone(keyring).without_spent(machine));
        self.keyring.load()
    }

    /// What time it is by the service's clock. Takes no lock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// From now on, these are the keys.
    pub fn set_keyring(&self, keyring: Keyring) {
        self.keyring.store(Arc::new(keyring));
    }

    /// Follows changes, in their order, each id's once. What one gives up and another gets is never nobody's.
    pub fn apply(&self, changes: impl IntoIterator<Item = Change>) {
        let mut aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        // What comes, before what goes.
        let mut going = Vec::new();
        let mut has_keys = false;
        for change in changes {
            match change {
                Change::Machine(id, machine) => {
                    has_keys |= self.all.pin().get(&id).is_some_and(|old| old.instance.by_hand.is_some());
                    let machine = machine.filter(|machine| !machine.state.is_terminated());
                    going.extend(self.set_machine(&aside, id, machine));
                }
                Change::Place(id, place) if place.as_ref().is_some_and(|place| place.is_default) => {
                    self.set_place(&mut aside, id, place);
                }
                Change::Place(id, place) => going.push(Going::Place(id, place)),
                Change::Role(id, role) => {
                    self.set_role(&mut aside, id, role);
                    has_keys = true;
                }
                Change::Signature(id, signature) => self.set_signature(&mut aside, id, signature),
                Change::Clock(clock) => self.clock.set(clock),
            }
        }
        for going in going {
            match going {
                Going::Addresses(old) => self.forget_addresses(&old),
                Going::Place(id, place) => self.set_place(&mut aside, id, place),
            }
        }
        if has_keys {
            // What was replaced is otherwise let go of dozens at a time, and keys are to be gone when they are.
            self.all.guard().flush();
            self.by_address.guard().flush();
        }
    }

    /// Puts a machine in the place of what it was; what is to be forgotten of that.
    fn set_machine(&self, aside: &Aside, id: InstanceId, machine: Option<Box<Machine>>) -> Option<Going> {
        let old = self.all.pin().get(&id).cloned();
        match machine {
            Some(machine) => {
                let is_running = machine.state.is_running();
                let mut instance = machine.instance;
                instance.role = aside.roles.get(&id).cloned();
                instance.signature = aside.signatures.get(&id).cloned();
                self.put(instance, is_running, old.as_deref());
            }
            None => {
                self.all.pin().remove(&id);
            }
        }
        old.map(Going::Addresses)
    }

    fn set_place(&self, aside: &mut Aside, id: InstanceId, place: Option<Place>) {
        // What stays is never missing: what is new comes first, and then what is not named any longer goes.
        let listens = self.by_listen.pin();
        let new = place.as_ref().map_or(&[][..], |place| &place.listen);
        for listen in new {
            listens.insert(*listen, id.clone());
        }
        let old = aside.places.get(&id).map_or(&[][..], |old| &old.listen);
        for listen in old.iter().filter(|listen| !new.contains(listen)) {
            if listens.get(listen) == Some(&id) {
                listens.remove(listen);
            }
        }
        let is_default = self.default.load().as_deref() == Some(&id);
        match (is_default, place.as_ref().is_some_and(|place| place.is_default)) {
            (false, true) => self.default.store(Some(Arc::new(id.clone()))),
            (true, false) => self.default.store(None),
            (true, true) | (false, false) => {}
        }
        match place {
            Some(place) => aside.places.insert(id, place),
            None => aside.places.remove(&id),
        };
    }

    fn set_role(&self, aside: &mut Aside, id: InstanceId, role: Option<Box<Role>>) {
        let role = role.map(|role| *role);
        if let Some(old) = self.all.pin().get(&id).cloned()
            && old.instance.role != role
        {
            let instance = Instance { role: role.clone(), ..old.instance.clone() };
            self.put(instance, old.is_running, Some(&old));
        }
        match role {
            Some(role) => aside.roles.insert(id, role),
            None => aside.roles.remove(&id),
        };
    }

    fn set_signature(&self, aside: &mut Aside, id: InstanceId, signature: Option<Arc<Signature>>) {
        if let Some(old) = self.all.pin().get(&id).cloned() {
            let instance = Instance { signature: signature.clone(), ..old.instance.clone() };
            self.put(instance, old.is_running, Some(&old));
        }
        match signature {
            Some(signature) => aside.signatures.insert(id, signature),
            None => aside.signatures.remove(&id),
        };
    }

    /// Puts an instance, with its addresses, in the place of what it was, whose counters live on.
    fn put(&self, instance: Instance, is_running: bool, old: Option<&Snapshot>) {
        let last_modified = http_date(instance.changed);
        let tally = old.map(|old| Arc::clone(&old.tally)).unwrap_or_default();
        // A copy has no room to spare; what was just read from the store has, a third as much again as it needs.
        let instance = instance.clone();
        let snapshot = Arc::new(Snapshot { instance, last_modified, tally, is_running });
        let addresses = self.by_address.pin();
        for address in addresses_of(&snapshot.instance) {
            addresses.insert(address, Arc::clone(&snapshot));
        }
        self.all.pin().insert(snapshot.instance.id.clone(), snapshot);
    }

    /// Forgets the addresses that an instance had and has no longer. One that moved to another is that one's.
    fn forget_addresses(&self, old: &Arc<Snapshot>) {
        let addresses = self.by_address.pin();
        for address in addresses_of(&old.instance) {
            if addresses.get(&address).is_some_and(|owner| Arc::ptr_eq(owner, old)) {
                addresses.remove(&address);
            }
        }
    }
}

/// Every private address of an instance.
fn addresses_of(instance: &Instance) -> impl Iterator<Item = IpAddr> {
    instance.interfaces.iter().flat_map(|interface| {
        let v4 = interface.local_ipv4s.iter().copied().map(IpAddr::from);
        v4.chain(interface.ipv6s.iter().copied().map(IpAddr::from))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use imds_core::lifecycle::State;
    use imds_core::testing::{keyring, launch, noon, role, signature};
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn machine(id: &str, address: [u8; 4]) -> Machine {
        let mut launch = launch();
        launch.id = id.parse().unwrap();
        launch.local_ipv4 = Some(address.into());
        Machine::launched(launch.instance())
    }

    fn changed(machine: &Machine) -> Change {
        Change::Machine(machine.instance.id.clone(), Some(Box::new(machine.clone())))
    }

    fn found(registry: &Registry, address: [u8; 4]) -> Option<String> {
        let snapshot = registry.by_address(Ipv4Addr::from(address).into());
        snapshot.map(|snapshot| snapshot.instance.id.to_string())
    }

    fn place(listen: &str, is_default: bool) -> Place {
        Place { listen: vec![listen.parse().unwrap()], is_default, ..Place::default() }
    }

    #[test]
    fn an_instance_is_found_by_its_addresses_its_listen_and_as_the_default() {
        let registry = Registry::new(keyring());
        let one = machine("i-0000000a", [172, 31, 16, 10]);
        let id = one.instance.id.clone();
        registry.apply([Change::Place(id.clone(), Some(place("127.0.0.1:8080", true))), changed(&one)]);
        assert_eq!(found(&registry, [172, 31, 16, 10]).as_deref(), Some("i-0000000a"));
        assert!(registry.by_address("::ffff:172.31.16.10".parse().unwrap()).is_some());
        assert_eq!(found(&registry, [172, 31, 16, 11]), None);
        assert!(registry.by_listen("127.0.0.1:8080".parse().unwrap()).is_some());
        assert!(registry.by_listen("127.0.0.1:8081".parse().unwrap()).is_none());
        assert!(registry.default_instance().is_some());
        registry.apply([Change::Place(id.clone(), Some(place("127.0.0.1:8081", false)))]);
        assert!(registry.by_listen("127.0.0.1:8080".parse().unwrap()).is_none());
        assert!(registry.by_listen("127.0.0.1:8081".parse().unwrap()).is_some());
        assert!(registry.default_instance().is_none());
        registry.apply([Change::Place(id, None)]);
        assert!(registry.by_listen("127.0.0.1:8081".parse().unwrap()).is_none());
    }

    #[test]
    fn keys_before_the_current_one_end_by_the_machines_clock_wherever_the_services_stands() {
        let machine = Timestamp::now();
        let registry = Registry::new(keyring().rotated(&[8; 32], machine));
        let ahead = Clock::of_machine(machine).advanced(machine, "30d".parse().unwrap()).unwrap();
        registry.apply([Change::Clock(ahead)]);
        let ids = |seconds| {
            let later = machine + Duration::from_secs(seconds);
            registry.keyring_at(|| later).keys().map(imds_core::keyring::Key::id).collect::<Vec<_>>()
        };
        assert_eq!(registry.keyring().keys().count(), 2);
        assert_eq!((ids(21_599), ids(21_600), ids(0)), (vec![2, 1], vec![2], vec![2]));
        let no_time = || panic!("nobody asks for the time when there is one key");
        assert_eq!(Registry::new(keyring()).keyring_at(no_time).keys().count(), 1);
    }

    #[test]
    fn what_is_stopped_keeps_its_address_and_its_counters() {
        let registry = Registry::new(keyring());
        let mut one = machine("i-0000000a", [10, 0, 0, 5]);
        registry.apply([changed(&one)]);
        registry.all()[0].tally.count_status(200);
        for (state, is_running) in [
            (State::Stopping, false),
            (State::Stopped, false),
            (State::Pending, true),
            (State::Running, true),
        ] {
            one.state = state;
            registry.apply([changed(&one)]);
            assert_eq!(found(&registry, [10, 0, 0, 5]).as_deref(), Some("i-0000000a"), "{state}");
            assert_eq!(registry.all()[0].is_running, is_running, "{state}");
        }
        assert_eq!(registry.all()[0].tally.read().statuses[0], 1);
        one.state = State::ShuttingDown;
        registry.apply([changed(&one)]);
        assert!(registry.all().is_empty());
        registry.apply([Change::Machine(one.instance.id, None)]);
    }

    #[test]
    fn an_address_that_moved_stays_with_its_new_owner_in_either_order() {
        for is_first_gone in [true, false] {
            let registry = Registry::new(keyring());
            let mut one = machine("i-0000000a", [10, 0, 0, 5]);
            let two = machine("i-0000000b", [10, 0, 0, 5]);
            registry.apply([changed(&one)]);
            one.state = State::ShuttingDown;
            let changes = [changed(&one), changed(&two)];
            if is_first_gone {
                registry.apply(changes);
            } else {
                registry.apply(changes.into_iter().rev());
            }
            assert_eq!(found(&registry, [10, 0, 0, 5]).as_deref(), Some("i-0000000b"));
        }
    }

    #[test]
    fn the_default_moves_in_either_order() {
        for is_reversed in [false, true] {
            let registry = Registry::new(keyring());
            let (one, two) = (machine("i-0000000a", [10, 0, 0, 5]), machine("i-0000000b", [10, 0, 0, 6]));
            let placed = |machine: &Machine, is_default| {
                Change::Place(machine.instance.id.clone(), Some(place("127.0.0.1:8080", is_default)))
            };
            registry.apply([changed(&one), changed(&two), placed(&one, true)]);
            let mut moved = vec![placed(&one, false), placed(&two, true)];
            if is_reversed {
                moved.reverse();
            }
            registry.apply(moved);
            assert_eq!(registry.default_instance().unwrap().instance.id, two.instance.id);
        }
    }

    #[test]
    fn a_new_address_comes_and_the_old_one_goes() {
        let registry = Registry::new(keyring());
        registry.apply([changed(&machine("i-0000000a", [10, 0, 0, 5]))]);
        registry.apply([changed(&machine("i-0000000a", [10, 0, 0, 6]))]);
        assert_eq!(
            (found(&registry, [10, 0, 0, 5]), found(&registry, [10, 0, 0, 6]).is_some()),
            (None, true)
        );
    }

    #[test]
    fn a_role_comes_and_goes_beside_the_record() {
        let registry = Registry::new(keyring());
        let one = machine("i-0000000a", [10, 0, 0, 5]);
        let id = one.instance.id.clone();
        let has_role = || registry.all()[0].instance.role.is_some();
        registry.apply([Change::Role(id.clone(), Some(Box::new(role()))), changed(&one)]);
        assert!(has_role());
        registry.apply([changed(&one)]);
        assert!(has_role(), "a change of the machine leaves its role");
        assert_eq!(registry.all()[0].last_modified, http_date(noon()));
        registry.apply([Change::Role(id, None)]);
        assert!(!has_role());
    }

    #[test]
    fn a_signature_stays_beside_the_record_whichever_comes_first() {
        let registry = Registry::new(keyring());
        let one = machine("i-0000000a", [10, 0, 0, 5]);
        let id = one.instance.id.clone();
        let signed = || registry.all()[0].instance.signature.clone();
        let signature = Arc::new(signature(&one.instance));
        registry.apply([Change::Signature(id.clone(), Some(Arc::clone(&signature))), changed(&one)]);
        assert_eq!(signed().as_ref(), Some(&signature));
        registry.apply([Change::Machine(id.clone(), None)]);
        registry.apply([changed(&one)]);
        assert_eq!(signed().as_ref(), Some(&signature), "it is the signer that takes it back");
        registry.apply([Change::Signature(id.clone(), None)]);
        assert_eq!(signed(), None);
        registry.apply([Change::Signature(id, Some(signature))]);
        assert!(signed().is_some());
        assert_eq!(registry.all()[0].last_modified, http_date(noon()));
    }
}
