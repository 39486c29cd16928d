//! What a worker takes from itself before it looks at untrusted bytes.

use std::io;

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use crate::Limits;
use crate::protocol::Isolation;

/// Files that may be open: the source, the three of every process, and what the library opens for itself.
const MAX_FILES: u64 = 16;

/// Ends this process when the thread that started it ends.
pub(crate) fn die_with_parent() {
    // Where this is not to be had, the end of standard input ends an idle worker, and its time limit a
    // busy one.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

/// Limits memory, time, files and core dumps, and forbids all that decoding does not need. It cannot be
/// undone.
pub(crate) fn confine(limits: &Limits) -> io::Result<Isolation> {
    let bound = |resource, most: u64| {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit).map_err(io::Error::from)
    };
    bound(Resource::Core, 0)?;
    bound(Resource::Fsize, 0)?;
    bound(Resource::Nofile, MAX_FILES)?;
    bound(Resource::As, limits.max_memory)?;
    // The process has used next to nothing when its only job begins.
    bound(Resource::Cpu, limits.max_seconds.max(1))?;
    Ok(if kernel::forbid() {
        Isolation::Full
    } else {
        Isolation::LimitsOnly
    })
}

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod kernel {
    use std::collections::BTreeMap;
    use std::env::consts::ARCH;

    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    /// What a decoder and its allocator ask of the kernel, and what it takes to answer and to end.
    /// Anything else fails with EPERM: no open, no socket, no exec, no fork.
    const ALLOWED: &[i64] = &[
        libc::SYS_brk,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_fstat,
        libc::SYS_futex,
        libc::SYS_getcpu,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_lseek,
        libc::SYS_madvise,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_nanosleep,
        libc::SYS_pread64,
        libc::SYS_read,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
        libc::SYS_tgkill,
        libc::SYS_write,
        libc::SYS_writev,
    ];

    /// Whether the kernel took the list.
    pub(super) fn forbid() -> bool {
        let rules: BTreeMap<i64, Vec<_>> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
        let Ok(arch) = ARCH.try_into() else {
            return false;
        };
        let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        SeccompFilter::new(rules, denied, SeccompAction::Allow, arch)
            .ok()
            .and_then(|filter| BpfProgram::try_from(filter).ok())
            // This also sets no_new_privs.
            .is_some_and(|program| apply_filter(&program).is_ok())
    }
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
mod kernel {
    pub(super) fn forbid() -> bool {
        false
    }
}
