//! An environment as it is at one moment, for whoever copies it (`docs/adr/0015`).
//!
//! The ledger is copied first, and decides what of every target belongs to the copy.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use millstream_backup::{FrozenDatabase, HeldDatabase, Item, Nature, Need};
use millstream_core::asset::{AssetKey, AssetKind};
use millstream_core::effect::EffectId;
use millstream_core::error::{Plain, Result};
use millstream_core::id::AttemptId;
use millstream_core::topic::Topic as _;
use millstream_core::warehouse::Warehouse as _;
use millstream_engine::Publications;
use millstream_ledger::LedgerCopy;
use millstream_project::BRANCH_FILE;
use millstream_stream::{OperationalLocation, TopicMark};

use super::opened::Opened;
use super::releases::{RELEASES, ReleaseFiles, ReleaseHold};

/// The file of the ledger in an environment.
pub const LEDGER: &str = "ledger.db";
/// The file of the operational database in an environment, unless it lies elsewhere.
pub const OPERATIONAL: &str = "operational.db";
/// What is not copied file by file, or not at all: a copy of a branch is none, and the processes of
/// commands belong to the original, so that no copy may end them.
const OWN_WAY: [&str; 10] = [
    "lake",
    "topics",
    "models",
    "raw",
    "spill",
    "commands",
    RELEASES,
    LEDGER,
    OPERATIONAL,
    BRANCH_FILE,
];

/// An environment at one moment.
#[derive(Debug)]
pub struct FrozenEnvironment<'o> {
    opened: &'o Opened,
    ledger: LedgerCopy,
    databases: Vec<Item>,
    marks: BTreeMap<String, TopicMark>,
    /// What attempts that had not ended have published, as a whole.
    published: BTreeSet<EffectId>,
    attempts: BTreeSet<AttemptId>,
    lake: PathBuf,
    left_out: Vec<String>,
    /// Keeps the files of releases in their place.
    _releases: Option<ReleaseHold>,
}

impl<'o> FrozenEnvironment<'o> {
    /// The environment as it is now; copies of its databases are written into a folder.
    pub async fn freeze(opened: &'o Opened, scratch: &Path) -> Result<Self> {
        let lake = opened.engine.folder().ok_or_else(remote_lake)?.to_owned();
        let mut marks = BTreeMap::new();
        for name in opened.topics.list()? {
            if let Some(topic) = opened.topics.existing(&name)? {
                marks.insert(name, topic.mark()?);
            }
        }
        let mut left_out = Vec::new();
        let operational = match opened.operational_location()? {
            OperationalLocation::Sqlite(path) => Some(path),
            OperationalLocation::Postgres(_) => {
                left_out.push("the operational database in PostgreSQL".to_owned());
                None
            }
        };
        let releases = ReleaseFiles::of(&opened.project.home, &opened.project.environment.name);
        let releases = releases.is_there().then(|| releases.hold()).transpose()?;
        let databases = copy_databases(opened.ledger.path(), operational.as_deref(), scratch)?;
        let ledger = LedgerCopy::open(&scratch.join(LEDGER))?;
        let mut frozen = Self {
            opened,
            ledger,
            databases,
            marks,
            published: BTreeSet::new(),
            attempts: BTreeSet::new(),
            lake,
            left_out,
            _releases: releases,
        };
        frozen.settle(scratch).await?;
        Ok(frozen)
    }

    /// What the copy does not have, for people.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// All files but those of topics.
    pub async fn files(&self) -> Result<Vec<Item>> {
        let mut items = self.databases.clone();
        items.extend(self.others()?);
        items.extend(self.models()?);
        items.extend(self.raw()?);
        items.extend(self.releases()?);
        items.extend(self.tables().await?);
        Ok(items)
    }

    /// The files of topics. They are looked at when all others are copied: what a step keeps for a
    /// topic until it has published goes once it is there.
    pub fn topics(&self) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        for name in self.opened.topics.list()? {
            let Some(topic) = self.opened.topics.existing(&name)? else { continue };
            let mark = self.marks.get(&name).copied();
            let folder = format!("topics/{name}-0");
            for segment in topic.extent(mark, &|effect| self.has_effect(effect))? {
                items.push(Item {
                    path: format!("{folder}/{}", segment.name),
                    from: segment.path,
                    bytes: segment.bytes,
                    nature: if segment.sealed { Nature::Sealed } else { Nature::Changing },
                    need: Need::Required,
                });
            }
        }
        Ok(items)
    }

    /// Decides about the attempts that may be publishing: their effects belong to the copy if the
    /// first of them is at its target now, and none does otherwise, as recovery decides it.
    async fn settle(&mut self, scratch: &Path) -> Result<()> {
        for attempt in self.ledger.intended()? {
            let Some((asset, effect)) = attempt.effects.first() else { continue };
            if self.is_published(asset, effect, scratch).await? {
                self.published.extend(attempt.effects.into_iter().map(|(_, effect)| effect));
                self.attempts.insert(attempt.attempt);
            }
        }
        Ok(())
    }

    async fn is_published(
        &self,
        asset: &AssetKey,
        effect: &EffectId,
        scratch: &Path,
    ) -> Result<bool> {
        let opened = self.opened;
        Ok(match asset.kind {
            AssetKind::Table => match asset.relation() {
                Some(relation) => opened.engine.find(&relation, effect).await?.is_some(),
                None => false,
            },
            AssetKind::Model => opened.registry.find(&asset.name, effect)?.is_some(),
            AssetKind::Topic => match opened.topics.existing(&asset.name)? {
                Some(topic) => topic.find(effect).await?.is_some(),
                None => false,
            },
            // The copy is asked: the database has gone on.
            AssetKind::Operational => {
                let location = match opened.operational_location()? {
                    OperationalLocation::Sqlite(_) => {
                        OperationalLocation::Sqlite(scratch.join(OPERATIONAL))
                    }
                    remote @ OperationalLocation::Postgres(_) => remote,
                };
                let database =
                    millstream_stream::operational::open(&location, opened.clock.clone()).await?;
                database.find(effect).await?.is_some()
            }
            // A command has no target: its intent says that it ended well.
            AssetKind::Step => true,
            AssetKind::Deployment => false,
        })
    }

    fn has_effect(&self, effect: &EffectId) -> Result<bool> {
        Ok(self.published.contains(effect) || self.ledger.has_ended(effect)?)
    }

    fn has_attempt(&self, attempt: AttemptId) -> Result<bool> {
        Ok(self.attempts.contains(&attempt) || self.ledger.has_ended_attempt(attempt)?)
    }

    async fn tables(&self) -> Result<Vec<Item>> {
        let publications = Publications {
            has_effect: &|effect| self.has_effect(effect),
            has_attempt: &|attempt| self.has_attempt(attempt),
        };
        let mut items = Vec::new();
        for relation in self.opened.engine.tables().await? {
            let receipt = self.ledger.current(&AssetKey::table(&relation))?;
            // The version of a view, and of what was dropped, is none of the table's log.
            let is_table = |detail: &serde_json::Value| {
                detail.get("view").is_none() && detail.get("dropped").is_none()
            };
            let from = receipt.filter(|receipt| is_table(&receipt.detail)).map(|r| r.version);
            let extent = self.opened.engine.extent(&relation, from, publications).await?;
            items.extend(extent.files.into_iter().map(|file| Item {
                from: self.lake.join(&file.path),
                path: format!("lake/{}", file.path),
                bytes: file.bytes,
                nature: Nature::Sealed,
                need: if file.needed { Need::Required } else { Need::Optional },
            }));
        }
        Ok(items)
    }

    fn models(&self) -> Result<Vec<Item>> {
        let registry = &self.opened.registry;
        let root = self.root().join("models");
        let mut items = Vec::new();
        for attempt in names_in(&root.join(".staging"))? {
            if self.belongs(&attempt)? {
                let staged = format!("models/.staging/{attempt}");
                items.extend(self.walk(&staged, Nature::Changing, Need::Optional)?);
            }
        }
        for model in registry.models()? {
            for version in registry.versions(&model)? {
                if self.has_effect(&registry.manifest(&model, version)?.effect)? {
                    let folder = format!("models/{model}/{version}");
                    items.extend(self.walk(&folder, Nature::Sealed, Need::Required)?);
                }
            }
        }
        Ok(items)
    }

    /// The loads of raw input; what expires meanwhile is left out as a whole.
    fn raw(&self) -> Result<Vec<Item>> {
        let root = self.root().join("raw");
        let mut items = Vec::new();
        for source in names_in(&root)? {
            for stream in names_in(&root.join(&source))? {
                for load in names_in(&root.join(&source).join(&stream))? {
                    if self.belongs(&load)? {
                        let folder = format!("raw/{source}/{stream}/{load}");
                        items.extend(self.walk(&folder, Nature::Sealed, Need::WithFolder)?);
                    }
                }
            }
        }
        Ok(items)
    }

    /// The files of releases; the folders that they are read from are made again.
    fn releases(&self) -> Result<Vec<Item>> {
        self.walk(&format!("{RELEASES}/objects"), Nature::Sealed, Need::Required)
    }

    /// Whatever else lies in the environment: its format, logs, what steps keep.
    fn others(&self) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        for name in names_in(self.root())? {
            // A database has its log beside it.
            let is_of = |own: &&str| name == **own || name.starts_with(&format!("{own}-"));
            let has_its_own_way = OWN_WAY.iter().any(is_of);
            if !has_its_own_way {
                items.extend(self.walk(&name, Nature::Changing, Need::Optional)?);
            }
        }
        Ok(items)
    }

    /// Whether what is named after an attempt belongs to the copy.
    fn belongs(&self, name: &str) -> Result<bool> {
        name.parse().map_or(Ok(false), |attempt| self.has_attempt(attempt))
    }

    /// A file of the environment, or all files below a folder.
    fn walk(&self, path: &str, nature: Nature, need: Need) -> Result<Vec<Item>> {
        let from = self.root().join(path);
        if from.is_dir() {
            let mut items = Vec::new();
            for name in names_in(&from)? {
                items.extend(self.walk(&format!("{path}/{name}"), nature, need)?);
            }
            return Ok(items);
        }
        match from.metadata() {
            Ok(found) => {
                let bytes = found.len();
                Ok(vec![Item { path: path.to_owned(), from, bytes, nature, need }])
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(unreadable(&from, &error)),
        }
    }

    fn root(&self) -> &Path {
        &self.opened.project.environment.root
    }
}

/// Copies of the ledger and the operational database, both of the same moment: while the one is
/// looked at, nobody writes to the other. So every effect that the operational database has is one
/// of an attempt that the ledger knows, and none that the ledger calls committed is missing.
fn copy_databases(ledger: &Path, operational: Option<&Path>, scratch: &Path) -> Result<Vec<Item>> {
    let held = operational.map(HeldDatabase::hold).transpose()?.flatten();
    let frozen_ledger = FrozenDatabase::of(ledger)?;
    let frozen_operational = match held {
        Some(held) => {
            let frozen = held.freeze()?;
            held.release()?;
            Some(frozen)
        }
        None => None,
    };
    let mut items = Vec::new();
    let frozen = [(LEDGER, Some(frozen_ledger)), (OPERATIONAL, frozen_operational)];
    for (name, frozen) in frozen {
        let Some(frozen) = frozen else { continue };
        let from = scratch.join(name);
        frozen.copy_to(&from)?;
        let bytes = from.metadata().map_err(|error| unreadable(&from, &error))?.len();
        let path = name.to_owned();
        items.push(Item { path, from, bytes, nature: Nature::Changing, need: Need::Required });
    }
    Ok(items)
}

/// That an environment with a lake in an object store cannot be copied.
pub fn remote_lake() -> millstream_core::Error {
    Plain::user("backup.remote_lake", "the lake of the environment lies in an object store")
        .with_hint("let the object store keep versions and copies of its own")
        .into()
}

fn names_in(folder: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| unreadable(folder, &error))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

fn unreadable(path: &Path, error: &io::Error) -> millstream_core::Error {
    Plain::external("backup.io", format!("{}: {error}", path.display()))
        .with_hint("check the disk and the rights, and run the command again")
        .into()
}
