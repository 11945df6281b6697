"""Settings of the files beside a video, where media servers look for its pictures."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from thumb_assets.settings.base import StageSettings

ArtworkKind = Literal["thumb", "poster", "fanart", "folder_poster", "folder_fanart", "trickplay"]


class ArtworkSettings(StageSettings):
    """Pictures beside the videos, for Kodi, Jellyfin and Emby."""

    kinds: tuple[ArtworkKind, ...] = Field(
        (),
        description="thumb (NAME-thumb.jpg), poster (NAME-poster.jpg), fanart (NAME-fanart.jpg), folder_poster and "
        "folder_fanart (poster.jpg, fanart.jpg, where the video is alone in its folder), trickplay (NAME.trickplay/, "
        "with previews.kinds).",
    )
    writable: tuple[Path, ...] = Field(
        (), description="Folders of the library that may be written to, with all below them; empty: none."
    )

    @field_validator("writable")
    @classmethod
    def _folders_are_absolute(cls, folders: tuple[Path, ...]) -> tuple[Path, ...]:
        for folder in folders:
            if not folder.is_absolute():
                raise ValueError(f"{str(folder)!r} is no absolute path")
        return folders
