//! The commands of the binary.

/// Runs the command that the arguments name.
pub fn main() -> anyhow::Result<()> {
    print_schema();
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the schema is the command's output")]
fn print_schema() {
    print!("{}", crate::graphql::build().sdl());
}
