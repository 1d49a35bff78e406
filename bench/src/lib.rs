//! What the programs here have in common: how a command is run, and what plays Lambda to it.

pub mod process;
pub mod runtime_api;
