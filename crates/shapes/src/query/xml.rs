//! XML text: elements, and what must be escaped within them.

/// Appends `<name`; attributes and [`close_start`] follow.
pub(super) fn start(name: &str, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
}

/// Appends an attribute to a start tag.
pub(super) fn attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    text(value, out);
    out.push(b'"');
}

/// Ends a start tag.
pub(super) fn close_start(out: &mut Vec<u8>) {
    out.push(b'>');
}

/// Appends `</name>`.
pub(super) fn end(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// Appends an element that holds text alone.
pub(super) fn leaf(name: &str, content: &str, out: &mut Vec<u8>) {
    start(name, out);
    close_start(out);
    text(content, out);
    end(name, out);
}

/// Appends text. What XML 1.0 can't carry at all becomes U+FFFD; a carriage return is written as a
/// reference, since parsers would turn it into a line feed.
pub(super) fn text(content: &str, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for c in content.chars() {
        let escaped = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\r' => "&#xD;",
            '\t' | '\n' => c.encode_utf8(&mut buffer),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => "\u{fffd}",
            _ => c.encode_utf8(&mut buffer),
        };
        out.extend_from_slice(escaped.as_bytes());
    }
}
