//! The walk through everything that a version lists, as cloud-init does it.

use crate::http::Answer;
use crate::outcome::Stop;
use crate::session::Session;
use std::collections::BTreeSet;

/// More nodes than any instance has; a listing that lists itself stops here.
const MOST_NODES: usize = 5_000;
/// Deeper than any category.
const DEEPEST: usize = 12;

/// One path that was found, and what it answered.
pub(crate) struct Node {
    /// Below the version, as in `meta-data/placement/`; a directory ends with a slash.
    pub(crate) path: String,
    /// What it answered, with a token.
    pub(crate) answer: Answer,
}

impl Node {
    /// Whether its parent says that it is a directory.
    pub(crate) fn is_directory(&self) -> bool {
        self.path.is_empty() || self.path.ends_with('/')
    }

    /// What a directory lists.
    pub(crate) fn entries(&self) -> Vec<String> {
        let text = self.answer.text();
        if !self.is_directory() || self.answer.status != 200 || text.is_empty() {
            return Vec::new();
        }
        text.split('\n').map(str::to_owned).collect()
    }
}

/// Everything that is listed under one version.
pub(crate) struct Tree {
    /// The version, as in a path.
    pub(crate) version: String,
    /// The version's own listing first, then what it lists.
    pub(crate) nodes: Vec<Node>,
}

impl Tree {
    /// The node of a path below the version.
    pub(crate) fn node(&self, path: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.path == path)
    }

    /// The value of a leaf that is listed and answers 200.
    pub(crate) fn value(&self, path: &str) -> Option<String> {
        self.node(path).filter(|node| node.answer.status == 200).map(|node| node.answer.text())
    }

    /// The values of a leaf that has one a line.
    pub(crate) fn lines(&self, path: &str) -> Vec<String> {
        self.value(path).map(|text| text.split('\n').map(str::to_owned).collect()).unwrap_or_default()
    }

    /// All directories.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_directory())
    }

    /// All leaves.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| !node.is_directory())
    }

    /// The whole path of a node.
    pub(crate) fn full(&self, node: &Node) -> String {
        format!("/{}/{}", self.version, node.path)
    }

    /// The directory of each network interface, below the version.
    pub(crate) fn interfaces(&self) -> Vec<String> {
        let macs = "meta-data/network/interfaces/macs/";
        let listed = self.node(macs).map(Node::entries).unwrap_or_default();
        listed.iter().filter(|entry| entry.ends_with('/')).map(|entry| format!("{macs}{entry}")).collect()
    }

    /// The directory of device 0, the primary interface.
    pub(crate) fn primary(&self) -> Option<String> {
        let is_first =
            |directory: &String| self.value(&format!("{directory}device-number")).as_deref() == Some("0");
        self.interfaces().into_iter().find(is_first)
    }
}

/// Walks everything that a version lists. What answers something other than 200 is kept as it is.
pub(crate) fn crawl(session: &Session, version: &str) -> Result<Tree, Stop> {
    let mut tree = Tree { version: version.to_owned(), nodes: Vec::new() };
    let mut open = vec![String::new()];
    let mut seen = BTreeSet::new();
    while let Some(path) = open.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let node = Node { answer: session.get(&format!("/{version}/{path}"))?, path };
        if node.path.matches('/').count() < DEEPEST {
            open.extend(
                node.entries()
                    .iter()
                    .rev()
                    .map(|entry| format!("{}{}", node.path, target(&node.path, entry))),
            );
        }
        tree.nodes.push(node);
        if tree.nodes.len() > MOST_NODES {
            return Err(Stop::Fail(format!("/{version}/ lists more than {MOST_NODES} names")));
        }
    }
    Ok(tree)
}

/// The path that a listed name stands for: the version's own directories are listed without a slash, and
/// `0=name` among the public keys means `0/`.
pub(crate) fn target(parent: &str, entry: &str) -> String {
    match (parent, entry.split_once('=')) {
        ("", _) if entry == "meta-data" || entry == "dynamic" => format!("{entry}/"),
        ("meta-data/public-keys/", Some((index, _))) => format!("{index}/"),
        _ => entry.to_owned(),
    }
}
