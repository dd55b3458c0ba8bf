//! Sources, one folder each, and the sync step.
