//! From the files of a project to a manifest.
