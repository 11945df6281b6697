"""The one resource: where the data is and which settings hold."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast, get_args

import dagster as dg
from pydantic import Field

from thumb_assets.errors import SettingsError
from thumb_assets.pipeline.remembered import Keep
from thumb_assets.settings.config import Configuration, read_configuration
from thumb_assets.settings.environment import data_dir
from thumb_assets.settings.load import Settings
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore


class ThumbAssetsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Data folder and settings of a run; every field can be changed in the Launchpad."""

    data_dir: str | None = Field(
        default=None, description="The data folder; unset: THUMB_ASSETS_DATA_DIR, else ./data."
    )
    profile: str | None = Field(default=None, description="A named set of settings; unset: the library's.")
    overrides: list[str] = Field(
        default=[], description="Settings on top of the library's (thumb_assets.toml), such as `selection.top_k=5`."
    )
    recompute: bool = Field(default=False, description="Also run stages whose inputs, settings and code are unchanged.")

    keep: str = Field(
        default="asked",
        description="Settings of earlier runs that stay with a video: `asked` (those asked for beside the library's), "
        "`made` (all that its results were made with, so that nothing is replaced for a setting's sake), or `none`.",
    )

    @property
    def store(self) -> TableStore:
        """The tables of the data folder."""
        return TableStore(data_dir(Path(self.data_dir) if self.data_dir else None))

    @property
    def library(self) -> Library:
        """The videos of the data folder."""
        settings = self.settings
        return Library(self.store.data_dir, ignore=settings.library.ignore, video=settings.video)

    @property
    def settings(self) -> Settings:
        """Settings that hold now: the library's file is read again each time.

        Raises:
            SettingsError: the file, the environment, the profile or an override is wrong.
        """
        return self.configuration.settings

    @property
    def configuration(self) -> Configuration:
        """As `settings`, with the layers that they come from."""
        return read_configuration(self.store.data_dir, profile=self.profile, overrides=self.overrides)

    @property
    def kept(self) -> Keep:
        """The field `keep`, checked."""
        if self.keep not in get_args(Keep):
            raise SettingsError(f"keep is {self.keep!r}; choose one of {', '.join(get_args(Keep))}")
        return cast(Keep, self.keep)

    def keeping(self, keep: Keep) -> "ThumbAssetsResource":
        """The same with another `keep`."""
        return ThumbAssetsResource(**{**self.model_dump(), "keep": keep})


@contextmanager
def one_line_failures() -> Iterator[None]:
    """Turns wrong settings into a failure of the run that says so in one line and is not retried."""
    try:
        yield
    except SettingsError as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def library_settings(resource: ThumbAssetsResource) -> Settings:
    """The settings of the resource's data folder, without what a run or a command has on top."""
    return ThumbAssetsResource(data_dir=resource.data_dir).settings
