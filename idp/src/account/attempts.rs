//! How many tries a factor allows, from where, before it makes somebody wait.
//!
//! A try is counted before it is judged, in a bucket made of factor, what is tried and the network it comes from, and in
//! one of factor and network alone. A device on which the person has signed in before has a bucket of its own and no
//! other: whatever strangers do, elsewhere or in the same network, the person's own device goes on. Known and unknown
//! numbers are counted alike.

use std::net::IpAddr;

use verifier::time::Timestamp;

use crate::digest;

/// For how long a bucket remembers its tries after the last one.
pub const MEMORY_SECONDS: i64 = 3_600;
/// Waits after the allowed tries are spent, one step longer with each further try; the last stays.
pub const WAITS: [i64; 4] = [30, 60, 120, 300];

/// A counter of tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its key.
    pub key: String,
    /// How many tries pass without a wait.
    pub allowed: i64,
}

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// A password.
    Password,
    /// A passkey.
    Passkey,
    /// A registration (asking registers, sending a message).
    Registration,
    /// A code from a message.
    Code,
}

impl Tried {
    const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::Registration => "registration",
            Self::Code => "code",
        }
    }

    /// Tries of one person's factor from one network or device.
    const fn of_account(self) -> i64 {
        match self {
            Self::Password => 5,
            Self::Passkey | Self::Registration | Self::Code => 10,
        }
    }

    /// Tries of one network for all persons: a hall's many citizens share an address.
    const fn of_source(self) -> i64 {
        match self {
            Self::Password | Self::Code | Self::Registration => 60,
            Self::Passkey => 300,
        }
    }
}

/// Tried in vain too often: come back then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// In how many seconds, at least 1.
    pub seconds: u32,
}

impl Wait {
    /// Until an instant.
    pub fn until(at: Timestamp, now: Timestamp) -> Self {
        let seconds = at.seconds().saturating_sub(now.seconds()).clamp(1, 3_600);
        Self { seconds: u32::try_from(seconds).expect("clamped") }
    }
}

/// The buckets that a try is counted in, the person's and the network's. `account` is the digest of what names the person, known
/// or not.
pub fn buckets(tried: Tried, account: &str, source: Option<IpAddr>) -> [Bucket; 2] {
    let network = network(source);
    let key = digest::parts(&["account", tried.name(), account, &network]);
    [Bucket { key, allowed: tried.of_account() }, source_bucket(tried, &network)]
}

/// A try of a password: counted at the person's own device alone if it comes from there, which the store sees; else at person
/// and network.
#[derive(Clone, Debug)]
pub struct PasswordTry {
    /// The person's bucket in this network.
    pub account: Bucket,
    /// The network's bucket.
    pub network: Bucket,
    /// The digest of the device that the browser says it is, or empty.
    pub device: String,
    /// How many tries pass at the person's own device.
    pub device_allowed: i64,
}

impl PasswordTry {
    /// A try from there at what names a person.
    pub fn new(account: &str, source: Option<IpAddr>, device: &str) -> Self {
        let [account, network] = buckets(Tried::Password, account, source);
        Self { account, network, device: device.to_owned(), device_allowed: 2 * Tried::Password.of_account() }
    }
}

/// How many registrations of one number pass without a wait, from wherever: each sends messages to its holder, and tries of
/// its codes come from as many networks as somebody can rent.
const REGISTRATIONS_OF_NUMBER: i64 = 20;

/// The bucket of a number's registrations from all networks together. Its holder, signed in or at a device where he has signed in
/// before, has an `own` one, named by that: strangers' tries keep nobody waiting there.
pub fn of_number(account: &str, own: Option<&str>) -> Bucket {
    let key = own.map_or_else(
        || digest::parts(&["number", Tried::Registration.name(), account]),
        |own| digest::parts(&["own", Tried::Registration.name(), account, own]),
    );
    Bucket { key, allowed: REGISTRATIONS_OF_NUMBER }
}

/// How many tries of codes sent to one number's holder pass without a wait, whichever registrations they belong to.
const CODES_OF_NUMBER: i64 = 10;
/// Waits after these, longer than others: six digits are few, and a new code is no new chance. After an hour without a try the
/// count begins anew, so that some hundred tries a day are left to a guesser who sends the holder as many messages.
pub const WAITS_OF_CODES: [i64; 4] = [60, 300, 900, 900];

/// The bucket of the codes sent to a number's holder, all registrations together. A `device` where the person has signed in before has
/// one of its own: strangers' tries keep nobody waiting there.
pub fn of_codes(account: &str, device: Option<&str>) -> Bucket {
    let key = device.map_or_else(
        || digest::parts(&["number", Tried::Code.name(), account]),
        |device| digest::parts(&["device", Tried::Code.name(), account, device]),
    );
    Bucket { key, allowed: CODES_OF_NUMBER }
}

/// The bucket of a network alone.
pub fn of_source(tried: Tried, source: Option<IpAddr>) -> Bucket {
    source_bucket(tried, &network(source))
}

fn source_bucket(tried: Tried, network: &str) -> Bucket {
    Bucket { key: digest::parts(&["source", tried.name(), network]), allowed: tried.of_source() }
}

/// An IPv4 address, or the /64 of an IPv6 address: what one subscriber has.
pub(crate) fn network(source: Option<IpAddr>) -> String {
    match source.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
        None => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(account: &str, source: &str) -> [String; 2] {
        let source = Some(source.parse().expect("an address"));
        buckets(Tried::Password, account, source).map(|bucket| bucket.key)
    }

    #[test]
    fn buckets_keep_people_and_networks_apart() {
        let base = keys("a", "203.0.113.1");
        assert_eq!(keys("b", "203.0.113.1")[1], base[1], "one network");
        assert_ne!(keys("b", "203.0.113.1")[0], base[0]);
        assert_ne!(keys("a", "203.0.113.2")[0], base[0]);
        assert_eq!(keys("a", "::ffff:203.0.113.1"), base);
        assert_eq!(keys("a", "2001:db8::1"), keys("a", "2001:db8::ffff"));
    }

    #[test]
    fn a_wait_is_bounded() {
        let now = Timestamp::from_seconds(1_000);
        for (until, seconds) in [(1_000, 1), (900, 1), (1_030, 30), (i64::MAX, 3_600)] {
            assert_eq!(Wait::until(Timestamp::from_seconds(until), now).seconds, seconds, "{until}");
        }
    }
}
