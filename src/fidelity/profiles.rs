//! The profiles with which the recordings were made.

use crate::cluster::Names;
use crate::scheduler::config::Config;

/// The configuration file of all recorded profiles, as given to the real scheduler.
pub const CONFIGURATION: &str = include_str!("profiles.yaml");

/// Reads it.
///
/// # Errors
/// If the reader refuses something.
pub fn config(names: &mut Names) -> Result<Config, String> {
    let value: serde_json::Value = serde_yaml::from_str(CONFIGURATION).map_err(|error| error.to_string())?;
    crate::scheduler::config::read(&value, names)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}
