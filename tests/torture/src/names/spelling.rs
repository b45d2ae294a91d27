//! Other spellings of a name: the same to a careless reader, and not the same name.

use crate::random::Random;

/// Letters, digits and signs, and what looks like them or folds to them.
const ALIKE: &[(char, &[char])] = &[
    ('a', &['а', 'ａ', 'á', 'A', 'ª']),
    ('b', &['ｂ', 'B', 'Ь']),
    ('c', &['с', 'ｃ', 'C']),
    ('e', &['е', 'ｅ', 'é', 'E', 'ℯ']),
    ('i', &['і', 'ı', 'İ', 'ｉ', 'I', 'l', '1']),
    ('k', &['\u{212a}', 'к', 'ｋ', 'K']),
    ('l', &['ⅼ', '1', 'I', 'L']),
    ('m', &['ｍ', 'M', 'ⅿ']),
    ('n', &['ｎ', 'N']),
    ('s', &['\u{17f}', 'ѕ', 'ｓ', 'S']),
    ('w', &['ｗ', 'W']),
    ('y', &['у', 'ｙ', 'Y']),
    ('N', &['n', 'Ｎ']),
    ('/', &['\u{2215}', '\u{2044}', '\u{ff0f}', '\\', ':']),
    (':', &['\u{ff1a}', '\u{a789}', ';', '/', '.']),
    ('-', &['\u{2010}', '\u{2212}', '\u{ad}', '_']),
    ('0', &['O', 'o', '\u{660}', '０']),
    ('1', &['l', 'I', '\u{661}', '１', '¹']),
    ('2', &['\u{662}', '２', '²']),
    ('3', &['\u{663}', '３']),
    ('4', &['\u{664}', '４']),
];
/// What a reader may pass over.
const UNSEEN: [&str; 14] = [
    " ", "\t", "\n", "\r\n", "\0", "\u{200b}", "\u{feff}", "\u{202e}", "\u{301}", "\u{a0}", "\"",
    "%00", "+", "%20",
];
/// What a path may hold and still lead to the same place.
const STEPS: [&str; 8] = ["./", "../", "/", "//", "%2e%2e/", "x/../", "%2F", "%252F"];
/// Parts of an ARN, each of which makes another name of a name.
const PARTS: [(&str, &str); 14] = [
    ("arn:aws:", "arn:aws-cn:"),
    ("arn:aws:", "arn::"),
    ("arn:aws:", "ARN:AWS:"),
    ("arn:aws-cn:", "arn:aws:"),
    ("arn:aws-us-gov:", "arn:aws:"),
    (":kms:", ":KMS:"),
    (":kms:", ":s3:"),
    (":kms:", "::"),
    ("eu-central-1", "eu-central-2"),
    ("eu-central-1", "EU-CENTRAL-1"),
    ("111122223333", "111122223334"),
    ("111122223333", "444455556666"),
    (":key/", ":alias/"),
    (":alias/", ":key/alias/"),
];
const MORE_PARTS: [(&str, &str); 8] = [
    (":key/", ":key/key/"),
    (":key/", ":KEY/"),
    (":key/", ":key:"),
    ("alias/", "alias/alias/"),
    ("alias/", "Alias/"),
    ("alias/", ""),
    ("key/", ""),
    (":111122223333:", "::"),
];
const ENDS: [&str; 9] = ["*", "?", "/", ":", "/*", ":*", "\u{301}", "#x", "?x=y"];

/// The name as it is, or changed once or twice.
pub(crate) fn respelled(name: &str, random: &mut Random) -> String {
    let mut name = name.to_owned();
    for _ in 0..random.below(3) {
        name = once(&name, random);
    }
    name
}

fn once(name: &str, random: &mut Random) -> String {
    let characters: Vec<char> = name.chars().collect();
    let at = random.below(characters.len() + 1);
    let (before, after) = characters.split_at_checked(at).unwrap_or_default();
    let (before, mut after) = (before.iter().collect::<String>(), after.iter().copied());
    let insert = |text: &str, after: &mut dyn Iterator<Item = char>| {
        format!("{before}{text}{}", after.collect::<String>())
    };
    match random.below(11) {
        0 => name.to_uppercase(),
        1 => match after.next() {
            Some(letter) if letter.is_lowercase() => {
                insert(&letter.to_uppercase().to_string(), &mut after)
            }
            Some(letter) => insert(&letter.to_lowercase().to_string(), &mut after),
            None => name.to_owned(),
        },
        2 | 3 => alike(name, random),
        4 => insert(random.pick(&UNSEEN).copied().unwrap_or_default(), &mut after),
        5 => match after.next() {
            Some(letter) => {
                let mut room = [0; 4];
                let bytes = letter.encode_utf8(&mut room).bytes();
                let escaped: String = bytes.map(|byte| format!("%{byte:02X}")).collect();
                insert(&escaped, &mut after)
            }
            None => name.to_owned(),
        },
        6 => {
            let step = random.pick(&STEPS).copied().unwrap_or_default();
            match name.split_once('/') {
                Some((head, rest)) => format!("{head}/{step}{rest}"),
                None => format!("{step}{name}"),
            }
        }
        7 | 8 => {
            let all = if random.below(2) == 0 { &PARTS[..] } else { &MORE_PARTS[..] };
            let (from, to) = random.pick(all).copied().unwrap_or_default();
            name.replacen(from, to, 1)
        }
        9 => format!("{name}{}", random.pick(&ENDS).copied().unwrap_or_default()),
        _ => {
            after.next();
            insert("", &mut after)
        }
    }
}

/// Some characters become others that look like them.
fn alike(name: &str, random: &mut Random) -> String {
    let mut replace = |letter: char| {
        let (_, others) = ALIKE.iter().find(|(known, _)| *known == letter)?;
        if random.below(6) == 0 { random.pick(others).copied() } else { None }
    };
    name.chars().map(|letter| replace(letter).unwrap_or(letter)).collect()
}

/// Writes the name as a JSON text, with escapes by chance: they are no other spelling.
pub(crate) fn as_json(name: &str, random: &mut Random, out: &mut String) {
    let escapes = random.below(2) == 0;
    out.push('"');
    for letter in name.chars() {
        let special = letter < ' ' || matches!(letter, '"' | '\\');
        if special || (escapes && random.below(4) == 0) {
            let mut room = [0; 2];
            for unit in letter.encode_utf16(&mut room) {
                *out += &format!("\\u{unit:04x}");
            }
        } else {
            out.push(letter);
        }
    }
    out.push('"');
}
