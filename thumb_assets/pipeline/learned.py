"""When the learned scorer of a data folder counts, and by what a choice made with it is known."""

import hashlib

from thumb_assets.errors import ContractError, MissingInputError
from thumb_assets.select.learned import LearnedHead
from thumb_assets.settings.load import Settings
from thumb_assets.store.learned_head import read_learned_bytes, read_learned_head
from thumb_assets.store.parquet import TableStore


def load_learned_head(settings: Settings, store: TableStore) -> LearnedHead | None:
    """The learned scorer, where `selection.learned` lets it count; None where it has no say.

    Raises:
        MissingInputError: it is forced, and there is none.
        ContractError: its file is damaged or of another version.
        StorageError: the disk does not answer.
    """
    mode = settings.selection.learned
    stored = None if mode == "off" else read_learned_head(store)
    if stored is None:
        if mode == "force":
            raise MissingInputError(
                f"{store.learned_head_path}: is not there, and selection.learned is force; run `thumb-assets learn` "
                "first, or set it to auto"
            )
        return None
    return stored.head if mode == "force" or stored.is_better else None


def learned_head_sha256(settings: Settings, store: TableStore) -> str | None:
    """Hex SHA-256 of the file of the learned scorer, where it counts; None where it does not, or is not there.

    Raises:
        StorageError: the disk does not answer.
    """
    try:
        head = load_learned_head(settings, store)
    except MissingInputError:
        return None
    except ContractError:  # the choice itself says so
        head = None
    else:
        if head is None:
            return None
    try:
        content = read_learned_bytes(store)
    except ContractError as error:
        return str(error)
    return None if content is None else hashlib.sha256(content).hexdigest()
