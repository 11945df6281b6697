"""The stored tables of one video as a run may use them: only those that are what was written."""

import pyarrow as pa

from thumb_assets.errors import ContractError, StorageError, ThumbAssetsError, without_advice
from thumb_assets.folders import recover_folder
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.stored_files import file_problems
from thumb_assets.tables.contracts import tables_of

# What a survey found in other videos: a choice is made without it where it is damaged.
DISPENSABLE = "recurrences"


class StoredTables:
    """The stored tables of one video, each stage's read once.

    Attributes:
        problems: by stage, what was wrong with its stored tables.
        notes: by damaged table that is done without, one line.
    """

    def __init__(self, store: TableStore, video_id: str) -> None:
        self._store, self._video_id = store, video_id
        self._right: dict[str, dict[str, pa.Table] | None] = {}
        self.problems: dict[str, str] = {}
        self.notes: dict[str, str] = {}

    def table(self, table_name: str) -> pa.Table | None:
        """A stored table; None where there is none, or where it is damaged and can be done without.

        Raises:
            ContractError, StorageError: it cannot be read.
        """
        try:
            return self._store.read_or_none(table_name, self._video_id)
        except (ContractError, StorageError) as error:
            if table_name != DISPENSABLE:
                raise
            advice = "until `thumb-assets survey` writes it again, the choice is made without it"
            self.notes[table_name] = f"{without_advice(str(error))}; {advice}"
            return None

    def of_stage(self, stage: str) -> dict[str, pa.Table] | None:
        """A stage's tables; None where one of them, or a file that it names, is not what was written."""
        if stage not in self._right:
            self._right[stage] = self._read(stage)
        return self._right[stage]

    def forget(self, stage: str) -> None:
        """Has a stage's tables read again when they are asked for: they were written."""
        self._right.pop(stage, None)

    def found_wrong(self, stage: str, problem: str) -> None:
        """Keeps the first problem, without the advice of its message, which is followed here."""
        self.problems.setdefault(stage, without_advice(problem))

    def _read(self, stage: str) -> dict[str, pa.Table] | None:
        try:
            stored = {name: self._store.read(name, self._video_id) for name in tables_of(stage)}
            self._recover_files(stage)
        except (ThumbAssetsError, OSError) as error:  # what cannot be read or put right is made again
            self.found_wrong(stage, str(error))
            return None
        for name, table in stored.items():
            if problems := file_problems(self._store, name, table, self._video_id, is_full=False):
                self.found_wrong(stage, problems[0])
                return None
        return stored

    def _recover_files(self, stage: str) -> None:
        """Puts right what a crash left of the stage's pictures; making them does so itself."""
        for table_name in tables_of(stage):
            folder = self._store.files_dir(table_name, self._video_id)
            if folder is not None:
                recover_folder(folder)
