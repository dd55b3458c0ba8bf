//! Lists in pages.

use schemars::JsonSchema;
use serde::Serialize;

use super::error::ApiError;

/// Items of a page, unless the request says otherwise.
const PAGE_ITEMS: usize = 50;
/// The most items of a page.
pub(super) const PAGE_ITEMS_MAX: usize = 500;

/// One page of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Page<T> {
    /// The items.
    items: Vec<T>,
    /// Give it as `cursor` to get the next page; null on the last.
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The first `limit` of what was found, which is one more if there is another page. `key` names
    /// the item after which that begins.
    pub(super) fn of(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(key);
        Self { items, next_cursor }
    }

    /// Items whose list says itself where the next page begins.
    pub(super) fn followed_by(items: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { items, next_cursor }
    }

    /// The page of a whole list, after the item that `cursor` names by its position.
    pub(super) fn within(
        all: Vec<T>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Self, ApiError> {
        let from = position(cursor)?;
        let end = from.saturating_add(limit);
        let next_cursor = (end < all.len()).then(|| end.to_string());
        Ok(Self { items: all.into_iter().skip(from).take(limit).collect(), next_cursor })
    }

    pub(super) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next_cursor: self.next_cursor }
    }

    pub(super) fn try_map<U, E>(self, change: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self.items.into_iter().map(change).collect::<Result<_, E>>()?;
        Ok(Page { items, next_cursor: self.next_cursor })
    }

    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    pub(super) fn into_parts(self) -> (Vec<T>, Option<String>) {
        (self.items, self.next_cursor)
    }
}

/// How many items a request asks for.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, ApiError> {
    limit_within("limit", asked, PAGE_ITEMS, PAGE_ITEMS_MAX)
}

/// As [`limit`], with other bounds and for another parameter.
pub(super) fn limit_within(
    name: &'static str,
    asked: Option<usize>,
    usual: usize,
    most: usize,
) -> Result<usize, ApiError> {
    match asked.unwrap_or(usual) {
        limit if (1..=most).contains(&limit) => Ok(limit),
        _ => Err(ApiError::bad(name, format!("it is a number from 1 to {most}"))),
    }
}

/// A cursor that is a number; 0 without one.
pub(super) fn position(cursor: Option<&str>) -> Result<usize, ApiError> {
    let bad = |_| ApiError::bad("cursor", "it is none that this list gave");
    cursor.map_or(Ok(0), |text| text.parse().map_err(bad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let all: Vec<u32> = (0..7).collect();
        let mut seen = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = Page::within(all.clone(), 3, cursor.as_deref()).unwrap();
            let (items, next) = page.into_parts();
            seen.extend(items);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert_eq!(Page::of(all, 7, u32::to_string).next_cursor, None);
    }

    #[test]
    fn limits_are_kept() {
        assert_eq!(limit(None).unwrap(), PAGE_ITEMS);
        assert_eq!(limit(Some(500)).unwrap(), 500);
        assert!(limit(Some(0)).is_err());
        assert!(limit(Some(501)).is_err());
        assert!(position(Some("x")).is_err());
    }
}
