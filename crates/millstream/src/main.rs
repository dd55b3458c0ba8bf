//! One binary and one git folder for the whole modern data stack for machine learning.

fn main() {}
