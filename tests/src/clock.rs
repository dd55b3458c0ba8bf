//! A clock that somebody sets while processes work.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::process::Command;

use crate::preload::Preload;

/// The clock of the processes that are put under it.
#[derive(Debug)]
pub struct JumpingClock {
    library: Preload,
}

impl JumpingClock {
    /// Compiles it. It is right at first.
    pub fn compiled() -> Self {
        let clock = Self { library: Preload::compiled("clock.c") };
        std::fs::write(clock.file(), 0_i64.to_ne_bytes()).expect("a file");
        clock
    }

    /// Lets a command read this clock.
    pub fn put_under(&self, command: &mut Command) {
        command.env("LD_PRELOAD", self.library.path()).env("MILLSTREAM_CLOCK_FILE", self.file());
    }

    /// Sets the clock of all processes under it to so many seconds from what is right. What passes
    /// since the machine began goes on as before.
    pub fn set(&self, seconds: i64) {
        let file = OpenOptions::new().write(true).open(self.file()).expect("the file is there");
        // Processes have the file in their memory: it is never shorter.
        file.write_all_at(&seconds.to_ne_bytes(), 0).expect("it can be written");
    }

    fn file(&self) -> std::path::PathBuf {
        self.library.folder().join("seconds")
    }
}
