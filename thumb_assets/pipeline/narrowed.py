"""A video's tables as one stage is handed them: without the columns of which it says that they change nothing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from thumb_assets.stages.kit.declaration import FrameKeeper, VideoTables
from thumb_assets.store.file_cache import LibraryVideo

if TYPE_CHECKING:
    from thumb_assets.video.frame import Frame
    from thumb_assets.video.header import VideoHeader


class Narrowed:
    """One video in one run; a stage that reads more than it declares fails on a column that is not there.

    Args:
        columns: by table, those that are left; see `Stage.columns_of`.
    """

    def __init__(self, job: VideoTables, columns: Mapping[str, tuple[str, ...]]) -> None:
        self._job, self._columns = job, columns
        self.video: LibraryVideo = job.video
        self.header: VideoHeader | None = job.header
        self.keepers: Mapping[str, FrameKeeper] = job.keepers
        self.kept_frames: Mapping[int, Frame] = job.kept_frames

    @property
    def video_id(self) -> str:
        """The partition."""
        return self._job.video_id

    def table(self, table_name: str) -> pa.Table:
        """A table made in this run, else the stored one; raises MissingInputError where there is none."""
        return self._narrowed(table_name, self._job.table(table_name))

    def optional_table(self, table_name: str) -> pa.Table | None:
        """The same; None where there is none."""
        table = self._job.optional_table(table_name)
        return None if table is None else self._narrowed(table_name, table)

    def footer(self, table_name: str) -> dict[str, str]:
        """The footer of a stored table; empty where there is none."""
        return self._job.footer(table_name)

    def _narrowed(self, table_name: str, table: pa.Table) -> pa.Table:
        return table.select(self._columns[table_name]) if table_name in self._columns else table
