//! Workers for a server: a bounded number of child processes, a bounded queue before them.
//!
//! Each job has a process of its own ([`worker`](crate::worker)), started ahead so that nobody waits for
//! it. Each slot is a thread that feeds one child after another and does nothing else: a child dies with
//! the thread that started it, and a thread of a runtime may end at any time.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::{oneshot, watch};

use crate::child::{Child, Command};
use crate::measure::Measured;
use crate::protocol::{Isolation, Job, Outcome, Task};
use crate::{DrawError, Drawn, Limits, Metadata, Recipe};

/// What a pool is made of.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// The program that a worker is, such as the server's own.
    pub program: PathBuf,
    /// What it is started with, so that it calls [`worker::run`](crate::worker::run).
    pub arguments: Vec<OsString>,
    /// Jobs at once.
    pub workers: usize,
    /// Jobs that wait; one more is [`DrawError::Busy`].
    pub queue: usize,
    pub limits: Limits,
}

impl PoolConfig {
    /// A pool with as many workers as there are processors, and 256 places to wait.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>) -> Self {
        Self {
            program,
            arguments,
            workers: thread::available_parallelism().map_or(1, NonZero::get),
            queue: 256,
            limits: Limits::default(),
        }
    }
}

/// Draws and measures in child processes. Cheap to clone; when the last clone goes, the pool stops.
#[derive(Clone)]
pub struct Pool(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    limits: Limits,
    /// Closed when the last slot has ended.
    ended: watch::Receiver<()>,
}

struct Shared {
    state: Mutex<State>,
    ready: Condvar,
    queue: usize,
    stopped: AtomicBool,
    isolation: AtomicU8,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Ticket>,
    running: usize,
}

struct Ticket {
    job: Job,
    answer: oneshot::Sender<Result<(Outcome, Vec<u8>), DrawError>>,
}

impl Pool {
    /// Starts the slots. Children are started when the first job comes.
    pub fn start(config: PoolConfig) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            ready: Condvar::new(),
            queue: config.queue,
            stopped: AtomicBool::new(false),
            isolation: AtomicU8::new(0),
        });
        let (alive, ended) = watch::channel(());
        let alive = Arc::new(alive);
        let pool = Self(Arc::new(Handle {
            shared: Arc::clone(&shared),
            limits: config.limits,
            ended,
        }));
        let command = Command {
            program: config.program,
            arguments: config.arguments,
        };
        for n in 0..config.workers.max(1) {
            let (shared, command, alive) =
                (Arc::clone(&shared), command.clone(), Arc::clone(&alive));
            let slot = thread::Builder::new()
                .name(format!("draw-{n}"))
                .spawn(move || {
                    work(&shared, &command);
                    drop(alive);
                });
            // Where a slot cannot be had, the pool goes, and takes the others with it.
            slot?;
        }
        Ok(pool)
    }

    /// Draws a file as the recipe says.
    ///
    /// # Errors
    /// A [`DrawError`] that says why there is no rendition.
    pub async fn draw(&self, source: PathBuf, recipe: Recipe) -> Result<Drawn, DrawError> {
        recipe.check()?;
        match self.run(source, Task::Draw(recipe)).await? {
            (Outcome::Drawn { facts, .. }, bytes) => Ok(Drawn { bytes, facts }),
            _ => Err(misunderstood()),
        }
    }

    /// Measures a file.
    ///
    /// # Errors
    /// A [`DrawError`] that says why it cannot be measured.
    pub async fn measure(&self, source: PathBuf) -> Result<Measured, DrawError> {
        match self.run(source, Task::Measure).await? {
            (Outcome::Measured(measured), _) => Ok(measured),
            _ => Err(misunderstood()),
        }
    }

    /// Reads what a file says of itself: of any type that is taken, picture or not.
    ///
    /// # Errors
    /// A [`DrawError`] that says why it cannot be read at all.
    pub async fn describe(&self, source: PathBuf) -> Result<Metadata, DrawError> {
        match self.run(source, Task::Describe).await? {
            (Outcome::Described(found), _) => Ok(found),
            _ => Err(misunderstood()),
        }
    }

    async fn run(&self, source: PathBuf, task: Task) -> Result<(Outcome, Vec<u8>), DrawError> {
        let (answer, outcome) = oneshot::channel();
        let limits = self.0.limits.clone();
        let job = Job {
            source,
            task,
            limits,
        };
        {
            let mut state = self.0.shared.lock();
            if self.0.shared.is_stopped() {
                return Err(DrawError::Stopped);
            }
            if state.waiting.len() >= self.0.shared.queue {
                // Those who have gone make room.
                state.waiting.retain(|ticket| !ticket.answer.is_closed());
            }
            if state.waiting.len() >= self.0.shared.queue {
                return Err(DrawError::Busy);
            }
            state.waiting.push_back(Ticket { job, answer });
        }
        self.0.shared.ready.notify_one();
        outcome.await.unwrap_or(Err(DrawError::Stopped))
    }

    /// Jobs that wait, and jobs that run.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        let state = self.0.shared.lock();
        (state.waiting.len(), state.running)
    }

    /// How far the workers are kept apart, as the last one said; none before the first job.
    #[must_use]
    pub fn isolation(&self) -> Option<Isolation> {
        match self.0.shared.isolation.load(Ordering::Relaxed) {
            1 => Some(Isolation::LimitsOnly),
            2 => Some(Isolation::Full),
            _ => None,
        }
    }

    /// Takes no more jobs, gives up those that wait and those that run, and returns when the last child has
    /// ended.
    pub async fn shut_down(&self) {
        self.0.stop();
        let mut ended = self.0.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}

impl Handle {
    fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.shared.lock().waiting.clear();
        self.shared.ready.notify_all();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// The next job; none when the pool stops.
    fn next(&self) -> Option<Ticket> {
        let mut state = self.lock();
        loop {
            if self.is_stopped() {
                return None;
            }
            if let Some(ticket) = state.waiting.pop_front() {
                if ticket.answer.is_closed() {
                    continue;
                }
                state.running += 1;
                return Some(ticket);
            }
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn misunderstood() -> DrawError {
    DrawError::unreadable("a worker answered another question")
}

/// One slot: a child for each job, one kept ready.
fn work(shared: &Shared, command: &Command) {
    let mut ready: Option<Child> = None;
    while let Some(Ticket { job, answer }) = shared.next() {
        let child = match ready.take().and_then(Child::if_alive) {
            Some(child) => Ok(child),
            None => command.start(),
        };
        let result = match child {
            Ok(child) => child.run(&job, || shared.is_stopped() || answer.is_closed()),
            Err(error) => Err(DrawError::unreadable(format!(
                "no worker could be started: {error}"
            ))),
        };
        let result = result.map(|answered| {
            let isolation = match answered.isolation {
                Isolation::LimitsOnly => 1,
                Isolation::Full => 2,
            };
            shared.isolation.store(isolation, Ordering::Relaxed);
            (answered.outcome, answered.bytes)
        });
        shared.lock().running -= 1;
        // Whoever asked may have gone.
        let _ = answer.send(result);
        if !shared.is_stopped() {
            ready = command.start().ok();
        }
    }
}
