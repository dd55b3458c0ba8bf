//! To whom assets belong.

use millstream_core::AssetKey;
use serde_json::Value;

use crate::project::Project;

impl Project {
    /// Who answers for the step that makes an asset: `owner` of the `meta` of dbt's configuration,
    /// else the owner of its group.
    pub fn owner(&self, asset: &AssetKey) -> Option<String> {
        let manifest = &self.dbt.manifest;
        let declared = manifest.nodes.get(&self.graph.node(asset)?.id)?;
        let meta = declared.config.get("meta").and_then(|meta| meta.get("owner"));
        let group = || {
            let name = declared.group.as_deref()?;
            let group = manifest.groups.values().find(|group| group.name == name)?;
            group.owner.get("name").or_else(|| group.owner.get("email"))
        };
        meta.or_else(group).and_then(Value::as_str).map(str::to_owned)
    }

    /// The group of dbt that the step belongs to which makes an asset.
    pub fn group(&self, asset: &AssetKey) -> Option<String> {
        let declared = self.dbt.manifest.nodes.get(&self.graph.node(asset)?.id)?;
        declared.group.as_deref().map(str::to_owned)
    }
}
