//! The command line: parses the arguments and hands over.

fn main() -> anyhow::Result<()> {
    accolade::cli::main()
}
