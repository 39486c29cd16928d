//! The table that is printed.

use std::io::{self, Write};

use super::load::{Round, percentile};

/// A row of the table.
pub(crate) struct Row(Vec<String>);

const HEAD: [&str; 10] = [
    "measure",
    "conns",
    "accolade/s",
    "limit/s",
    "ratio",
    "p50 ms",
    "p99 ms",
    "limit p50",
    "limit p99",
    "requests",
];

impl Row {
    /// A row with one figure.
    pub(crate) fn single(name: &str, figure: String) -> Self {
        Self(vec![name.to_owned(), figure])
    }

    /// A row that compares the rounds of both; the handler's may be none.
    pub(crate) fn measured(
        name: &str,
        connections: usize,
        ours: Vec<Round>,
        theirs: Vec<Round>,
    ) -> Self {
        let (rate, limit) = (median(&ours), median(&theirs));
        let compared = |text: String| {
            if theirs.is_empty() {
                "-".to_owned()
            } else {
                text
            }
        };
        let mut latencies: Vec<u32> = ours.into_iter().flat_map(|r| r.latencies).collect();
        let (limit_text, ratio) = (
            compared(format!("{limit:.0}")),
            compared(format!("{:.2}", rate / limit)),
        );
        let requests = latencies.len();
        let p = [50, 99].map(|percent| format!("{:.1}", percentile(&mut latencies, percent)));
        let none = theirs.is_empty();
        let mut latencies: Vec<u32> = theirs.into_iter().flat_map(|r| r.latencies).collect();
        let q = [50, 99].map(|percent| {
            if none {
                "-".to_owned()
            } else {
                format!("{:.1}", percentile(&mut latencies, percent))
            }
        });
        let mut cells = vec![
            name.to_owned(),
            connections.to_string(),
            format!("{rate:.0}"),
            limit_text,
            ratio,
        ];
        cells.extend(p.into_iter().chain(q));
        cells.push(requests.to_string());
        Self(cells)
    }
}

fn median(rounds: &[Round]) -> f64 {
    let mut rates: Vec<f64> = rounds.iter().map(|r| r.per_second).collect();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints the rows under their heads, as Markdown has tables. Single figures follow.
pub(crate) fn print(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    writeln!(out, "| {} |", HEAD.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(HEAD.len()))?;
    for Row(cells) in rows.iter().filter(|row| row.0.len() == HEAD.len()) {
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    for Row(cells) in rows.iter().filter(|row| row.0.len() != HEAD.len()) {
        writeln!(out, "{}", cells.join(": "))?;
    }
    Ok(())
}
