//! One field of a cron expression: numbers, names, ranges, steps and lists of them.

/// What numbers a field may have, and how they may be called.
pub(super) struct Kind {
    pub(super) first: u16,
    pub(super) last: u16,
    /// The names of the numbers from the first on.
    pub(super) names: &'static [&'static str],
}

/// The numbers of a field, in order.
pub(super) type Numbers = Vec<u16>;

impl Kind {
    /// Reads a field, if a text is one.
    pub(super) fn numbers(&self, text: &str) -> Option<Numbers> {
        let mut numbers = Numbers::new();
        for part in text.split(',') {
            let (span, step) = match part.split_once('/') {
                Some((span, step)) => {
                    (span, Some(step.parse::<u16>().ok().filter(|step| *step > 0)?))
                }
                None => (part, None),
            };
            let (first, last) = match span.split_once('-') {
                Some((first, last)) => (self.number(first)?, self.number(last)?),
                None if span == "*" => (self.first, self.last),
                // A number with a step goes on to the end.
                None if step.is_some() => (self.number(span)?, self.last),
                None => (self.number(span)?, self.number(span)?),
            };
            if first > last {
                return None;
            }
            numbers.extend((first..=last).step_by(usize::from(step.unwrap_or(1))));
        }
        numbers.sort_unstable();
        numbers.dedup();
        Some(numbers)
    }

    /// One number, or the name of one.
    pub(super) fn number(&self, text: &str) -> Option<u16> {
        let named = self.names.iter().zip(self.first..);
        let named = named.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = named.map(|(_, number)| number);
        let number = number.or_else(|| text.parse().ok().filter(|_| plain))?;
        (self.first..=self.last).contains(&number).then_some(number)
    }
}
