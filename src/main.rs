//! The command line; still to come.

fn main() {}
