//! XML answers, read into a tree: names, texts, children. The answers of AWS need nothing else of XML.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// How deep an answer may be; EC2's are not half as deep.
const DEEPEST: usize = 64;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    name: String,
    text: String,
    children: Vec<Self>,
}

/// What came is not XML, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl Element {
    /// Reads a document, and gives its root.
    ///
    /// # Errors
    /// When it is not well-formed.
    pub fn parse(document: &str) -> Result<Self, Malformed> {
        let mut reader = Reader::from_str(document);
        // The elements that are open; the first stands around the root.
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|_| Malformed)? {
                Event::Start(start) if open.len() <= DEEPEST => {
                    open.push(Self::named(start.local_name().as_ref()));
                }
                Event::Start(_) => return Err(Malformed),
                Event::Empty(start) => {
                    let element = Self::named(start.local_name().as_ref());
                    open.last_mut().ok_or(Malformed)?.children.push(element);
                }
                Event::End(_) => {
                    let element = open.pop().ok_or(Malformed)?;
                    open.last_mut().ok_or(Malformed)?.children.push(element);
                }
                Event::Text(text) => open.last_mut().ok_or(Malformed)?.text.push_str(&text.xml10_content()),
                Event::CData(text) => open.last_mut().ok_or(Malformed)?.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let text = &mut open.last_mut().ok_or(Malformed)?.text;
                    match reference.resolve_char_ref().map_err(|_| Malformed)? {
                        Some(character) => text.push(character),
                        None => text.push_str(resolve_predefined_entity(&reference).ok_or(Malformed)?),
                    }
                }
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                // Nothing that answers here declares a type, and nothing good comes of one.
                Event::DocType(_) => return Err(Malformed),
                Event::Eof => break,
            }
        }
        match (open.pop(), open.pop()) {
            (Some(mut around), None) if around.children.len() == 1 => around.children.pop().ok_or(Malformed),
            _ => Err(Malformed),
        }
    }

    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The element's name, without a prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first element at a path of names: `instanceState/name`.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/')
            .try_fold(self, |element, name| element.children.iter().find(|child| child.name == name))
    }

    /// The text there.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path).map(|element| element.text.as_str())
    }

    /// The members of a list of EC2: each `item` below the element there.
    pub fn items(&self, path: &str) -> impl Iterator<Item = &Self> {
        self.list(path, "item")
    }

    /// The members of a list of the other services: each `member` below the element there.
    pub fn members(&self, path: &str) -> impl Iterator<Item = &Self> {
        self.list(path, "member")
    }

    fn list(&self, path: &str, name: &'static str) -> impl Iterator<Item = &Self> {
        let list = self.at(path).map(|element| &element.children[..]).unwrap_or_default();
        list.iter().filter(move |child| child.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_a_tree() {
        let root = Element::parse(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<XResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n\
             <tagSet><item><key>a&amp;b</key><value>&#x3c;&#252;&gt; </value></item><other/><item><key>c</key><value/></item>\
             </tagSet><state><name>running</name></state><raw><![CDATA[<&>]]></raw></XResponse>\n",
        )
        .unwrap();
        assert_eq!(root.name(), "XResponse");
        let tags: Vec<_> = root.items("tagSet").map(|tag| (tag.text("key"), tag.text("value"))).collect();
        assert_eq!(tags, [(Some("a&b"), Some("<ü> ")), (Some("c"), Some(""))]);
        assert_eq!(root.text("state/name"), Some("running"));
        assert_eq!(root.text("raw"), Some("<&>"));
        assert_eq!((root.text("state/code"), root.items("nothing").count()), (None, 0));
        let root = Element::parse("<R><Ids><member>a</member><x/><member/></Ids></R>").unwrap();
        assert_eq!((root.members("Ids").count(), root.items("Ids").count()), (2, 0));
    }

    #[test]
    fn what_is_not_a_whole_document_is_refused() {
        let deep = "<a>".repeat(100) + &"</a>".repeat(100);
        for text in [
            "",
            "ok\n",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "</a>",
            "<a>&nbsp;</a>",
            "<!DOCTYPE a><a/>",
            "{\"a\":1}",
            &deep,
        ] {
            assert_eq!(Element::parse(text), Err(Malformed), "{text}");
        }
    }
}
