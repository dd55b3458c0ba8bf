//! What names stand for while a program runs.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::ast::NameId;
use crate::program::Program;
use crate::value::Value;

/// A part of a program at work.
pub(super) struct Frame<'p> {
    pub(super) program: &'p Arc<Program>,
    pub(super) scope: Rc<Scope>,
}

impl Frame<'_> {
    /// The same program with an inner scope.
    pub(super) fn inner(&self) -> Self {
        Self { program: self.program, scope: Scope::within(&self.scope) }
    }

    pub(super) fn name(&self, id: NameId) -> &Arc<str> {
        &self.program.names[id.0 as usize]
    }
}

/// Names and their values. Scopes are small; a list is faster than a table.
#[derive(Debug, Default)]
pub(super) struct Scope {
    names: RefCell<Vec<(NameId, Value)>>,
    outer: Option<Rc<Scope>>,
}

impl Scope {
    pub(super) fn within(outer: &Rc<Self>) -> Rc<Self> {
        Rc::new(Self { names: RefCell::default(), outer: Some(Rc::clone(outer)) })
    }

    /// What a name stands for, here or further out.
    pub(super) fn get(&self, id: NameId) -> Option<Value> {
        let mut scope = self;
        loop {
            let names = scope.names.borrow();
            if let Some((_, value)) = names.iter().find(|(known, _)| *known == id) {
                return Some(value.clone());
            }
            scope = scope.outer.as_deref()?;
        }
    }

    pub(super) fn set(&self, id: NameId, value: Value) {
        let mut names = self.names.borrow_mut();
        let Some((_, place)) = names.iter_mut().find(|(known, _)| *known == id) else {
            names.push((id, value));
            return;
        };
        let former = std::mem::replace(place, value);
        drop(names);
        drop(former);
    }

    pub(super) fn clear(&self) {
        let names = std::mem::take(&mut *self.names.borrow_mut());
        drop(names);
    }
}
