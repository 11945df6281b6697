"""The tables on disk: one Parquet file per table and video, written whole or not at all."""

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from thumb_assets.errors import ContractError, MissingInputError, StorageError, ThumbAssetsError
from thumb_assets.files import NamedLock, remove_abandoned, replaced_file, storage_errors
from thumb_assets.store.identity import verify_video_id
from thumb_assets.store.stored_form import ARROW_KEY, footer_metadata, from_stored, to_stored, verify_stored
from thumb_assets.tables.conform import conform
from thumb_assets.tables.contracts import TABLES, stage_of
from thumb_assets.tables.declaration import TableContract

SUFFIX = ".parquet"
_ADVICE = "free or remount the disk, or choose another data folder, and run again"


class TableStore:
    """Paths in the data folder, and the tables' reader and writer.

    Args:
        data_dir: the data folder; it is made when the first table is written.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = Path(data_dir).expanduser().absolute()

    def video_lock(self, video_id: str) -> NamedLock:
        """The lock of whoever works on a video; it is not taken here.

        Raises:
            ContractError: the id is none.
        """
        return NamedLock(self.data_dir / "locks" / verify_video_id(video_id))

    def videos_in_work(self) -> list[str]:
        """The videos that any process works on now, ascending."""
        named = sorted(path.name for path in (self.data_dir / "locks").glob("*") if _is_video_id(path.name))
        return [video_id for video_id in named if self.video_lock(video_id).is_held()]

    @property
    def tables_dir(self) -> Path:
        """The folder of all tables."""
        return self.data_dir / "tables"

    @property
    def catalog_path(self) -> Path:
        """The SQLite index over the tables."""
        return self.data_dir / "catalog.sqlite"

    @property
    def judge_cache_path(self) -> Path:
        """Answers of the judge, by the question."""
        return self.data_dir / "judge_cache" / "answers.sqlite"

    @property
    def outbox_path(self) -> Path:
        """Webhooks that came, and those that go out."""
        return self.data_dir / "outbox.sqlite"

    @property
    def segments_path(self) -> Path:
        """Segments of live sources, and when they were shown."""
        return self.data_dir / "live.sqlite"

    @property
    def report_path(self) -> Path:
        """The page over the whole library."""
        return self.data_dir / "report.html"

    @property
    def gallery_dir(self) -> Path:
        """The library as HTML files, unless they were asked for elsewhere."""
        return self.data_dir / "gallery"

    @property
    def learned_head_path(self) -> Path:
        """The learned scorer."""
        return self.data_dir / "models" / "learned-scorer.safetensors"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage, where the user set no DAGSTER_HOME."""
        return self.data_dir / "dagster"

    @property
    def stills_root(self) -> Path:
        """The folder of all stills, one folder per video in it."""
        return self.data_dir / "stills"

    def stills_dir(self, video_id: str) -> Path:
        """The folder of a video's stills; not made here.

        Raises:
            ContractError: the id is none.
        """
        return self.stills_root / verify_video_id(video_id)

    @property
    def crops_root(self) -> Path:
        """The folder of all crops, one folder per video in it."""
        return self.data_dir / "crops"

    def crops_dir(self, video_id: str) -> Path:
        """The folder of a video's crops; not made here.

        Raises:
            ContractError: the id is none.
        """
        return self.crops_root / verify_video_id(video_id)

    @property
    def chapters_root(self) -> Path:
        """The folder of all chapters as files, one folder per video in it."""
        return self.data_dir / "chapters"

    def chapters_dir(self, video_id: str) -> Path:
        """The folder of a video's chapters as files; not made here.

        Raises:
            ContractError: the id is none.
        """
        return self.chapters_root / verify_video_id(video_id)

    @property
    def previews_root(self) -> Path:
        """The folder of all previews, one folder per video in it."""
        return self.data_dir / "previews"

    def previews_dir(self, video_id: str) -> Path:
        """The folder of a video's previews; not made here.

        Raises:
            ContractError: the id is none.
        """
        return self.previews_root / verify_video_id(video_id)

    @property
    def renditions_root(self) -> Path:
        """The folder of all renditions, one folder per video in it."""
        return self.data_dir / "renditions"

    def renditions_dir(self, video_id: str) -> Path:
        """The folder of a video's renditions; not made here.

        Raises:
            ContractError: the id is none.
        """
        return self.renditions_root / verify_video_id(video_id)

    def file_dirs(self, video_id: str) -> list[Path]:
        """The folders of all files of a video beside its tables."""
        return [folder(video_id) for folder in self._folders.values()]

    @property
    def _folders(self) -> dict[str, Callable[[str], Path]]:
        """By table that names files: the folder of a video's."""
        return {
            "stills": self.stills_dir,
            "crops": self.crops_dir,
            "chapters": self.chapters_dir,
            "previews": self.previews_dir,
            "renditions": self.renditions_dir,
        }

    def table_path(self, table_name: str, video_id: str) -> Path:
        """Path of a table of a video, which need not exist.

        Raises:
            ContractError: there is no such table, or the id is none.
        """
        _contract(table_name)
        return self.tables_dir / table_name / f"{verify_video_id(video_id)}{SUFFIX}"

    def write(self, table_name: str, table: pa.Table, *, video_id: str, footer: Mapping[str, str]) -> Path:
        """Conforms a table and replaces the stored one with it.

        Args:
            table_name: a key of TABLES.
            table: rows of that one video; cast and sorted by `conform`.
            video_id: the video.
            footer: facts about how it was made; REQUIRED_FOOTER_KEYS and whatever else the contract names.
                `tool_versions` is a JSON object.

        Returns:
            The path of the file. A reader sees the old file or the new one, never a part.

        Raises:
            ContractError: the table breaks its contract, holds another video, or a footer key is missing.
            StorageError: the disk is full, read-only or gone; the old file is whole.
        """
        path = self.table_path(table_name, video_id)
        table = conform(table_name, table)
        metadata = footer_metadata(_contract(table_name), table, footer)
        others = _other_video_ids(table, video_id)
        if others:
            raise ContractError(f"table {table_name}: rows of {others[0]!r} in the table of {video_id!r}")
        with storage_errors(path, advice=_ADVICE):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replaced_file(path) as handle:
                stored = to_stored(table).replace_schema_metadata(metadata)
                pq.write_table(stored, handle, compression="zstd", write_page_checksum=True)
        return path

    def read(self, table_name: str, video_id: str) -> pa.Table:
        """A stored table; its footer is in the schema's metadata.

        Raises:
            MissingInputError: it was not made yet; the message names the stage.
            ContractError: the file is corrupt, of another version of the contract, or another video's, or its rows are
                not those that were written.
            StorageError: the disk does not answer.
        """
        path = self.table_path(table_name, video_id)
        stage = stage_of(table_name)
        with _read_errors(path, stage=stage):
            try:
                handle = path.open("rb")
            except FileNotFoundError:
                what = f"run the stage {stage!r} first" if stage else "no stage was tried on this video yet"
                raise MissingInputError(
                    f"video {video_id}: there is no table {table_name!r} ({path}); {what}"
                ) from None
            # ParquetFile, not read_table: that one takes a folder named `k=v` on the way for a partition column.
            # No threads, nor pre-buffering, which is done by one: Arrow's may still hold Python's file when the process
            # ends, and that aborts it (apache/arrow#34314).
            with handle, pq.ParquetFile(handle, page_checksum_verification=True, pre_buffer=False) as file:
                table = from_stored(file.read(use_threads=False))
        verify_stored(table, _contract(table_name), path=path, stage=stage)
        if others := _other_video_ids(table, video_id):  # a file that somebody copied or renamed
            raise ContractError(f"{path}: holds rows of {others[0]!r}; delete it and run the stage {stage!r} again")
        return _contract(table_name).with_later_columns(table)

    def read_or_none(self, table_name: str, video_id: str) -> pa.Table | None:
        """As `read`, with None where the table was not made yet."""
        try:
            return self.read(table_name, video_id)
        except MissingInputError:
            return None

    def footer(self, table_name: str, video_id: str) -> dict[str, str] | None:
        """The footer of a stored table without reading its rows; None where the table was not made yet.

        Raises:
            ContractError: the file is corrupt.
            StorageError: the disk does not answer.
        """
        path = self.table_path(table_name, video_id)
        with _read_errors(path, stage=stage_of(table_name)):
            try:
                handle = path.open("rb")
            except FileNotFoundError:
                return None
            with handle:
                metadata = pq.read_metadata(handle).metadata or {}
        return {key.decode(): value.decode() for key, value in metadata.items() if key != ARROW_KEY}

    def has(self, table_name: str, video_id: str) -> bool:
        """True when the table was made; it is not opened."""
        return self.table_path(table_name, video_id).is_file()

    def write_text(self, path: Path, text: str) -> Path:
        """Writes a text beside the tables, UTF-8; readers see the old one or the new one.

        Raises:
            StorageError: the disk is full, read-only or gone; the old file is whole.
        """
        return self.write_bytes(path, text.encode())

    def write_bytes(self, path: Path, content: bytes) -> Path:
        """Writes a file beside the tables, in a folder that need not exist; readers see the old one or the new one.

        Raises:
            StorageError: the disk is full, read-only or gone; the old file is whole.
        """
        with storage_errors(path, advice=_ADVICE):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replaced_file(path) as handle:
                handle.write(content)
        return path

    def files_dir(self, table_name: str, video_id: str) -> Path | None:
        """The folder of the files that a table names; None for a table that names none."""
        return self._folders[table_name](video_id) if table_name in self._folders else None

    def delete(self, table_name: str, video_id: str) -> bool:
        """Removes a stored table; False where there was none.

        Raises:
            StorageError: the disk is read-only or gone.
        """
        path = self.table_path(table_name, video_id)
        with storage_errors(path, advice=_ADVICE):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def video_ids(self, table_name: str) -> list[str]:
        """The videos that have the table, ascending.

        Raises:
            ContractError: there is no such table.
        """
        folder = self.tables_dir / _contract(table_name).name
        return sorted(path.stem for path in folder.glob(f"*{SUFFIX}") if _is_video_id(path.stem))

    def clean_temporary_files(self, *, older_than_seconds: float = 3600.0) -> list[Path]:
        """Removes what writers that were killed left behind; the files of those that still write are left alone.

        Args:
            older_than_seconds: from this age on a file counts as left behind even where no lock can tell.

        Raises:
            StorageError: the disk is read-only or gone.
        """
        cleaned = []
        for path in sorted(self.tables_dir.glob("*/.*")):
            with storage_errors(path, advice=_ADVICE):
                if remove_abandoned(path, older_than_seconds=older_than_seconds):
                    cleaned.append(path)
        return cleaned


def _contract(table_name: str) -> TableContract:
    if table_name not in TABLES:
        raise ContractError(f"there is no table {table_name!r}; the tables are {', '.join(TABLES)}")
    return TABLES[table_name]


def _other_video_ids(table: pa.Table, video_id: str) -> list[str]:
    return [value for value in pc.unique(table.column("video_id")).to_pylist() if value != video_id]


def _is_video_id(text: str) -> bool:
    try:
        verify_video_id(text)
    except ContractError:
        return False
    return True


@contextmanager
def _read_errors(path: Path, *, stage: str | None) -> Iterator[None]:
    try:
        yield
    except ThumbAssetsError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        # Arrow raises OSError without an errno for damaged content; with one it is the operating system's.
        if isinstance(error, OSError) and error.errno not in {None, errno.EINVAL}:
            raise StorageError(f"{path}: cannot be read: {error.strerror}; check the disk and run again") from error
        again = f"run the stage {stage!r} again" if stage else "delete it"
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise ContractError(f"{path}: is not a readable Parquet file ({reason}); {again}") from error
