//! The command as its user meets it: a program with arguments, output and an exit status.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod program;

mod check;
mod docs;
mod explain;
mod sweep;
