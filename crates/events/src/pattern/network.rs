//! Networks in CIDR notation, and the addresses in them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    first: u128,
    last: u128,
    v4: bool,
}

impl Network {
    /// A network as it is written, or why it is none, in AWS's words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split('/');
        let (Some(address), Some(bits), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err("Malformed CIDR, one '/' required".to_owned());
        };
        let Ok(bits) = bits.parse::<u32>() else {
            return Err("Malformed CIDR, mask bits must be an integer".to_owned());
        };
        let Some(address) = strict(address) else {
            return Err(format!("Nonstandard IP address: {address}"));
        };
        let (name, width) = if address.is_ipv4() { ("IPv4", 32) } else { ("IPv6", 128) };
        if bits > width {
            return Err(format!("{name} mask bits must be < {width}"));
        }
        let (number, v4) = number(address);
        let host = u128::MAX.checked_shr(128 - width + bits).unwrap_or(0);
        Ok(Self { first: number & !host, last: number | host, v4 })
    }

    /// The network of one address.
    pub(crate) fn one(address: IpAddr) -> Self {
        let (number, v4) = number(address);
        Self { first: number, last: number, v4 }
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (number, v4) = number(address);
        v4 == self.v4 && (self.first..=self.last).contains(&number)
    }
}

/// An address, if a text is one and nothing else.
pub(crate) fn strict(text: &str) -> Option<IpAddr> {
    let v4 = text.parse::<Ipv4Addr>().map(IpAddr::V4);
    v4.or_else(|_| text.parse::<Ipv6Addr>().map(IpAddr::V6)).ok()
}

fn number(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), true),
        IpAddr::V6(address) => (u128::from(address), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_the_addresses_of_their_bits() {
        for (network, address, within) in [
            ("10.0.0.0/24", "10.0.0.255", true),
            ("10.0.0.0/24", "10.0.1.0", false),
            ("10.0.0.77/8", "10.9.9.9", true),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("10.0.0.1/32", "10.0.0.1", true),
            ("10.0.0.1/32", "10.0.0.2", false),
            ("2001:db8:1234:1a00::/56", "2001:0db8:1234:1a00::1", true),
            ("2001:db8:1234:1a00::/56", "2001:db8:1234:1b00::1", false),
            ("::/0", "::ffff:1.2.3.4", true),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), within, "{network:?} {address}");
        }
        for (text, told) in [
            ("10.0.0.0", "Malformed CIDR, one '/' required"),
            ("10.0.0.0/8/8", "Malformed CIDR, one '/' required"),
            ("10.0.0.0/x", "Malformed CIDR, mask bits must be an integer"),
            ("xx.11.xx/8", "Nonstandard IP address: xx.11.xx"),
            ("10.0.0.0/33", "IPv4 mask bits must be < 32"),
        ] {
            assert_eq!(Network::parse(text).unwrap_err(), told);
        }
    }
}
