//! One version of the project after another in a server that stays.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millstream_server::{AnswerMaker, Answers};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::generation::{Generation, Started};
use crate::cli::{Global, OutputFormat};
use crate::exit::Failure;
use crate::wire::{Opened, expect_released, find_project};

/// How often the current release is looked at.
const RELEASE_POLL: Duration = Duration::from_millis(200);
/// The pause before a release that cannot be served is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(30);

/// Puts the current release in the place of the one that is served.
pub(super) struct Succession {
    pub(super) global: Global,
    pub(super) maker: AnswerMaker,
    pub(super) current: watch::Sender<Answers>,
    pub(super) stop: CancellationToken,
}

impl Succession {
    /// Follows the releases until the process stops; gives what is at work then.
    pub(super) async fn follow(self, mut started: Started) -> Started {
        let mut leaving = JoinSet::new();
        let mut failed: Option<(Newer, Instant)> = None;
        while !self.stop.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(RELEASE_POLL) => {}
                () = self.stop.cancelled() => break,
            }
            while leaving.try_join_next().is_some() {}
            let Some(newer) = newer(&started) else { continue };
            let pauses = |(of, at): (Newer, Instant)| of == newer && at.elapsed() < RETRY_PAUSE;
            if failed.is_some_and(pauses) {
                continue;
            }
            match self.succeed(&started).await {
                Ok(next) => {
                    leaving.spawn(std::mem::replace(&mut started, next).leave());
                    failed = None;
                    tracing::info!(files = %newer, "they are served");
                }
                Err(failure) => {
                    failed = Some((newer, Instant::now()));
                    tracing::error!(files = %newer, "they cannot be served, and what was goes on");
                    let _ = failure.report(OutputFormat::Text);
                }
            }
        }
        while leaving.join_next().await.is_some() {}
        started
    }

    /// Opens a release beside the one that is at work, and lets it answer and start from now on.
    async fn succeed(&self, started: &Started) -> Result<Started, Failure> {
        let found = tokio::task::block_in_place(|| find_project(&self.global))?;
        expect_released(&found)?;
        let opened = Arc::new(Opened::of(found, "serve").await?);
        let earlier = Some(started.conductor());
        let next =
            Generation::prepare(&self.global, &opened, earlier, &self.maker, &self.stop).await?;
        self.current.send_replace(next.answers());
        started.retire();
        Ok(next.start())
    }
}

/// The files by which the environment runs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Newer {
    /// Those of a release.
    Release(u64),
    /// Those of the project's folder.
    Folder,
}

impl fmt::Display for Newer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(release) => write!(f, "release {release}"),
            Self::Folder => f.write_str("the folder"),
        }
    }
}

/// By which files the environment runs, if they are others than those that are served.
fn newer(started: &Started) -> Option<Newer> {
    let opened = started.opened();
    if opened.project.environment.branch.is_some() {
        return None;
    }
    let served = opened.release.as_ref().map(|served| served.release);
    match opened.ledger.current_release() {
        Ok(current) => {
            let current = current.map(|current| current.release);
            (served != current).then(|| current.map_or(Newer::Folder, Newer::Release))
        }
        Err(error) => {
            tracing::warn!(%error, "the current release cannot be read");
            None
        }
    }
}
