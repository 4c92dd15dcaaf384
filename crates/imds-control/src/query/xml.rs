//! Writing XML: elements, text, lists.

use std::fmt::{Display, Write as _};

use imds_core::Timestamp;

/// Elements that are being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Xml {
    out: String,
    item: &'static str,
}

impl Xml {
    /// Elements whose lists have `<item>`s, as EC2's.
    pub(crate) fn ec2() -> Self {
        Self { out: String::new(), item: "item" }
    }

    /// Elements whose lists have `<member>`s, as those of the other services.
    pub(crate) fn query() -> Self {
        Self { out: String::new(), item: "member" }
    }

    /// `<name>text</name>`
    pub(crate) fn text(&mut self, name: &str, text: impl Display) -> &mut Self {
        let _ = write!(self.out, "<{name}>");
        escape(&mut self.out, &text.to_string());
        let _ = write!(self.out, "</{name}>");
        self
    }

    /// An element, if it has a text.
    pub(crate) fn option(&mut self, name: &str, text: Option<impl Display>) -> &mut Self {
        if let Some(text) = text {
            self.text(name, text);
        }
        self
    }

    /// `<name>2026-11-24T14:49:29.000Z</name>`
    pub(crate) fn time(&mut self, name: &str, at: Timestamp) -> &mut Self {
        self.text(name, time(at))
    }

    /// `<name/>`
    pub(crate) fn empty(&mut self, name: &str) -> &mut Self {
        let _ = write!(self.out, "<{name}/>");
        self
    }

    /// An element with elements in it.
    pub(crate) fn within(&mut self, name: &str, write: impl FnOnce(&mut Self)) -> &mut Self {
        let _ = write!(self.out, "<{name}>");
        write(self);
        let _ = write!(self.out, "</{name}>");
        self
    }

    /// A list: an element with an element for each item.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        let tag = self.item;
        self.within(name, |xml| {
            for item in items {
                xml.within(tag, |xml| write(xml, item));
            }
        })
    }

    /// A list of texts.
    pub(crate) fn texts<T: Display>(&mut self, name: &str, items: impl IntoIterator<Item = T>) -> &mut Self {
        let tag = self.item;
        self.within(name, |xml| {
            for item in items {
                xml.text(tag, item);
            }
        })
    }

    /// What was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.out
    }
}

/// A time as it is told, and as filters know it: `2026-11-24T14:49:29.000Z`.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Writes text so that it reads back as it was; what XML cannot hold is replaced.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A bare one would be read as a line feed.
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_nest_and_text_is_escaped() {
        let mut xml = Xml::ec2();
        xml.text("id", "a<b>&\"\r\0").option("none", None::<u8>).empty("userData");
        xml.list("tagSet", [("k", 1)], |xml, (key, value)| {
            xml.text("key", key).text("value", value);
        });
        xml.texts("ids", ["x"]);
        assert_eq!(
            xml.as_str(),
            "<id>a&lt;b&gt;&amp;&quot;&#13;\u{fffd}</id><userData/><tagSet><item><key>k</key><value>1</value></item></tagSet>\
             <ids><item>x</item></ids>"
        );
        let mut xml = Xml::query();
        xml.texts("Names", ["x"]);
        assert_eq!(xml.as_str(), "<Names><member>x</member></Names>");
        let mut xml = Xml::ec2();
        xml.time("at", imds_core::testing::noon());
        assert_eq!(xml.as_str(), "<at>2026-11-24T12:00:00.000Z</at>");
    }
}
