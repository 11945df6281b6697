"""Merges decisions made on several machines: each record with the one elsewhere, the later word counts."""

import hashlib
import logging

from thumb_assets.errors import BadInputError
from thumb_assets.files import read_json, write_json
from thumb_assets.store.decision_records import SUFFIX, DecisionRecords, Record, record_of
from thumb_assets.store.identity import is_video_id
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.remote import RemoteFolder

FOLDER = "decisions"
_LOGGER = logging.getLogger(__name__)


class MirroredDecisions:
    """The records of a data folder, kept elsewhere as well.

    Args:
        url: of the folder that is shared.
        store: of this machine.
    """

    def __init__(self, url: str, store: TableStore) -> None:
        self._remote = RemoteFolder(f"{url.rstrip('/')}/{FOLDER}")
        self._records = DecisionRecords(store)
        self._state_path = store.data_dir / "mirror" / "decisions.json"

    def sync(self) -> None:
        """Merges all records that changed here or there since the last call, and writes them on both sides.

        Raises:
            ContractError: a record and its copy are damaged here.
            NetworkError, StorageError: see `RemoteFolder`.
        """
        there = self._stamps_there()
        if not there and not self._records.names():
            return
        with self._records.held():
            before, after = read_json(self._state_path), {}
            for name in sorted({*there, *self._records.names()}):
                mine = self._records.read(name)
                if before.get(name) != _state(mine, there.get(name)):
                    mine = self._merge(name, mine)
                after[name] = _state(mine, there.get(name))
            if after != before:
                write_json(self._state_path, after)

    def _merge(self, name: str, mine: Record | None) -> Record | None:
        content = self._remote.read(f"{name}{SUFFIX}")
        theirs = None
        if content is not None:
            try:
                theirs = record_of(content)
            except ValueError as error:
                _LOGGER.warning("%s/%s%s: is not used: %s", self._remote.url, name, SUFFIX, error)
        both = mine.merged_with(theirs) if mine and theirs else mine or theirs
        if both is None:
            return None
        if mine is None or _facts(mine) != _facts(both):
            self._records.write(both)
        if theirs is None or _facts(theirs) != _facts(both):
            self._remote.put(f"{name}{SUFFIX}", both.to_bytes())
        return both

    def _stamps_there(self) -> dict[str, str]:
        try:
            files = self._remote.files()
        except BadInputError:  # nobody decided anything yet
            return {}
        names = {file.name.removesuffix(SUFFIX): file.stamp for file in files if file.name.endswith(SUFFIX)}
        return {name: stamp for name, stamp in names.items() if is_video_id(name)}


def _facts(record: Record) -> tuple[object, ...]:
    """Facts that two machines have to agree on; the id and the order of the paths are each machine's own."""
    return record.words, record.collected, set(record.paths), record.pictures_sha256


def _state(mine: Record | None, stamp: str | None) -> str:
    return f"{stamp} {hashlib.sha256(mine.to_bytes()).hexdigest() if mine else None}"
