//! Batch loads of the lists inside a content, for GraphQL. Whoever asks has the content already.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use super::model::Version;
use super::store;
use crate::graphql::loader::{LoadError, Loaders};
use crate::platform::db::{KeyPart, PageRequest, Sql};
use crate::platform::ids::ContentId;

/// The versions of a content with numbers in a range, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct VersionsKey {
    content: ContentId,
    from: i32,
    to: i32,
}

impl VersionsKey {
    /// The rows of a page, the newest first, and one more that tells whether there are any beyond it. The
    /// numbers have no holes, so the pages of many contents are a range for each, in one statement.
    pub(super) fn of(content: ContentId, count: i32, page: &PageRequest) -> Self {
        let low = number(page.before.as_ref()).map_or(1, |n| n.saturating_add(1));
        let high = number(page.after.as_ref()).map_or(count, |n| n.saturating_sub(1));
        let reach = i32::try_from(page.limit).unwrap_or(i32::MAX);
        if page.backwards {
            Self {
                content,
                from: low,
                to: high.min(low.saturating_add(reach)),
            }
        } else {
            Self {
                content,
                from: low.max(high.saturating_sub(reach)),
                to: high,
            }
        }
    }
}

/// The version number that a cursor stands at.
fn number(key: Option<&Vec<KeyPart>>) -> Option<i32> {
    match key?.first() {
        Some(KeyPart::Int(n)) => i32::try_from(*n).ok(),
        _ => None,
    }
}

impl Loader<VersionsKey> for Loaders {
    /// By number, ascending.
    type Value = Vec<Arc<Version>>;
    type Error = LoadError;

    async fn load(
        &self,
        keys: &[VersionsKey],
    ) -> Result<HashMap<VersionsKey, Self::Value>, LoadError> {
        let ranges = keys.iter().map(|key| {
            Sql::new("v.content_id = ")
                .bind(key.content)
                .push(" AND v.number BETWEEN ")
                .bind(key.from)
                .push(" AND ")
                .bind(key.to)
        });
        let condition = Sql::any(ranges).push(" ORDER BY v.content_id, v.number");
        let rows = store::select_versions(self.db(), condition).await?;
        let rows: Vec<Arc<Version>> = rows.into_iter().map(Arc::new).collect();
        let of = |key: &VersionsKey| {
            let wanted = |v: &&Arc<Version>| {
                v.content == key.content && (key.from..=key.to).contains(&v.number)
            };
            rows.iter().filter(wanted).cloned().collect()
        };
        Ok(keys.iter().map(|key| (*key, of(key))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_range_of_numbers() {
        let content = ContentId(uuid::Uuid::nil());
        let at = |n: i64| Some(vec![KeyPart::Int(n)]);
        let first = PageRequest::first(3);
        let last = PageRequest {
            backwards: true,
            ..first.clone()
        };
        let cases = [
            (first.clone(), (7, 10)),
            (
                PageRequest {
                    after: at(8),
                    ..first.clone()
                },
                (4, 7),
            ),
            (
                PageRequest {
                    after: at(3),
                    ..first.clone()
                },
                (1, 2),
            ),
            (
                PageRequest {
                    before: at(8),
                    ..first.clone()
                },
                (9, 10),
            ),
            (last.clone(), (1, 4)),
            (
                PageRequest {
                    before: at(4),
                    ..last.clone()
                },
                (5, 8),
            ),
            (
                PageRequest {
                    after: at(2),
                    ..last
                },
                (1, 1),
            ),
        ];
        for (page, (from, to)) in cases {
            let key = VersionsKey::of(content, 10, &page);
            assert_eq!((key.from, key.to), (from, to), "{page:?}");
        }
    }
}
