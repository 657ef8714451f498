//! What a stack is to be: resources, and what each waits for.
//!
//! The rule: a resource can refer only to what was added before it, since a [`Handle`] comes from
//! [`Graph::add`] alone. So there are no cycles and no dangling references, and the order of
//! adding is an order in which everything can be made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::resource::reference::references;
use crate::resource::{Address, Handle, Resource};

/// The resources of a stack, in an order in which they can be made.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    places: BTreeMap<Address, usize>,
}

/// One resource as it is wanted.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands.
    pub address: Address,
    /// What follows the stack's name in its own name; empty for the main one of its kind.
    pub suffix: String,
    /// What is wanted, serialized, with references in it.
    pub spec: Value,
    /// What must be there first. One entry a resource, the stronger wait winning.
    pub waits: Vec<Wait>,
    /// The properties that are somebody else's to set: what is declared of them counts only while
    /// the resource is made.
    pub others: BTreeSet<String>,
}

/// The properties of resources that are somebody else's to set.
pub type Others = BTreeMap<Address, BTreeSet<String>>;

/// That one resource waits for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// For which.
    pub on: Address,
    /// Until what.
    pub until: Until,
    /// Why, for people.
    pub why: String,
}

/// What is waited for: that something exists, or that it works.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Its id is known.
    Exists,
    /// It works.
    Ready,
}

impl Wait {
    /// Waits until `other` exists, an order that no reference carries.
    pub fn exists<R>(other: &Handle<R>, why: &str) -> Self {
        Self { on: other.address().clone(), until: Until::Exists, why: why.into() }
    }

    /// Waits until `other` works.
    pub fn ready<R>(other: &Handle<R>, why: &str) -> Self {
        Self { on: other.address().clone(), until: Until::Ready, why: why.into() }
    }
}

impl Graph {
    /// Adds a resource that waits for what it refers to, and for nothing else.
    pub fn add<R: Resource>(&mut self, name: &str, spec: R) -> Handle<R> {
        self.add_after(name, spec, [])
    }

    /// Adds a resource that waits for what it refers to, and for `waits` besides.
    ///
    /// # Panics
    ///
    /// When the address is taken, or a wait names what is not there: a stack names each resource
    /// once, and handles come from this graph.
    pub fn add_after<R: Resource>(
        &mut self,
        name: &str,
        spec: R,
        waits: impl IntoIterator<Item = Wait>,
    ) -> Handle<R> {
        let address = Address::new(R::KIND, name);
        let spec = serde_json::to_value(spec).expect("a spec is made of maps, lists and scalars");
        let mut all: BTreeMap<Address, Wait> = BTreeMap::new();
        for reference in references(&spec) {
            let why = format!("refers to its {}", reference.output.replace('_', " "));
            let wait = Wait { on: reference.address.clone(), until: Until::Exists, why };
            all.entry(reference.address).or_insert(wait);
        }
        for wait in waits {
            all.insert(wait.on.clone(), wait);
        }
        for on in all.keys() {
            assert!(self.places.contains_key(on), "{address} waits for {on}, which was not added");
        }
        let place = self.nodes.len();
        let taken = self.places.insert(address.clone(), place);
        assert!(taken.is_none(), "{address} was added twice");
        let waits = all.into_values().collect();
        let (suffix, others) = (String::new(), BTreeSet::new());
        self.nodes.push(Node { address: address.clone(), suffix, spec, waits, others });
        Handle::to(address)
    }

    /// Lets the resource's own name end in `suffix`: for the second of a kind.
    pub fn name_with<R>(&mut self, handle: &Handle<R>, suffix: &str) {
        if let Some(place) = self.places.get(handle.address()) {
            self.nodes[*place].suffix = suffix.into();
        }
    }

    /// Leaves a property of the resource to somebody else, once it is made.
    pub fn leave_to_others<R>(&mut self, handle: &Handle<R>, property: &str) {
        if let Some(place) = self.places.get(handle.address()) {
            self.nodes[*place].others.insert(property.into());
        }
    }

    /// What is left to others, of all resources.
    pub fn others(&self) -> Others {
        let left = self.nodes.iter().filter(|node| !node.others.is_empty());
        left.map(|node| (node.address.clone(), node.others.clone())).collect()
    }

    /// A graph of resources that are in an order in which they can be made.
    pub fn of(nodes: Vec<Node>) -> Self {
        let places = nodes.iter().enumerate().map(|(place, node)| (node.address.clone(), place));
        Self { places: places.collect(), nodes }
    }

    /// The resources, in an order in which they can be made.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The resource at an address.
    pub fn get(&self, address: &Address) -> Option<&Node> {
        self.places.get(address).map(|place| &self.nodes[*place])
    }

    /// The graph in the language of Graphviz, with the reasons on the edges.
    pub fn to_dot(&self) -> String {
        let mut dot = String::from("digraph stack {\n  rankdir=RL;\n  node [shape=box];\n");
        for node in &self.nodes {
            let _ = writeln!(dot, "  \"{}\";", node.address);
        }
        for (node, wait) in self.edges() {
            let style = if wait.until == Until::Ready { ", style=bold" } else { "" };
            let _ = writeln!(
                dot,
                "  \"{}\" -> \"{}\" [label=\"{}\"{style}];",
                node.address,
                wait.on,
                label(wait)
            );
        }
        dot.push_str("}\n");
        dot
    }

    /// The graph in the language of Mermaid, with the reasons on the edges.
    pub fn to_mermaid(&self) -> String {
        let mut mermaid = String::from("flowchart RL\n");
        for (place, node) in self.nodes.iter().enumerate() {
            let _ = writeln!(mermaid, "  n{place}[\"{}\"]", node.address);
        }
        for (node, wait) in self.edges() {
            let (from, to) = (self.places[&node.address], self.places[&wait.on]);
            let arrow = if wait.until == Until::Ready { "==>" } else { "-->" };
            let _ = writeln!(mermaid, "  n{from} {arrow}|\"{}\"| n{to}", label(wait));
        }
        mermaid
    }

    /// The graph for programs: the resources, and for each edge both ends, what is waited for, and
    /// why.
    pub fn to_value(&self) -> Value {
        let resources: Vec<&Address> = self.nodes.iter().map(|node| &node.address).collect();
        let waits: Vec<Value> = self
            .edges()
            .map(|(node, Wait { on, until, why })| {
                json!({"resource": node.address, "on": on, "until": until, "why": why})
            })
            .collect();
        json!({"resources": resources, "waits": waits})
    }

    fn edges(&self) -> impl Iterator<Item = (&Node, &Wait)> {
        self.nodes.iter().flat_map(|node| node.waits.iter().map(move |wait| (node, wait)))
    }
}

fn label(wait: &Wait) -> String {
    let words = wait.why.replace('"', "'");
    if wait.until == Until::Ready { format!("once ready: {words}") } else { words }
}
