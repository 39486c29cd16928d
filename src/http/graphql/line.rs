//! The one line that the log has for each request.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_graphql::{ServerError, Value};
use axum::http::StatusCode;

use super::cost::Cost;

/// Longest name of an operation that is logged; callers choose it.
const MAX_NAME: usize = 100;
/// For a caller who went away before the answer.
const GONE: u16 = 499;

/// What the log says of a request, gathered as it becomes known. Written when it goes, so that nothing ends a
/// request without it: no refusal, no panic, no caller who hangs up.
pub(super) struct Line {
    pub(super) actor: Option<String>,
    pub(super) operation: Option<String>,
    pub(super) cost: Cost,
    status: Option<StatusCode>,
    errors: usize,
    /// Of the errors, each once.
    codes: Vec<Cow<'static, str>>,
    started: Instant,
    statements: Arc<AtomicU64>,
}

impl Line {
    pub(super) fn begin() -> Self {
        Self {
            actor: None,
            operation: None,
            cost: Cost::default(),
            status: None,
            errors: 0,
            codes: Vec::new(),
            started: Instant::now(),
            statements: Arc::default(),
        }
    }

    /// Where the request's statements are counted.
    pub(super) fn statements(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.statements)
    }

    /// The request was refused before or beside GraphQL.
    pub(super) fn refused_with(&mut self, code: &'static str) {
        self.errors = 1;
        self.codes = vec![code.into()];
    }

    /// GraphQL answered with these errors.
    pub(super) fn failed_with(&mut self, errors: &[ServerError]) {
        self.errors = errors.len();
        for error in errors {
            let code = match error.extensions.as_ref().and_then(|e| e.get("code")) {
                Some(Value::String(code)) => Cow::Owned(code.clone()),
                // The engine's own, about the document or its variables.
                _ => "BAD_REQUEST".into(),
            };
            if !self.codes.contains(&code) {
                self.codes.push(code);
            }
        }
    }

    pub(super) fn end(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let status = match self.status {
            Some(status) => status.as_u16(),
            None if std::thread::panicking() => 500,
            None => GONE,
        };
        let operation = self.operation.as_deref().unwrap_or("-");
        let codes = if self.codes.is_empty() {
            "-".to_owned()
        } else {
            self.codes.join(",")
        };
        tracing::info!(
            operation = operation.get(..MAX_NAME).unwrap_or(operation),
            actor = self.actor.as_deref().unwrap_or("-"),
            http.status = status,
            errors = self.errors,
            codes,
            cost.requested = self.cost.requested,
            cost.actual = self.cost.actual,
            duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            statements = self.statements.load(Ordering::Relaxed),
            "graphql"
        );
    }
}
