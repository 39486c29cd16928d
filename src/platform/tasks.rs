//! Background tasks that end when the process drains, and are never detached from its logs.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument;

/// Starts a background task inside the present span. The one place that spawns.
#[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
pub fn spawn<F>(name: &'static str, task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(task.instrument(tracing::info_span!("task", task.name = name)))
}
