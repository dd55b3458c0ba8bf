//! From a selection to what it selects.

use std::cell::RefCell;

use super::error::SelectError;
use super::glob::Glob;
use super::methods;
use super::spec::{Combination, Criterion, How, Indirect, Method, Spec};
use super::yaml::Selectors;
use super::{Bits, Given, Graph};

/// What a selection is about: a graph, and what its methods may ask.
#[derive(Debug)]
pub(crate) struct Evaluation<'a, 'm> {
    pub(crate) graph: &'a Graph<'m>,
    pub(crate) given: &'a Given<'a>,
    pub(crate) selectors: &'a Selectors,
    /// What may come out at the end.
    pub(crate) wanted: Bits,
    pub(crate) warnings: RefCell<Vec<String>>,
    open: RefCell<Vec<String>>,
}

/// What is selected, and what comes along once all that it tests is there.
struct Found {
    direct: Bits,
    indirect: Bits,
}

impl<'a, 'm> Evaluation<'a, 'm> {
    pub(crate) fn new(
        graph: &'a Graph<'m>,
        given: &'a Given<'a>,
        selectors: &'a Selectors,
        wanted: Bits,
    ) -> Self {
        let (warnings, open) = (RefCell::default(), RefCell::default());
        Self { graph, given, selectors, wanted, warnings, open }
    }

    /// What a selection selects of what is wanted.
    pub(crate) fn select(&self, spec: &Spec) -> Result<Bits, SelectError> {
        let mut selected = self.find(spec)?.direct;
        selected.keep(&self.wanted);
        Ok(selected)
    }

    fn find(&self, spec: &Spec) -> Result<Found, SelectError> {
        match spec {
            Spec::One(criterion) => self.one(criterion),
            Spec::Many(combination) => self.many(combination),
        }
    }

    fn one(&self, criterion: &Criterion) -> Result<Found, SelectError> {
        let mut selected = match criterion.method {
            Method::Selector => self.named(&criterion.value)?,
            _ => methods::search(self, criterion)?,
        };
        let mut near = self.graph.none();
        let reach = criterion.reach;
        if reach.childrens_parents {
            near.add(&selected);
            near.add(&self.graph.descendants(&selected, None));
            near.add(&self.graph.ancestors(&near, None));
        }
        if let Some(depth) = reach.parents {
            near.add(&self.graph.ancestors(&selected, depth));
        }
        if let Some(depth) = reach.children {
            near.add(&self.graph.descendants(&selected, depth));
        }
        selected.add(&near);
        // What another selector selects has its tests already, without those that it excludes.
        if criterion.indirect == Indirect::Empty || criterion.method == Method::Selector {
            return Ok(Found { direct: selected, indirect: self.graph.none() });
        }
        Ok(self.with_tests(&selected, criterion.indirect))
    }

    fn named(&self, pattern: &str) -> Result<Bits, SelectError> {
        let glob = Glob::new(pattern);
        let mut found = self.graph.none();
        let mut is_known = false;
        for (name, spec) in self.selectors.iter().filter(|(name, _)| glob.matches(name)) {
            is_known = true;
            if self.open.borrow().contains(name) {
                return Err(SelectError::Circular(name.clone()));
            }
            self.open.borrow_mut().push(name.clone());
            found.add(&self.select(spec)?);
            self.open.borrow_mut().pop();
        }
        if is_known { Ok(found) } else { Err(SelectError::NoSelector(pattern.to_owned())) }
    }

    fn many(&self, combination: &Combination) -> Result<Found, SelectError> {
        let mut direct = Vec::new();
        let mut with_indirect = Vec::new();
        for part in &combination.parts {
            let Found { direct: found, mut indirect } = self.find(part)?;
            indirect.add(&found);
            direct.push(found);
            with_indirect.push(indirect);
        }
        let direct = self.combine(combination.how, direct);
        let indirect = self.combine(combination.how, with_indirect);
        let direct = self.with_complete_tests(&direct, &indirect, combination.indirect);
        if let Some(raw) = combination.expected.as_ref().filter(|_| direct.is_empty()) {
            self.warnings
                .borrow_mut()
                .push(format!("The selection criterion '{raw}' does not match any enabled nodes"));
        }
        Ok(Found { direct, indirect })
    }

    fn combine(&self, how: How, sets: Vec<Bits>) -> Bits {
        let combined = sets.into_iter().reduce(|mut all, next| {
            match how {
                How::Union => all.add(&next),
                How::Intersection => all.keep(&next),
                How::Difference => all.subtract(&next),
            }
            all
        });
        combined.unwrap_or_else(|| self.graph.none())
    }

    /// What is selected with the tests that come along, and those that may come later.
    fn with_tests(&self, selected: &Bits, indirect: Indirect) -> Found {
        let mut later = self.graph.none();
        let mut direct = selected.clone();
        let complete = match indirect {
            Indirect::Buildable => {
                let mut complete = self.graph.filter(|entry| entry.resource_type() == "source");
                complete.add(selected);
                complete.add(&self.graph.ancestors(selected, None));
                complete
            }
            _ => selected.clone(),
        };
        let near = self.graph.descendants(selected, Some(1));
        for test in near.iter().filter(|position| self.graph.entry(*position).is_test()) {
            if indirect == Indirect::Eager || self.all_parents_in(test, &complete) {
                direct.insert(test);
            } else {
                later.insert(test);
            }
        }
        Found { direct, indirect: later }
    }

    /// Adds the tests of which everything that they test has come together.
    fn with_complete_tests(&self, direct: &Bits, indirect: &Bits, mode: Indirect) -> Bits {
        let mut selected = direct.clone();
        let complete = match mode {
            Indirect::Eager | Indirect::Empty => return selected,
            Indirect::Cautious => None,
            Indirect::Buildable => {
                let mut complete = self.graph.ancestors(direct, None);
                complete.add(direct);
                Some(complete)
            }
        };
        let is_node = |position: &u32| self.graph.entry(*position).resource_type() != "unit_test";
        for position in indirect.iter().filter(is_node) {
            if self.all_parents_in(position, complete.as_ref().unwrap_or(&selected)) {
                selected.insert(position);
            }
        }
        selected
    }

    fn all_parents_in(&self, position: u32, set: &Bits) -> bool {
        self.graph.parents(position).iter().all(|parent| set.contains(*parent))
    }
}
