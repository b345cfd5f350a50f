//! `passback relay`, which has a configuration of its own.

use std::path::Path;

use command::{Failure, print};

use super::{USABLE, until_told};
use crate::relay_alone::{self, KEYS, NotServing, RelaySettings, TITLE};

/// Serves until told to stop.
pub(super) async fn serve(config: &Path) -> Result<(), Failure> {
    let settings = RelaySettings::load(config).map_err(Failure::configuration)?;
    relay_alone::serve(settings, until_told()).await.map_err(|why| match why {
        NotServing::Certificate(error) => Failure::configuration(error),
        NotServing::Address(error) => Failure::unavailable(error),
    })
}

/// Prints a commented example with every key.
pub(super) fn example() -> Result<(), Failure> {
    print(&settings::example(TITLE, KEYS))
}

/// Checks a configuration.
pub(super) fn check(config: &Path) -> Result<(), Failure> {
    let settings = RelaySettings::load(config).map_err(Failure::configuration)?;
    settings.tls().map_err(Failure::configuration)?;
    print(USABLE)
}
