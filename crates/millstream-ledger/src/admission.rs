//! Which steps may begin, of those that must have something of a pool or a mutex. Pure.
//!
//! Nothing is counted up and down: who has what is read from the attempts that live, so that a
//! process that dies gives back what it had by dying.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::execution::{Resource, Share};
use millstream_core::id::RunId;

/// Occupants that are named to people.
const NAMED_MAX: usize = 3;

/// The place of a step among those that wait: the lowest begins first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    priority: Reverse<i32>,
    due_at: Timestamp,
    since: Timestamp,
}

impl Rank {
    /// Higher priorities first, then what is due sooner, then what waits longer.
    pub fn new(priority: i32, due_at: Option<Timestamp>, since: Timestamp) -> Self {
        let never = Timestamp::from_micros(i64::MAX);
        Self { priority: Reverse(priority), due_at: due_at.unwrap_or(never), since }
    }

    /// Since when it waits.
    pub(crate) fn since(self) -> Timestamp {
        self.since
    }
}

/// An attempt that has something of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// Its run.
    pub run: RunId,
    /// The asset of its step.
    pub asset: AssetKey,
    /// Of what it has something.
    pub resource: Resource,
    /// How much.
    pub slots: u32,
}

/// A step that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiter {
    pub(crate) run: RunId,
    pub(crate) asset: AssetKey,
    pub(crate) rank: Rank,
    pub(crate) shares: Vec<Share>,
}

impl Waiter {
    pub(crate) fn key(&self) -> (RunId, AssetKey) {
        (self.run, self.asset.clone())
    }
}

/// For what a step waits, and on whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The first resource that it lacks.
    pub resource: Resource,
    /// How many slots it wants of it.
    pub wants: u32,
    /// How many slots there are.
    pub limit: u32,
    /// Who has them.
    pub by: Vec<Occupant>,
    /// Steps that wait for it too and come first.
    pub ahead: usize,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken: u32 = self.by.iter().map(|occupant| occupant.slots).sum();
        match &self.resource {
            Resource::Pool(_) => {
                write!(f, "{} has {taken} of {} slots taken", self.resource, self.limit)?;
            }
            Resource::Mutex(_) => write!(f, "{} is taken", self.resource)?,
        }
        let named = self.by.iter().take(NAMED_MAX);
        for (position, occupant) in named.enumerate() {
            let word = if position == 0 { " by" } else { "," };
            write!(f, "{word} {} of run {}", occupant.asset.name, occupant.run.short())?;
        }
        match self.by.len().saturating_sub(NAMED_MAX) {
            0 => {}
            more => write!(f, " and {more} more")?,
        }
        if self.ahead > 0 {
            write!(f, "; {} come first", self.ahead)?;
        }
        Ok(())
    }
}

/// Those of the waiting steps that may begin now.
///
/// They are taken by rank. One for which there is no place keeps those behind it from what it
/// lacks, so that many small ones never starve a large one; of other resources it keeps nothing.
pub(crate) fn admitted(occupants: &[Occupant], waiters: &[Waiter]) -> BTreeSet<(RunId, AssetKey)> {
    let mut taken = taken(occupants);
    let mut ordered: Vec<&Waiter> = waiters.iter().collect();
    ordered.sort_by(|a, b| (a.rank, a.run, &a.asset).cmp(&(b.rank, b.run, &b.asset)));
    let mut admitted = BTreeSet::new();
    for waiter in ordered {
        let lacking: Vec<&Share> =
            waiter.shares.iter().filter(|share| !fits(share, &taken)).collect();
        let is_admitted = lacking.is_empty();
        let kept = if is_admitted { waiter.shares.iter().collect() } else { lacking };
        for share in kept {
            let slots = taken.entry(&share.resource).or_default();
            *slots = slots.saturating_add(wanted(share));
        }
        if is_admitted {
            admitted.insert(waiter.key());
        }
    }
    admitted
}

/// What this step lacks; none if there is nothing.
pub(crate) fn wait_of(me: &Waiter, occupants: &[Occupant], waiters: &[Waiter]) -> Option<Wait> {
    if admitted(occupants, waiters).contains(&me.key()) {
        return None;
    }
    let ahead_of = |share: &Share| {
        let wants = |it: &&Waiter| it.shares.iter().any(|s| s.resource == share.resource);
        let first = |it: &&Waiter| it.rank < me.rank && it.key() != me.key();
        waiters.iter().filter(wants).filter(first).count()
    };
    let taken = taken(occupants);
    let share = me.shares.iter().find(|share| !fits(share, &taken));
    let share = share.or_else(|| me.shares.iter().max_by_key(|share| ahead_of(share)))?;
    let by = occupants.iter().filter(|occupant| occupant.resource == share.resource);
    Some(Wait {
        resource: share.resource.clone(),
        wants: wanted(share),
        limit: share.limit,
        by: by.cloned().collect(),
        ahead: ahead_of(share),
    })
}

fn taken(occupants: &[Occupant]) -> BTreeMap<&Resource, u32> {
    let mut taken: BTreeMap<&Resource, u32> = BTreeMap::new();
    for occupant in occupants {
        let slots = taken.entry(&occupant.resource).or_default();
        *slots = slots.saturating_add(occupant.slots);
    }
    taken
}

fn fits(share: &Share, taken: &BTreeMap<&Resource, u32>) -> bool {
    let taken = taken.get(&share.resource).copied().unwrap_or(0);
    taken.saturating_add(wanted(share)) <= share.limit
}

/// Who wants more than there is takes all there is.
pub(crate) fn wanted(share: &Share) -> u32 {
    share.slots.min(share.limit)
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
