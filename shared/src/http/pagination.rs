//! Lists in pages: which page a request asks for, and how the answer names the next one.

use std::fmt::Display;

use super::{Problem, Request};
use crate::{
    app::App,
    bodies::NumberedPage,
    tokens::{Purpose, Tokens},
    types::{CursorId, PageNumber, PageSize},
};

/// A page of a list that goes on behind an id (`limit` and `cursor`).
pub struct Pagination<K> {
    pub size: PageSize,
    /// The id behind which the page begins; none for the first page.
    pub after: Option<K>,
    scope: String,
}

impl<K> Pagination<K> {
    /// The first page, as long as pages get. `list` and `owner` tell this list from all others: a cursor is good in its own list only.
    pub fn first(list: &str, owner: impl Display) -> Self {
        Self { size: PageSize::MAX, after: None, scope: format!("{list} {owner}") }
    }

    /// The page that the request asks for.
    pub fn of<const N: usize>(app: &App, request: &Request, list: &str, owner: impl Display) -> Result<Self, Problem>
    where
        K: CursorId<N>,
    {
        let first = Self::first(list, owner);
        let size = request.query_as("limit")?.unwrap_or(first.size);
        let after = match request.query("cursor").filter(|cursor| !cursor.is_empty()) {
            Some(cursor) => {
                let bytes = app.tokens.verify(Purpose::Cursor, first.scope.as_bytes(), &cursor);
                Some(K::from_bytes(bytes.ok_or_else(Problem::bad_cursor)?))
            }
            None => None,
        };
        Ok(Self { size, after, ..first })
    }

    /// The cursor of the page behind `last`; none where `last` is none, as there are no more pages.
    pub fn next_cursor<const N: usize>(&self, tokens: &Tokens, last: Option<K>) -> Option<String>
    where
        K: CursorId<N>,
    {
        last.map(|last| tokens.sign(Purpose::Cursor, self.scope.as_bytes(), last.as_bytes()))
    }
}

/// A page of a list whose pages are numbered (`page` and `per_page`).
pub struct NumberedPagination {
    pub size: PageSize,
    /// How many entries come before the page.
    pub offset: u64,
}

impl NumberedPagination {
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let page = request.query_as("page")?.unwrap_or(PageNumber::FIRST);
        let size = request.query_as("per_page")?.unwrap_or(PageSize::TWENTY);
        Ok(Self { size, offset: page.offset(size) })
    }

    /// The page with `data`, of a list of `total` entries.
    pub fn page<T>(&self, total: u64, data: Vec<T>) -> NumberedPage<T> {
        let end = self.offset.saturating_add(self.size.get() as u64);
        NumberedPage::of(total, end, data)
    }
}
