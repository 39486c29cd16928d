//! The draw jobs of a running server, watched from outside: each has the limits that the kernel enforces.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a job may take.
pub(super) const MEMORY: u64 = 512 << 20;
pub(super) const SECONDS: u64 = 15;
/// In which the kernel counts the time of processes.
const TICKS_A_SECOND: u64 = 100;

/// A child process of a server that has a job, as it was when it was last seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The most address space that it ever had, in bytes.
    pub(super) peak: u64,
    pub(super) ticks: u64,
}

impl Seen {
    pub(super) fn is_within_bounds(self) -> bool {
        self.peak <= MEMORY && self.ticks <= (SECONDS + 1) * TICKS_A_SECOND
    }
}

/// The fields of a process behind its name: state, parent, and so on. None where it is gone.
pub(super) fn stat(process: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Whether a process runs, or could: what has ended and waits to be buried does not.
pub(super) fn is_alive(process: u32) -> bool {
    stat(process).is_some_and(|fields| fields[0] != "Z" && fields[0] != "X")
}

/// Waits until it is so.
pub(super) async fn within_a_minute(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(1), "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// When a process was started, which with its number tells it from all others.
pub(super) fn started(process: u32) -> String {
    stat(process).unwrap()[19].clone()
}

/// The child processes of a process.
pub(super) fn children(parent: u32) -> Vec<u32> {
    let parent = parent.to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes
        .filter(|process| stat(*process).is_some_and(|fields| fields[1] == parent))
        .collect()
}

/// The soft limit of this name.
fn limit(process: u32, name: &str) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits.lines().find(|line| line.starts_with(name))?;
    line.strip_prefix(name)?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// A child that has shut itself in, which it does when it has a job; none where it waits for one or is gone.
pub(super) fn at_work(child: u32) -> Option<Seen> {
    let bounded = limit(child, "Max address space") == Some(MEMORY)
        && limit(child, "Max cpu time") == Some(SECONDS)
        && limit(child, "Max file size") == Some(0);
    if !bounded {
        return None;
    }
    let status = fs::read_to_string(format!("/proc/{child}/status")).ok()?;
    let peak = status.lines().find_map(|l| l.strip_prefix("VmPeak:"))?;
    let peak: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    let fields = stat(child)?;
    let ticks = |field: usize| fields[field].parse::<u64>().ok();
    Some(Seen {
        peak: peak << 10,
        ticks: ticks(11)? + ticks(12)?,
    })
}

/// Looks at a server's jobs all the time.
pub(super) struct Watch {
    over: Arc<AtomicBool>,
    watching: JoinHandle<BTreeMap<u32, Seen>>,
}

impl Watch {
    pub(super) fn over(server: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&over);
        let watching = thread::spawn(move || {
            let mut jobs: BTreeMap<u32, Seen> = BTreeMap::new();
            while !done.load(Ordering::Relaxed) {
                for child in children(server) {
                    if let Some(now) = at_work(child) {
                        let seen = jobs.entry(child).or_default();
                        seen.peak = seen.peak.max(now.peak);
                        seen.ticks = seen.ticks.max(now.ticks);
                    }
                }
                // What is looked at shall get on, too.
                thread::sleep(Duration::from_millis(2));
            }
            jobs
        });
        Self { over, watching }
    }

    /// The jobs that were seen, by process.
    pub(super) fn end(self) -> BTreeMap<u32, Seen> {
        self.over.store(true, Ordering::Relaxed);
        self.watching.join().unwrap()
    }
}
