//! Full text: which word stands in which content, and in how weighty a field.
//!
//! The index is a table of our own, the same on both databases: the brand leads it, so a word of another
//! brand is not even looked at, and its answer is in the order of the list, the weight of the field and
//! then the newest content. There are no statistics over the whole corpus in that order, which would
//! cross the walls between brands.
//!
//! A mutation that changes a text, a label, a claim or the state of a version calls [`index`] before its
//! transaction ends. What a search finds is narrowed to what the viewer sees by the one who asks.

#[cfg(test)]
mod agreement;
mod query;
mod store;
mod walk;
mod words;

pub(crate) use query::{ORDER, Query};
pub use store::words_of;
pub(crate) use store::{index, index_all};
