//! Where scenarios come from: the disk, or a manifest that holds them whole.

use std::path::{Path, PathBuf};

use crate::outcome::provenance::StoredScenario;
use crate::scenario::{self, Scenario};

use super::{Failure, file_name};

/// Where scenarios come from.
pub(crate) enum Library {
    /// Files.
    Disk,
    /// Texts, by the name of the scenario's file; and the folder data files are looked for in.
    Stored(Vec<StoredScenario>, PathBuf),
}

impl Library {
    /// Reads and checks a scenario.
    pub(crate) fn load(&self, path: &Path, overrides: &[(String, String)]) -> Result<Scenario, Failure> {
        match self {
            Library::Disk => Ok(scenario::load(path, overrides)?),
            Library::Stored(scenarios, folder) => {
                let name = file_name(path);
                let stored = scenarios.iter().find(|stored| stored.name == name);
                let stored = stored.ok_or_else(|| Failure::Usage(format!("no scenario `{name}` is stored")))?;
                let mut scenario = scenario::load_stored(&stored.files, overrides)?;
                scenario.files.folder.clone_from(folder);
                Ok(scenario)
            }
        }
    }
}
