//! XML as a tree, for comparing: enough of a parser for the protocol cases' own documents.

/// An element. Namespaces are left out: AWS's clients don't look at them.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub(crate) struct Element {
    pub(crate) name: String,
    attributes: Vec<String>,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// The same with siblings in an order of their own wherever names differ: members and map
    /// entries have no order.
    pub(crate) fn sorted(mut self) -> Self {
        self.children = self.children.into_iter().map(Self::sorted).collect();
        self.children.sort_by(|a, b| a.name.cmp(&b.name));
        let entry = |child: &Self| child.name == "entry" || child.children.len() == 2;
        if self.children.iter().all(entry) {
            self.children.sort();
        }
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.children.retain(|child| child.name != name);
        self
    }
}

pub(crate) fn parse(text: &str) -> Element {
    let mut rest = text.trim();
    if let Some(after) = rest.strip_prefix("<?") {
        rest = after.split_once("?>").expect("a closed declaration").1.trim();
    }
    let (element, rest) = element(rest);
    assert_eq!(rest.trim(), "", "something follows the document");
    element
}

fn element(text: &str) -> (Element, &str) {
    let text = text.strip_prefix('<').expect("an element");
    let (tag, mut rest) = text.split_once('>').expect("a closed tag");
    let (tag, empty) = match tag.strip_suffix('/') {
        Some(tag) => (tag, true),
        None => (tag, false),
    };
    let mut parts = tag.split_whitespace();
    let name = parts.next().expect("a name").to_owned();
    let attributes = parts.filter(|part| !part.starts_with("xmlns")).map(str::to_owned).collect();
    let mut this = Element { name, attributes, text: String::new(), children: Vec::new() };
    if empty {
        return (this, rest);
    }
    loop {
        let (content, after) = rest.split_at(rest.find('<').expect("an end tag"));
        this.text.push_str(content);
        if let Some(after) = after.strip_prefix("</") {
            let (name, after) = after.split_once('>').expect("a closed end tag");
            assert_eq!(name, this.name);
            if !this.children.is_empty() || this.text.trim().is_empty() {
                this.text = String::new();
            }
            return (this, after);
        }
        let (child, after) = element(after);
        this.children.push(child);
        rest = after;
    }
}
