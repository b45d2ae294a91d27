//! IP addresses and networks as AWS reads them, which is laxer and stricter than the standards.
//!
//! Recorded: IPv4 networks may have host bits, IPv6 networks may not; leading zeros are decimal; a
//! text is split at its one `::`, and then at colons, where empty groups at the end vanish and
//! other empty groups are zero; a mapped IPv4 value is an IPv4 address.

/// The address of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    V4(u32),
    V6(u128),
}

/// An operand of IpAddress and NotIpAddress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    V4 { network: u32, mask: u32 },
    V6 { network: u128, mask: u128 },
}

/// The upper 96 bits of IPv4-mapped addresses.
const MAPPED: u128 = 0xFFFF;
const GROUPS: usize = 8;

impl Address {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !text.contains(':') {
            return parse_v4(text).map(Address::V4);
        }
        let (address, dotted) = parse_v6(text)?;
        if address >> 32 == MAPPED {
            let low = address & u128::from(u32::MAX);
            return u32::try_from(low).ok().map(Address::V4);
        }
        (!dotted).then_some(Address::V6(address))
    }
}

impl Network {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(read_prefix(prefix)?)),
            None => (text, None),
        };
        if !address.contains(':') {
            let mask = mask(prefix.unwrap_or(32), 32)? as u32;
            return Some(Network::V4 { network: parse_v4(address)? & mask, mask });
        }
        let mask = mask(prefix.unwrap_or(128), 128)?;
        match parse_v6(address)? {
            (network, false) if network & mask == network => Some(Network::V6 { network, mask }),
            _ => None,
        }
    }

    pub(super) fn contains(&self, address: &Address) -> bool {
        match (self, address) {
            (Network::V4 { network, mask }, Address::V4(address)) => address & mask == *network,
            (Network::V6 { network, mask }, Address::V6(address)) => address & mask == *network,
            _ => false,
        }
    }
}

/// The mask of a prefix in the low `width` bits.
fn mask(prefix: u32, width: u32) -> Option<u128> {
    let host = width.checked_sub(prefix)?;
    let all = u128::MAX >> (128 - width);
    Some(all & u128::MAX.checked_shl(host).unwrap_or(0))
}

fn read_prefix(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn parse_v4(text: &str) -> Option<u32> {
    let mut address = 0u32;
    let mut parts = 0;
    for part in text.split('.') {
        if part.is_empty() || part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        address = address.checked_shl(8)? | u32::from(part.parse::<u8>().ok()?);
        parts += 1;
        if parts > 4 {
            return None;
        }
    }
    (parts == 4).then_some(address)
}

/// The address, and whether its end was written as a dotted quad.
fn parse_v6(text: &str) -> Option<(u128, bool)> {
    let Some((before, after)) = text.split_once("::") else {
        let (groups, dotted) = Groups::parse(text)?;
        return (groups.count == GROUPS).then_some((groups.value(), dotted));
    };
    if after.contains("::") {
        return None;
    }
    let (left, left_dotted) = Groups::parse(before)?;
    let (right, dotted) = Groups::parse(after)?;
    if left_dotted || left.count + right.count >= GROUPS {
        return None;
    }
    let shift = 16 * (GROUPS - left.count) as u32;
    let high = left.value().checked_shl(shift).unwrap_or(0);
    Some((high | right.value(), dotted))
}

#[derive(Default)]
struct Groups {
    groups: [u16; GROUPS],
    count: usize,
}

impl Groups {
    fn parse(text: &str) -> Option<(Self, bool)> {
        let mut groups = Self::default();
        let mut dotted = false;
        let kept = text.trim_end_matches(':');
        if kept.is_empty() {
            return Some((groups, false));
        }
        for group in kept.split(':') {
            if dotted {
                return None;
            }
            if group.contains('.') {
                let quad = parse_v4(group)?;
                groups.push((quad >> 16) as u16)?;
                groups.push(quad as u16)?;
                dotted = true;
            } else {
                groups.push(read_group(group)?)?;
            }
        }
        Some((groups, dotted))
    }

    fn push(&mut self, group: u16) -> Option<()> {
        *self.groups.get_mut(self.count)? = group;
        self.count += 1;
        Some(())
    }

    fn value(&self) -> u128 {
        self.groups.iter().take(self.count).fold(0, |value, group| value << 16 | u128::from(*group))
    }
}

/// Up to four hexadecimal digits; an empty group is zero.
fn read_group(text: &str) -> Option<u16> {
    match text.len() {
        0 => Some(0),
        1..=4 if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u16::from_str_radix(text, 16).ok()
        }
        _ => None,
    }
}
