//! Latencies in fixed buckets: constant memory, and no bucket wider than 1/128 of its value.

/// Each power of two is split into this many buckets, as a power of two itself.
const SUB_BITS: u32 = 7;
const SUBS: u64 = 1 << SUB_BITS;
/// Values from 2^40 ns (18 minutes) on share the last bucket.
const MAX_BITS: u32 = 40;
const BUCKETS: usize = ((MAX_BITS - SUB_BITS + 1) as usize) << SUB_BITS;

/// Counts of latencies in nanoseconds.
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }

    /// Counts one value.
    pub(crate) fn record(&mut self, nanos: u64) {
        if let Some(count) = self.counts.get_mut(bucket(nanos)) {
            *count += 1;
            self.total += 1;
        }
    }

    /// How many values were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The value that `per_mille` of 1,000 values don't exceed: the upper edge of its bucket, so
    /// never told lower than it was. 0 when nothing was counted.
    pub(crate) fn quantile(&self, per_mille: u64) -> u64 {
        let rank = (self.total * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_edge(index);
            }
        }
        0
    }
}

/// Below 128 the buckets are exact; above, the exponent picks the row and the next 7 bits the
/// bucket.
fn bucket(value: u64) -> usize {
    let value = value.min((1 << MAX_BITS) - 1);
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(SUB_BITS + 1);
    let row = u64::from(shift) << SUB_BITS;
    usize::try_from(row + (value >> shift)).unwrap_or(BUCKETS - 1)
}

fn upper_edge(index: usize) -> u64 {
    let index = index as u64;
    if index < 2 * SUBS {
        return index;
    }
    let shift = (index >> SUB_BITS) - 1;
    let first = (index & (SUBS - 1)) + SUBS;
    ((first + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_edges_are_close() {
        let mut value = 1u64;
        let mut last = 0;
        while value < 1 << MAX_BITS {
            for v in [value - 1, value, value + value / 3] {
                let v = v.min((1 << MAX_BITS) - 1);
                let edge = upper_edge(bucket(v));
                assert!(edge >= v, "edge {edge} below {v}");
                assert!(edge - v <= v / SUBS, "edge {edge} too far from {v}");
            }
            assert!(bucket(value) > last || value == 1, "buckets must rise at {value}");
            last = bucket(value);
            value *= 2;
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn edges_and_buckets_agree_everywhere() {
        for index in 0..BUCKETS {
            assert_eq!(bucket(upper_edge(index)), index);
            if index + 1 < BUCKETS {
                assert_eq!(bucket(upper_edge(index) + 1), index + 1);
            }
        }
    }

    #[test]
    fn quantiles_of_known_values() {
        let mut h = Histogram::new();
        assert_eq!(h.quantile(500), 0);
        for v in 1..=100 {
            h.record(v);
        }
        assert_eq!(h.total(), 100);
        assert_eq!(h.quantile(500), 50);
        assert_eq!(h.quantile(990), 99);
        assert_eq!(h.quantile(1000), 100);
        h.record(5_000_000);
        let top = h.quantile(1000);
        assert!((5_000_000..5_040_000).contains(&top), "{top}");
    }
}
