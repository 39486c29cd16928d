//! One child process, from its start to its end.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use crate::protocol::{Answer, Isolation, Job, LENGTH_BYTES, MAX_MESSAGE, Outcome, write_message};
use crate::{DrawError, Limits};

/// How often it is looked whether the job is still wanted.
const TICK: Duration = Duration::from_millis(50);
/// How long a child that has closed its output may take to end.
const LAST_BREATH: Duration = Duration::from_secs(1);
/// What is kept of what a child complains of.
const MAX_COMPLAINT: usize = 4 * 1024;
/// What is read at a time.
const BUFFER: usize = 64 * 1024;

/// What glibc is told of a worker's memory. It lives for one job, so what is freed is kept for the rest of that job,
/// and comes in huge pages where there are any: most of what a worker cost were its page faults. What is larger
/// than 64 MiB is still mapped by itself, and grows without a copy. Elsewhere the name means nothing.
const MALLOC: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.malloc.mmap_threshold=67108864:glibc.malloc.trim_threshold=1073741824:glibc.malloc.hugetlb=1",
);

/// How a worker is started.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

impl Command {
    /// Starts a worker, with nothing of this process's environment.
    pub(crate) fn start(&self) -> io::Result<Child> {
        let mut process = std::process::Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .env(MALLOC.0, MALLOC.1)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take();
        Ok(Child { process, input })
    }
}

/// A worker. It is ended when this is dropped.
pub(crate) struct Child {
    process: std::process::Child,
    input: Option<ChildStdin>,
}

/// What a worker said.
pub(crate) struct Answered {
    pub(crate) isolation: Isolation,
    pub(crate) outcome: Outcome,
    pub(crate) bytes: Vec<u8>,
}

impl Child {
    /// The child, unless it has ended while it waited.
    pub(crate) fn if_alive(mut self) -> Option<Self> {
        matches!(self.process.try_wait(), Ok(None)).then_some(self)
    }

    /// Has the child do a job, and ends it. `is_over`: whether nobody waits for the answer any more.
    pub(crate) fn run(
        mut self,
        job: &Job,
        is_over: impl Fn() -> bool,
    ) -> Result<Answered, DrawError> {
        let began = Instant::now();
        let deadline = Duration::from_secs(job.limits.max_seconds);
        let Some(mut input) = self.input.take() else {
            return Err(DrawError::unreadable("a worker has no input"));
        };
        if let Err(error) = write_message(&mut input, job) {
            // A child that is gone says why by how it ended.
            if error.kind() != io::ErrorKind::BrokenPipe {
                return Err(DrawError::unreadable(error));
            }
        }
        drop(input);
        let (Some(mut output), Some(mut errors)) =
            (self.process.stdout.take(), self.process.stderr.take())
        else {
            return Err(DrawError::unreadable("a worker has no output"));
        };
        let (mut reply, mut complaint) = (Reply::default(), Vec::new());
        let (mut output_open, mut errors_open) = (true, true);
        let mut buffer = vec![0; BUFFER];
        while output_open {
            let left = deadline.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(DrawError::TimedOut);
            }
            if is_over() {
                return Err(DrawError::Stopped);
            }
            let mut fds = vec![PollFd::from_borrowed_fd(output.as_fd(), PollFlags::IN)];
            if errors_open {
                fds.push(PollFd::from_borrowed_fd(errors.as_fd(), PollFlags::IN));
            }
            let tick = Timespec::try_from(left.min(TICK)).map_err(DrawError::unreadable)?;
            match poll(&mut fds, Some(&tick)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(DrawError::unreadable(io::Error::from(error))),
            }
            let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            if ready.get(1) == Some(&true) {
                let read = errors.read(&mut buffer).unwrap_or(0);
                errors_open = read > 0;
                complaint.extend(buffer.iter().take(read));
                let surplus = complaint.len().saturating_sub(MAX_COMPLAINT);
                complaint.drain(..surplus);
            }
            if ready.first() == Some(&true) {
                let read = output.read(&mut buffer).map_err(DrawError::unreadable)?;
                output_open = read > 0;
                reply.push(buffer.get(..read).unwrap_or_default(), &job.limits)?;
                if let Some(answered) = reply.complete()? {
                    return answered;
                }
            }
        }
        let Some(status) = self.end_of_life()? else {
            return Err(DrawError::Crashed {
                reason: "it gave no answer".to_owned(),
            });
        };
        if errors_open {
            let room = MAX_COMPLAINT.saturating_sub(complaint.len()) as u64;
            let _ = errors.take(room).read_to_end(&mut complaint);
        }
        Err(post_mortem(status, &String::from_utf8_lossy(&complaint)))
    }

    /// How the child ended, if it did of itself.
    fn end_of_life(&mut self) -> Result<Option<ExitStatus>, DrawError> {
        let began = Instant::now();
        loop {
            let status = self.process.try_wait().map_err(DrawError::unreadable)?;
            if status.is_some() || began.elapsed() > LAST_BREATH {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already; waiting for it takes its remains away.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An answer as it comes in.
#[derive(Default)]
struct Reply {
    bytes: Vec<u8>,
    answer: Option<Answer>,
}

impl Reply {
    fn push(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), DrawError> {
        self.bytes.extend_from_slice(bytes);
        if self.answer.is_none() {
            self.parse()?;
        }
        let most = match &self.answer {
            Some(_) => limits.max_output_bytes,
            None => u64::from(MAX_MESSAGE) + (LENGTH_BYTES + BUFFER) as u64,
        };
        if self.bytes.len() as u64 > most {
            return Err(babble());
        }
        Ok(())
    }

    /// Takes the message off the front, once it is there.
    fn parse(&mut self) -> Result<(), DrawError> {
        let Some(length) = self.bytes.first_chunk::<LENGTH_BYTES>() else {
            return Ok(());
        };
        let length = u32::from_le_bytes(*length);
        if length > MAX_MESSAGE {
            return Err(babble());
        }
        let end = LENGTH_BYTES + length as usize;
        let Some(message) = self.bytes.get(LENGTH_BYTES..end) else {
            return Ok(());
        };
        self.answer = Some(serde_json::from_slice(message).map_err(|_| babble())?);
        self.bytes.drain(..end);
        Ok(())
    }

    /// The answer, once all of it is there.
    fn complete(&mut self) -> Result<Option<Result<Answered, DrawError>>, DrawError> {
        let expected = match &self.answer {
            None => return Ok(None),
            Some(Answer {
                result: Ok(Outcome::Drawn { bytes, .. }),
                ..
            }) => *bytes,
            Some(_) => 0,
        };
        let held = self.bytes.len() as u64;
        if held < expected {
            return Ok(None);
        }
        if held > expected {
            return Err(babble());
        }
        Ok(self.answer.take().map(|answer| {
            answer.result.map(|outcome| Answered {
                isolation: answer.isolation,
                outcome,
                bytes: std::mem::take(&mut self.bytes),
            })
        }))
    }
}

/// A worker whose answer is none: what it decoded may have taken it over.
fn babble() -> DrawError {
    DrawError::Crashed {
        reason: "it gave no answer that can be understood".to_owned(),
    }
}

/// Why a child that gave no answer ended.
fn post_mortem(status: ExitStatus, complaint: &str) -> DrawError {
    let signal = status.signal();
    if complaint.contains("memory allocation of") || signal == Some(Signal::KILL.as_raw()) {
        // Nobody here has sent it: the kernel ends whom it has no memory for.
        return DrawError::OutOfMemory;
    }
    if signal == Some(Signal::XCPU.as_raw()) {
        return DrawError::TimedOut;
    }
    let reason = if complaint.contains("has overflowed its stack") {
        "it overflowed its stack".to_owned()
    } else if let Some(signal) = signal {
        format!("it was ended by the signal {signal}")
    } else {
        format!("it ended with {status}")
    };
    DrawError::Crashed { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn died(signal: i32, complaint: &str) -> DrawError {
        post_mortem(ExitStatus::from_raw(signal), complaint)
    }

    #[test]
    fn a_death_has_a_cause() {
        assert_eq!(died(24, ""), DrawError::TimedOut);
        assert_eq!(died(9, ""), DrawError::OutOfMemory);
        assert_eq!(
            died(6, "memory allocation of 99 bytes failed"),
            DrawError::OutOfMemory
        );
        for (signal, complaint, part) in [
            (6, "thread 'main' has overflowed its stack", "stack"),
            (11, "", "signal 11"),
            (0x100, "", "exit status: 1"),
        ] {
            match died(signal, complaint) {
                DrawError::Crashed { reason } => assert!(reason.contains(part), "{reason}"),
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_told_from_one() {
        let limits = Limits::default();
        let mut reply = Reply::default();
        assert!(reply.push(&u32::MAX.to_le_bytes(), &limits).is_err());
        let mut reply = Reply::default();
        assert!(reply.push(b"\x02\0\0\0hi", &limits).is_err());
        let mut reply = Reply::default();
        let answer = Answer {
            isolation: Isolation::Full,
            result: Err(DrawError::OutOfMemory),
        };
        let mut message = Vec::new();
        write_message(&mut message, &answer).unwrap();
        for byte in &message {
            assert!(reply.complete().unwrap().is_none());
            reply.push(&[*byte], &limits).unwrap();
        }
        assert!(matches!(
            reply.complete(),
            Ok(Some(Err(DrawError::OutOfMemory)))
        ));
        reply.push(&message, &limits).unwrap();
        assert!(reply.push(b"more", &limits).is_ok());
        assert!(reply.complete().is_err());
    }
}
