//! Lists, tuples, dicts and sets.
//!
//! A borrow of the inside never outlives a call of this file, and nothing else runs meanwhile; so
//! a value that contains itself cannot be borrowed twice.

use std::cell::RefCell;

use indexmap::{IndexMap, IndexSet};

use super::{Key, Value, release};

/// A shared list that can be changed. One that contains itself is never freed.
#[derive(Debug, Default)]
pub struct List(RefCell<Vec<Value>>);

impl List {
    /// A list of these items.
    pub fn new(items: Vec<Value>) -> Self {
        Self(RefCell::new(items))
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at a place.
    pub fn get(&self, index: usize) -> Option<Value> {
        self.0.borrow().get(index).cloned()
    }

    /// The items as they are now.
    pub fn snapshot(&self) -> Vec<Value> {
        self.0.borrow().clone()
    }

    /// Adds an item.
    pub fn push(&self, value: Value) {
        self.0.borrow_mut().push(value);
    }

    /// Adds items.
    pub(crate) fn extend(&self, values: Vec<Value>) {
        self.0.borrow_mut().extend(values);
    }

    pub(crate) fn insert(&self, index: usize, value: Value) {
        let mut items = self.0.borrow_mut();
        let index = index.min(items.len());
        items.insert(index, value);
    }

    pub(crate) fn remove(&self, index: usize) -> Option<Value> {
        let mut items = self.0.borrow_mut();
        (index < items.len()).then(|| items.remove(index))
    }

    /// Puts these items in the place of all.
    pub(crate) fn replace(&self, items: Vec<Value>) {
        let old = std::mem::replace(&mut *self.0.borrow_mut(), items);
        release::drain(old);
    }
}

impl Drop for List {
    fn drop(&mut self) {
        release::drain(self.take());
    }
}

impl List {
    pub(super) fn take(&mut self) -> Vec<Value> {
        std::mem::take(self.0.get_mut())
    }
}

/// Items that cannot be changed.
#[derive(Debug)]
pub struct Tuple(Vec<Value>);

impl Tuple {
    /// A tuple of these items.
    pub fn new(items: Vec<Value>) -> Self {
        Self(items)
    }

    /// The items.
    pub fn items(&self) -> &[Value] {
        &self.0
    }

    pub(super) fn take(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Tuple {
    fn drop(&mut self) {
        release::drain(self.take());
    }
}

/// A shared dict that can be changed.
#[derive(Debug, Default)]
pub struct Dict(RefCell<IndexMap<Key, Value>>);

impl Dict {
    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Option<Value> {
        self.0.borrow().get(key).cloned()
    }

    /// The value of a text as key.
    pub fn get_text(&self, key: &str) -> Option<Value> {
        self.0.borrow().get(&super::key::TextKey(key)).cloned()
    }

    /// The key and the value at a place.
    pub(crate) fn at(&self, index: usize) -> Option<(Value, Value)> {
        let items = self.0.borrow();
        let (key, value) = items.get_index(index)?;
        Some((key.value().clone(), value.clone()))
    }

    /// Sets the value of a key; gives the former one.
    pub fn insert(&self, key: Key, value: Value) -> Option<Value> {
        self.0.borrow_mut().insert(key, value)
    }

    /// Takes a key out.
    pub fn remove(&self, key: &Key) -> Option<Value> {
        self.0.borrow_mut().shift_remove(key)
    }

    pub(crate) fn pop(&self) -> Option<(Value, Value)> {
        let (key, value) = self.0.borrow_mut().pop()?;
        Some((key.value().clone(), value))
    }

    pub(crate) fn clear(&self) {
        let old = std::mem::take(&mut *self.0.borrow_mut());
        release::drain_map(old);
    }

    /// Keys and values as they are now.
    pub fn snapshot(&self) -> Vec<(Value, Value)> {
        let items = self.0.borrow();
        items.iter().map(|(key, value)| (key.value().clone(), value.clone())).collect()
    }

    pub(super) fn take(&mut self) -> IndexMap<Key, Value> {
        std::mem::take(self.0.get_mut())
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        release::drain_map(self.take());
    }
}

/// A shared set that can be changed.
#[derive(Debug, Default)]
pub struct Set(RefCell<IndexSet<Key>>);

impl Set {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an item; says whether it is new.
    pub fn insert(&self, key: Key) -> bool {
        self.0.borrow_mut().insert(key)
    }

    /// Whether an item is there.
    pub fn contains(&self, key: &Key) -> bool {
        self.0.borrow().contains(key)
    }

    /// Takes an item out; says whether it was there.
    pub fn remove(&self, key: &Key) -> bool {
        self.0.borrow_mut().shift_remove(key)
    }

    pub(crate) fn pop(&self) -> Option<Value> {
        self.0.borrow_mut().shift_remove_index(0).map(|key| key.value().clone())
    }

    pub(crate) fn clear(&self) {
        let old = std::mem::take(&mut *self.0.borrow_mut());
        release::drain(old.into_iter().map(Key::into_value).collect());
    }

    pub(crate) fn at(&self, index: usize) -> Option<Value> {
        self.0.borrow().get_index(index).map(|key| key.value().clone())
    }

    /// The items as they are now.
    pub fn snapshot(&self) -> Vec<Value> {
        self.0.borrow().iter().map(|key| key.value().clone()).collect()
    }

    pub(super) fn take(&mut self) -> Vec<Value> {
        self.0.get_mut().drain(..).map(Key::into_value).collect()
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        release::drain(self.take());
    }
}
