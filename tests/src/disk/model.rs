//! The model of a disk: what is durable, what is not yet, and what a power cut leaves.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::content::Content;
use super::journal::{Inode, Noted, Operation};
use crate::random::Random;

/// What a power cut takes of all that is not durable.
#[derive(Debug, Clone)]
pub enum Losses {
    /// Nothing: the disk as running programs see it.
    Nothing,
    /// Everything.
    Everything,
    /// Each page and each name is spared by so many of a hundred.
    Random {
        /// Decides.
        random: Random,
        /// Of a hundred.
        spared: u64,
    },
}

impl Losses {
    /// Random losses, of which the seed also says how many.
    pub fn seeded(seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let spared = 10 + random.below(81);
        Self::Random { random, spared }
    }

    pub(super) fn spares_one(&mut self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Everything => false,
            Self::Random { random, spared } => random.below(100) < *spared,
        }
    }

    pub(super) fn spares_length_alone(&mut self) -> bool {
        match self {
            Self::Nothing | Self::Everything => false,
            Self::Random { random, .. } => random.below(4) == 0,
        }
    }
}

/// Every path below a folder; a folder has no content.
pub type Survivors = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// A disk, of which one folder matters.
#[derive(Debug, Clone)]
pub struct Disk {
    nodes: Vec<Node>,
    /// The node that an inode means now.
    known: HashMap<Inode, NodeId>,
    /// Changes of names that are not durable, in their order.
    pending: Vec<NameChange>,
}

type NodeId = usize;
/// The folder that matters.
const ROOT: NodeId = 0;

#[derive(Debug, Clone)]
enum Node {
    File(Content),
    /// Durable names.
    Folder(BTreeMap<String, NodeId>),
}

type Name = (NodeId, String);

#[derive(Debug, Clone)]
enum NameChange {
    Add { node: NodeId, name: Name },
    Remove { name: Name },
    Move { node: NodeId, from: Name, to: Name },
}

impl NameChange {
    fn is_in(&self, folder: NodeId) -> bool {
        match self {
            Self::Add { name, .. } | Self::Remove { name } => name.0 == folder,
            Self::Move { from, to, .. } => from.0 == folder || to.0 == folder,
        }
    }

    fn apply(&self, nodes: &mut [Node]) {
        match self {
            Self::Add { node, name } => nodes[name.0].set(&name.1, *node),
            Self::Remove { name } => nodes[name.0].clear(&name.1),
            Self::Move { node, from, to } => {
                nodes[from.0].clear(&from.1);
                nodes[to.0].set(&to.1, *node);
            }
        }
    }
}

impl Node {
    fn set(&mut self, name: &str, node: NodeId) {
        self.names().insert(name.to_owned(), node);
    }

    fn clear(&mut self, name: &str) {
        self.names().remove(name);
    }

    fn names(&mut self) -> &mut BTreeMap<String, NodeId> {
        match self {
            Self::Folder(names) => names,
            Self::File(_) => panic!("a file has no names in it"),
        }
    }
}

impl Disk {
    /// A disk on which a folder is durable as it is.
    pub fn of(folder: &Path) -> Self {
        let mut disk = Self { nodes: Vec::new(), known: HashMap::new(), pending: Vec::new() };
        disk.load(folder);
        disk
    }

    fn load(&mut self, path: &Path) -> NodeId {
        let metadata = fs::symlink_metadata(path).expect("it is there");
        if !metadata.is_dir() {
            let content = Content::durable(fs::read(path).expect("it can be read"));
            return self.add(metadata.ino(), Node::File(content));
        }
        let node = self.add(metadata.ino(), Node::Folder(BTreeMap::new()));
        let entries = fs::read_dir(path).expect("it can be listed");
        let names = entries
            .map(|entry| entry.expect("it can be listed"))
            .map(|entry| {
                let name = entry.file_name().into_string().expect("names are UTF-8");
                (name, self.load(&entry.path()))
            })
            .collect();
        self.nodes[node] = Node::Folder(names);
        node
    }

    fn add(&mut self, inode: Inode, node: Node) -> NodeId {
        self.nodes.push(node);
        self.known.insert(inode, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// The same disk after these operations.
    #[must_use]
    pub fn after(&self, operations: &[Noted]) -> Self {
        let mut disk = self.clone();
        for noted in operations {
            disk.apply(&noted.operation);
        }
        disk
    }

    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Write { inode, at, data } => self.content(*inode).write(*at, data),
            Operation::Length { inode, length } => self.content(*inode).set_length(*length),
            Operation::Sync { inode } => self.sync(self.known[inode]),
            Operation::FailedSync { inode } => {
                if let Node::File(content) = &mut self.nodes[self.known[inode]] {
                    content.lose();
                }
            }
            Operation::NewFile { inode, folder, name } => {
                let node = self.add(*inode, Node::File(Content::default()));
                self.name(node, *folder, name);
            }
            Operation::NewFolder { inode, folder, name } => {
                let node = self.add(*inode, Node::Folder(BTreeMap::new()));
                self.name(node, *folder, name);
            }
            Operation::Link { inode, folder, name } => self.name(self.known[inode], *folder, name),
            Operation::Unlink { folder, name } => {
                let name = (self.known[folder], name.clone());
                self.pending.push(NameChange::Remove { name });
            }
            Operation::Rename { inode, folder, name, to_folder, to_name } => {
                self.pending.push(NameChange::Move {
                    node: self.known[inode],
                    from: (self.known[folder], name.clone()),
                    to: (self.known[to_folder], to_name.clone()),
                });
            }
        }
    }

    fn content(&mut self, inode: Inode) -> &mut Content {
        match &mut self.nodes[self.known[&inode]] {
            Node::File(content) => content,
            Node::Folder(_) => panic!("a folder is not written"),
        }
    }

    fn name(&mut self, node: NodeId, folder: Inode, name: &str) {
        let name = (self.known[&folder], name.to_owned());
        self.pending.push(NameChange::Add { node, name });
    }

    fn sync(&mut self, node: NodeId) {
        if let Node::File(content) = &mut self.nodes[node] {
            return content.sync();
        }
        let (durable, pending): (Vec<_>, Vec<_>) =
            self.pending.drain(..).partition(|change| change.is_in(node));
        self.pending = pending;
        for change in durable {
            change.apply(&mut self.nodes);
        }
    }

    /// What is left when the power is cut now.
    pub fn after_power_cut(&self, mut losses: Losses) -> Survivors {
        let mut left = self.clone();
        for change in left.pending.iter().filter(|_| losses.spares_one()) {
            change.apply(&mut left.nodes);
        }
        let mut survivors = Survivors::new();
        left.collect(ROOT, Path::new(""), &mut losses, &mut survivors);
        survivors
    }

    fn collect(&self, node: NodeId, path: &Path, losses: &mut Losses, found: &mut Survivors) {
        match &self.nodes[node] {
            Node::File(content) => {
                found.insert(path.to_owned(), Some(content.survivor(losses)));
            }
            Node::Folder(names) => {
                found.insert(path.to_owned(), None);
                for (name, node) in names {
                    self.collect(*node, &path.join(name), losses, found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: Inode = 1 << 60;
    const FILE: Inode = FOLDER + 1;

    fn noted(operations: &[Operation]) -> Vec<Noted> {
        operations.iter().map(|operation| Noted { operation: operation.clone(), end: 0 }).collect()
    }

    /// A folder, a file in it, and one page in that.
    fn one_file(root: Inode) -> [Operation; 3] {
        [
            Operation::NewFolder { inode: FOLDER, folder: root, name: "a".to_owned() },
            Operation::NewFile { inode: FILE, folder: FOLDER, name: "b".to_owned() },
            Operation::Write { inode: FILE, at: 0, data: b"text".to_vec() },
        ]
    }

    /// What all losses leave of one file after these syncs.
    fn left_after(syncs: &[Inode]) -> Survivors {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::metadata(folder.path()).unwrap().ino();
        let mut operations = one_file(root).to_vec();
        let inode = |inode: &Inode| if *inode == 0 { root } else { *inode };
        operations.extend(syncs.iter().map(|sync| Operation::Sync { inode: inode(sync) }));
        let mut left =
            Disk::of(folder.path()).after(&noted(&operations)).after_power_cut(Losses::Everything);
        left.remove(Path::new(""));
        left
    }

    #[test]
    fn only_what_was_synced_survives() {
        let folder = || (PathBuf::from("a"), None);
        let file = |text: &str| (PathBuf::from("a/b"), Some(text.as_bytes().to_vec()));
        assert_eq!(left_after(&[0, FOLDER, FILE]), Survivors::from([folder(), file("text")]));
        assert_eq!(left_after(&[0, FOLDER]), Survivors::from([folder(), file("")]));
        assert_eq!(left_after(&[0, FILE]), Survivors::from([folder()]));
        assert_eq!(left_after(&[FOLDER, FILE]), Survivors::new());
    }

    #[test]
    fn a_move_happens_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("new"), "new").unwrap();
        fs::write(folder.path().join("old"), "old").unwrap();
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        let root = inode(folder.path());
        let disk = Disk::of(folder.path()).after(&noted(&[Operation::Rename {
            inode: inode(&folder.path().join("new")),
            folder: root,
            name: "new".to_owned(),
            to_folder: root,
            to_name: "old".to_owned(),
        }]));
        let old = |text: &str| (PathBuf::from("old"), Some(text.as_bytes().to_vec()));
        let new = (PathBuf::from("new"), Some(b"new".to_vec()));
        let root = (PathBuf::new(), None);
        let before = Survivors::from([root.clone(), old("old"), new]);
        let after = Survivors::from([root, old("new")]);
        assert_eq!(disk.after_power_cut(Losses::Everything), before);
        assert_eq!(disk.after_power_cut(Losses::Nothing), after);
        for seed in 0..20 {
            let left = disk.after_power_cut(Losses::seeded(seed));
            assert!(left == before || left == after, "{left:?}");
        }
    }
}
