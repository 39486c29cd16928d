//! A worker: takes one job from its standard input, opens the one file that it names, shuts itself in,
//! does the job, answers and ends. So nothing of one job is there in the next, and whatever a decoder
//! does costs this process only.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use accolade_media::probe;

use crate::protocol::{Answer, Job, Outcome, Task, read_message, write_message};
use crate::{DrawError, draw, measure, metadata, sandbox};

/// What is read at a time.
const BUFFER: usize = 128 * 1024;

/// Does one job and returns how the process ends. The process has one thread, and does nothing else
/// before or after: limits are set for all of it.
#[must_use]
pub fn run() -> ExitCode {
    run_with(|_| {})
}

/// As [`run`], with something that is done before the job, where the job is. Tests misbehave there.
#[doc(hidden)]
#[must_use]
pub fn run_with(before: impl Fn(&Job)) -> ExitCode {
    sandbox::die_with_parent();
    // What a decoder says when it panics is in the answer.
    std::panic::set_hook(Box::new(|_| {}));
    match one_job(before) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn one_job(before: impl Fn(&Job)) -> io::Result<()> {
    let Some(job) = read_message::<Job>(&mut io::stdin().lock())? else {
        return Ok(());
    };
    let opened = File::open(&job.source);
    let isolation = sandbox::confine(&job.limits)?;
    let mut bytes = Vec::new();
    let result = match opened {
        Err(error) => Err(DrawError::unreadable(error)),
        Ok(file) => catch_unwind(AssertUnwindSafe(|| {
            before(&job);
            perform(&job, file, &mut bytes)
        }))
        .unwrap_or_else(|cause| {
            let reason = cause
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| cause.downcast_ref::<&str>().copied())
                .unwrap_or("it panicked");
            Err(DrawError::Crashed {
                reason: reason.chars().take(200).collect(),
            })
        }),
    };
    let mut output = io::stdout().lock();
    write_message(&mut output, &Answer { isolation, result })?;
    output.write_all(&bytes)?;
    output.flush()
}

fn perform(job: &Job, file: File, bytes: &mut Vec<u8>) -> Result<Outcome, DrawError> {
    let mut source = BufReader::with_capacity(BUFFER, file);
    match &job.task {
        Task::Draw(recipe) => {
            let drawn = draw(source, recipe, &job.limits)?;
            *bytes = drawn.bytes;
            Ok(Outcome::Drawn {
                facts: drawn.facts,
                bytes: bytes.len() as u64,
            })
        }
        Task::Measure => measure(source, &job.limits).map(Outcome::Measured),
        Task::Describe => {
            let facts = probe(&mut source, &job.limits.media())?;
            let found = metadata(&mut source, &facts, &job.limits);
            Ok(Outcome::Described(found))
        }
    }
}
