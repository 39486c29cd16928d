//! How far something is: a bar on a terminal, now and then a line elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);
const WIDTH: u64 = 30;

pub(super) struct Bar {
    is_terminal: bool,
    /// What is being done, and when it was told last.
    told: Option<(&'static str, Instant)>,
    /// Whether a line of the terminal is unfinished.
    open: bool,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            told: None,
            open: false,
        }
    }

    /// Tells that `done` of `all` (0: not known) is done of `what`.
    pub(super) fn tell(&mut self, what: &'static str, unit: &str, done: u64, all: u64) {
        let is_new = self.told.is_none_or(|(told, _)| told != what);
        if self.is_terminal {
            if is_new {
                self.close();
            }
            write(&format!("\r\u{1b}[K{}", line(what, unit, done, all)));
            self.open = true;
            self.told = Some((what, Instant::now()));
        } else if is_new || self.told.is_some_and(|(_, at)| at.elapsed() > EVERY) {
            write(&format!("{what}: {}\n", share(unit, done, all)));
            self.told = Some((what, Instant::now()));
        }
    }

    /// Ends the line.
    pub(super) fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            write("\n");
        }
    }
}

fn share(unit: &str, done: u64, all: u64) -> String {
    match all {
        0 => format!("{} {unit}", grouped(done)),
        all => format!("{} of {} {unit}", grouped(done), grouped(all)),
    }
}

fn line(what: &str, unit: &str, done: u64, all: u64) -> String {
    let full = (done.min(all) * WIDTH).checked_div(all).unwrap_or(0);
    let count = |n: u64| usize::try_from(n).unwrap_or(0);
    let (full, rest) = (count(full), count(WIDTH - full));
    format!(
        "{what:<9} [{}{}] {}",
        "#".repeat(full),
        " ".repeat(rest),
        share(unit, done, all)
    )
}

/// A number with a comma before every three digits.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Writes to where people read it, beside what other programs read.
pub(super) fn write(text: &str) {
    let mut err = std::io::stderr();
    // Nobody may be reading any more: the work goes on.
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bars_are_easy_to_read() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(
            line("writing", "rows", 500, 1_000),
            "writing   [###############               ] 500 of 1,000 rows"
        );
        assert_eq!(share("rows", 12_000, 0), "12,000 rows");
    }
}
