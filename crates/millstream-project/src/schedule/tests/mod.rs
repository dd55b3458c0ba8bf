//! Tests of timetables against slower and simpler ones.

mod brute_force;
