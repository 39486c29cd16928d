//! A worker as the server runs it, which misbehaves where a job's source is named after a misdeed.

#![expect(clippy::panic, clippy::disallowed_methods, reason = "misdeeds")]

use std::fs::File;
use std::hint::black_box;
use std::net::TcpStream;
use std::process::{Command, ExitCode};

use accolade_draw::{Job, worker};

fn main() -> ExitCode {
    worker::run_with(misbehave)
}

fn misbehave(job: &Job) {
    match job.source.file_stem().and_then(|name| name.to_str()) {
        Some("abort") => std::process::abort(),
        Some("overflow") => {
            black_box(overflow(1));
        }
        Some("panic") => panic!("a decoder's panic"),
        Some("park") => loop {
            std::thread::park();
        },
        Some("spin") => loop {
            black_box(0);
        },
        Some("gobble") => {
            let mut held = Vec::new();
            loop {
                held.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        Some("exit") => std::process::exit(0),
        Some("babble") => {
            use std::io::Write;
            let _ = std::io::stdout().write_all(&[b'x'; 100]);
            std::process::exit(0);
        }
        Some(name) => {
            if let Some(port) = name.strip_prefix("reach-") {
                reach(port);
            }
        }
        None => {}
    }
}

#[expect(unconditional_recursion, reason = "the misdeed")]
fn overflow(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    overflow(depth + 1) + frame[0]
}

/// Tries what a decoder that was taken over would, and tells in its panic what it could.
fn reach(port: &str) {
    let mut could = Vec::new();
    if File::open("/etc/passwd").is_ok() {
        could.push("open");
    }
    if File::create("/tmp/accolade-draw-was-here").is_ok() {
        could.push("create");
    }
    if TcpStream::connect(format!("127.0.0.1:{port}")).is_ok() {
        could.push("connect");
    }
    if Command::new("/bin/true").spawn().is_ok() {
        could.push("spawn");
    }
    // What glibc is told of memory says nothing of the server.
    if std::env::vars_os().any(|(name, _)| name != "GLIBC_TUNABLES") {
        could.push("environment");
    }
    panic!("could: {}", could.join(" "));
}
