//! Finds the nodes that a command is about.
