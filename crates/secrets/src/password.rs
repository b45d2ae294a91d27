//! Random passwords (API Reference, GetRandomPassword).

use bulla_crypto::{Crypto, SecretBytes};
use bulla_plane::Stop;
use bulla_shapes::Fault;

use crate::fault;

const LOWERCASE: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &[u8] = b"0123456789";
const PUNCTUATION: &[u8] = b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const SPACE: &[u8] = b" ";

/// How long a password is, unless something else is asked for.
pub(crate) const USUAL_LENGTH: usize = 32;

/// What a password is made of.
pub(crate) struct Recipe<'a> {
    pub(crate) length: usize,
    /// Characters that do not occur.
    pub(crate) without: &'a str,
    pub(crate) numbers: bool,
    pub(crate) punctuation: bool,
    pub(crate) uppercase: bool,
    pub(crate) lowercase: bool,
    pub(crate) space: bool,
    /// Whether each kind occurs.
    pub(crate) each_kind: bool,
}

impl Recipe<'_> {
    /// The characters of each kind that may occur.
    fn kinds(&self) -> Result<Vec<Vec<u8>>, Fault> {
        let kinds = [
            (self.lowercase, LOWERCASE),
            (self.uppercase, UPPERCASE),
            (self.numbers, NUMBERS),
            (self.punctuation, PUNCTUATION),
            (self.space, SPACE),
        ];
        let without = self.without.as_bytes();
        let rest = |kind: &[u8]| -> Vec<u8> {
            kind.iter().copied().filter(|letter| !without.contains(letter)).collect()
        };
        let mut left = Vec::new();
        for (_, kind) in kinds.into_iter().filter(|(wanted, _)| *wanted) {
            let kind = rest(kind);
            // AWS's texts are not recorded; these are ours.
            if kind.is_empty() && self.each_kind {
                return Err(fault::invalid_parameter(
                    "ExcludeCharacters leaves nothing of a type that the password must have.",
                ));
            }
            left.push(kind);
        }
        if left.iter().all(Vec::is_empty) {
            let text = "The password must have at least one type of characters.";
            return Err(fault::invalid_parameter(text));
        }
        if self.each_kind && self.length < left.len() {
            let text = "Password length is too short based on the required types.";
            return Err(fault::invalid_parameter(text));
        }
        Ok(left)
    }

    /// A new password.
    pub(crate) fn make(&self, crypto: &Crypto) -> Result<SecretBytes, Stop> {
        let kinds = self.kinds()?;
        let all: Vec<u8> = kinds.concat();
        let mut dice = Dice { crypto, drawn: SecretBytes::zeroed(0), at: 0 };
        let mut password = SecretBytes::zeroed(self.length);
        let required = if self.each_kind { kinds.as_slice() } else { &[] };
        let mut required = required.iter();
        for letter in password.expose_mut() {
            *letter = dice.pick(required.next().unwrap_or(&all))?;
        }
        // The required ones stand first: mix all (Fisher and Yates).
        let letters = password.expose_mut();
        for at in (1..letters.len()).rev() {
            letters.swap(at, dice.below(at + 1)?);
        }
        Ok(password)
    }
}

/// How many random bytes are drawn at once.
const DRAW: usize = 256;

/// Numbers that are as likely as each other.
struct Dice<'c> {
    crypto: &'c Crypto,
    drawn: SecretBytes,
    at: usize,
}

impl Dice<'_> {
    fn byte(&mut self) -> Result<u8, Stop> {
        if self.at >= self.drawn.len() {
            self.drawn = self.crypto.random_secret(DRAW)?;
            self.at = 0;
        }
        let byte = self.drawn.expose().get(self.at).copied();
        self.at += 1;
        byte.ok_or(Stop::Internal)
    }

    /// A number below another, which is at most 65,536. What would make small ones likelier is
    /// thrown again.
    fn below(&mut self, end: usize) -> Result<usize, Stop> {
        const ALL: usize = 1 << 16;
        let fair = ALL - ALL % end.max(1);
        loop {
            let thrown = usize::from(u16::from_be_bytes([self.byte()?, self.byte()?]));
            if thrown < fair {
                return Ok(thrown % end.max(1));
            }
        }
    }

    fn pick(&mut self, letters: &[u8]) -> Result<u8, Stop> {
        let at = self.below(letters.len())?;
        letters.get(at).copied().ok_or(Stop::Internal)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usual() -> Recipe<'static> {
        Recipe {
            length: USUAL_LENGTH,
            without: "",
            numbers: true,
            punctuation: true,
            uppercase: true,
            lowercase: true,
            space: false,
            each_kind: true,
        }
    }

    fn made(recipe: &Recipe<'_>) -> Result<String, String> {
        match recipe.make(&Crypto::standard()) {
            Ok(password) => Ok(String::from_utf8(password.into_vec()).unwrap()),
            Err(Stop::Fault(fault)) => Err(fault.message.unwrap_or_default().into_owned()),
            Err(_) => panic!("our fault"),
        }
    }

    #[test]
    fn each_kind_occurs_in_the_shortest_password() {
        for _ in 0..200 {
            let password = made(&Recipe { length: 5, space: true, ..usual() }).unwrap();
            for kind in [LOWERCASE, UPPERCASE, NUMBERS, PUNCTUATION, SPACE] {
                assert!(password.bytes().any(|letter| kind.contains(&letter)), "{password:?}");
            }
        }
        let short = made(&Recipe { length: 3, ..usual() });
        assert!(short.unwrap_err().starts_with("Password length is too short"));
        assert_eq!(made(&Recipe { length: 1, each_kind: false, ..usual() }).unwrap().len(), 1);
    }

    #[test]
    fn nothing_is_left_of_nothing() {
        let none = Recipe {
            numbers: false,
            punctuation: false,
            uppercase: false,
            lowercase: false,
            ..usual()
        };
        assert!(made(&none).is_err());
        let numbers = Recipe { numbers: true, without: "0123456789", ..none };
        assert!(made(&numbers).is_err());
        assert!(made(&Recipe { each_kind: false, ..numbers }).is_err());
        assert!(made(&Recipe { each_kind: false, without: "0123456789", ..usual() }).is_ok());
    }

    #[test]
    fn all_places_and_letters_are_as_likely() {
        let recipe = Recipe {
            punctuation: false,
            uppercase: false,
            lowercase: false,
            length: 4_096,
            ..usual()
        };
        let mut counts = [0_u32; 10];
        for letter in made(&recipe).unwrap().bytes() {
            counts[usize::from(letter - b'0')] += 1;
        }
        // 410 are expected of each, and eight standard deviations are 154.
        assert!(counts.iter().all(|count| (256..564).contains(count)), "{counts:?}");
    }

    proptest! {
        #[test]
        fn what_is_excluded_does_not_occur(
            without in "[ -~]{0,40}", length in 5_usize..200, space: bool,
        ) {
            let recipe = Recipe { length, without: &without, space, each_kind: false, ..usual() };
            if let Ok(password) = made(&recipe) {
                prop_assert_eq!(password.len(), length);
                prop_assert!(!password.contains(|letter| without.contains(letter)));
                prop_assert!(space || !password.contains(' '));
            }
        }
    }
}
