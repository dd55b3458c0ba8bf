//! The version that a deployment serves at the moment.
//!
//! Each request looks at the alias. When it has moved, the old version goes on answering until the
//! new one is loaded, so that no request waits for a load or fails because of one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use millstream_core::Result;
use millstream_core::catalog::{Catalog, CatalogSnapshot};
use millstream_core::clock::Clock;
use millstream_core::error::Plain;
use millstream_core::model::{Models, Scorer};
use tracing::{info, warn};

use crate::error::DeployError;
use crate::limits::{PINNED_VERSIONS_MAX, RELOAD_PAUSE};
use crate::reference::ModelReference;

/// A model reference and what is loaded of it.
#[derive(Debug)]
pub struct LiveModel {
    deployment: String,
    reference: ModelReference,
    models: Arc<dyn Models>,
    catalog: Arc<dyn Catalog>,
    clock: Clock,
    current: RwLock<Option<Arc<dyn Scorer>>>,
    pinned: Mutex<VecDeque<Arc<dyn Scorer>>>,
    /// Held while nothing is loaded and the first version is on its way.
    first: tokio::sync::Mutex<()>,
    loading: AtomicBool,
    /// In microseconds since 1970: no load before.
    load_after: AtomicI64,
}

impl LiveModel {
    pub(crate) fn new(
        deployment: String,
        reference: ModelReference,
        models: Arc<dyn Models>,
        catalog: Arc<dyn Catalog>,
        clock: Clock,
    ) -> Arc<Self> {
        Arc::new(Self {
            deployment,
            reference,
            models,
            catalog,
            clock,
            current: RwLock::default(),
            pinned: Mutex::default(),
            first: tokio::sync::Mutex::default(),
            loading: AtomicBool::new(false),
            load_after: AtomicI64::new(i64::MIN),
        })
    }

    /// The version to answer with: the one that the alias names, or the one before it while that
    /// is being loaded.
    pub async fn current(self: &Arc<Self>) -> Result<Arc<dyn Scorer>, DeployError> {
        let loaded = self.loaded();
        let snapshot = match (self.catalog.snapshot(), &loaded) {
            (Ok(snapshot), _) => snapshot,
            (Err(cause), Some(loaded)) => {
                warn!(deployment = self.deployment, %cause, "catalog unreadable, version kept");
                return Ok(Arc::clone(loaded));
            }
            (Err(cause), None) => return Err(cause.into()),
        };
        match (loaded, self.reference.version(&snapshot)) {
            (Some(loaded), Some(wanted)) if loaded.version() != wanted => {
                self.load_behind(snapshot, wanted);
                Ok(loaded)
            }
            (Some(loaded), _) => Ok(loaded),
            (None, Some(wanted)) => self.load_first(snapshot, wanted).await,
            (None, None) => Err(DeployError::NoVersion {
                deployment: self.deployment.clone(),
                reference: self.reference.to_string(),
                remedy: self.reference.remedy(&snapshot),
            }),
        }
    }

    /// A version by its number.
    pub async fn at(self: &Arc<Self>, version: u64) -> Result<Arc<dyn Scorer>, DeployError> {
        if let Some(loaded) = self.loaded().filter(|loaded| loaded.version() == version) {
            return Ok(loaded);
        }
        if let Some(pinned) = self.pinned(version) {
            return Ok(pinned);
        }
        let snapshot = self.catalog.snapshot()?;
        let scorer =
            self.load(snapshot, version).await.map_err(|cause| DeployError::VersionUnknown {
                deployment: self.deployment.clone(),
                version: version.to_string(),
                reason: cause.to_string(),
            })?;
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        pinned.truncate(PINNED_VERSIONS_MAX - 1);
        pinned.push_front(Arc::clone(&scorer));
        Ok(scorer)
    }

    /// The version that is loaded, whatever the alias says.
    pub fn loaded(&self) -> Option<Arc<dyn Scorer>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn pinned(&self, version: u64) -> Option<Arc<dyn Scorer>> {
        let pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        pinned.iter().find(|scorer| scorer.version() == version).cloned()
    }

    async fn load_first(
        self: &Arc<Self>,
        snapshot: CatalogSnapshot,
        version: u64,
    ) -> Result<Arc<dyn Scorer>, DeployError> {
        let _turn = self.first.lock().await;
        if let Some(loaded) = self.loaded() {
            return Ok(loaded);
        }
        let scorer = self.load(snapshot, version).await?;
        self.take_over(Arc::clone(&scorer));
        Ok(scorer)
    }

    async fn load(
        self: &Arc<Self>,
        snapshot: CatalogSnapshot,
        version: u64,
    ) -> Result<Arc<dyn Scorer>> {
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || this.resolve(&snapshot, version))
            .await
            .unwrap_or_else(|_| Err(Plain::internal("deploy.model_defect", "loading died").into()))
    }

    /// Loads a version on a thread of its own, one at a time, while the present one answers.
    fn load_behind(self: &Arc<Self>, snapshot: CatalogSnapshot, version: u64) {
        let too_early = self.clock.now().as_micros() < self.load_after.load(Ordering::Relaxed);
        if too_early || self.loading.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let _done = Done(&this.loading);
            match this.resolve(&snapshot, version) {
                Ok(scorer) => this.take_over(scorer),
                Err(cause) => {
                    let pause = RELOAD_PAUSE.as_micros() as i64;
                    let again_at = this.clock.now().as_micros().saturating_add(pause);
                    this.load_after.store(again_at, Ordering::Relaxed);
                    warn!(deployment = this.deployment, version, %cause, "version not loaded");
                }
            }
        });
    }

    fn resolve(&self, snapshot: &CatalogSnapshot, version: u64) -> Result<Arc<dyn Scorer>> {
        self.models.resolve(&self.reference.at(version).to_string(), snapshot)
    }

    fn take_over(&self, scorer: Arc<dyn Scorer>) {
        let (deployment, version) = (&self.deployment, scorer.version());
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let previous = current.replace(scorer).map(|previous| previous.version());
        info!(deployment, version, previous, "version serves");
    }
}

/// Says that loading is over, also when it panicked.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
