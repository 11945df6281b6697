"""The one resource: where the data is and which settings hold."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from thumb_assets.settings import Settings, data_dir, load_settings
from thumb_assets.store import Library, TableStore


class ThumbAssetsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Data folder and settings of a run; every field can be changed in the Launchpad."""

    data_dir: str | None = Field(
        default=None, description="The data folder; unset: THUMB_ASSETS_DATA_DIR, else ./data."
    )
    profile: str = Field(default="default", description="A named set of settings.")
    overrides: list[str] = Field(default=[], description="Settings on top of it, such as `selection.top_k=5`.")
    recompute: bool = Field(default=False, description="Also run stages whose inputs, settings and code are unchanged.")

    @property
    def store(self) -> TableStore:
        """The tables of the data folder."""
        return TableStore(data_dir(Path(self.data_dir) if self.data_dir else None))

    @property
    def library(self) -> Library:
        """The videos of the data folder."""
        return Library(self.store.data_dir, ignore=self.settings.library.ignore)

    @property
    def settings(self) -> Settings:
        """The settings; SettingsError where the profile or an override is wrong."""
        return load_settings(self.profile, self.overrides)


def library_settings(resource: ThumbAssetsResource) -> Settings:
    """The settings of the resource's data folder, without what a run or a command has on top."""
    return ThumbAssetsResource(data_dir=resource.data_dir).settings
