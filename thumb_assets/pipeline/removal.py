"""Removes what was made of a video: of a file that is gone, or of its former content once that has been made anew."""

import logging

from thumb_assets.errors import StorageError
from thumb_assets.folders import recover_folder
from thumb_assets.store.file_cache import LibraryVideo
from thumb_assets.store.library import Library
from thumb_assets.store.mirror import Mirror
from thumb_assets.store.outputs import remove_outputs
from thumb_assets.store.parquet import TableStore

_LOGGER = logging.getLogger(__name__)


def remove_video(video_id: str, mirror: Mirror, store: TableStore) -> None:
    """Removes, here and elsewhere, all that was made of a video, pictures that a killed run was writing among it.

    Raises:
        NetworkError, StorageError: it cannot be removed now, as where another process works on it; the next call does.
    """
    if not _remove_unless_busy(video_id, mirror, store):
        raise StorageError(f"{video_id}: another process works on it; run this again when that one is done")


def remove_replaced(video: LibraryVideo, library: Library, mirror: Mirror, store: TableStore) -> None:
    """Removes, here and elsewhere, what was made of the former contents of a video's file.

    Stills stay where there are none of the new content yet; all stays where another process works on it.

    Raises:
        NetworkError, StorageError: it cannot be removed now; the next call does it.
    """
    for former in library.former_ids(video):
        is_behind = store.has("stills", former) and not store.has("stills", video.video_id)
        if store.has("outcomes", former) and not is_behind and _remove_unless_busy(former, mirror, store):
            _LOGGER.info("%s: replaced what was made of %s", video.video_id, former)


def _remove_unless_busy(video_id: str, mirror: Mirror, store: TableStore) -> bool:
    lock = store.video_lock(video_id)
    try:
        if not lock.try_acquire():
            return False
        mirror.remove(video_id)
        for folder in store.file_dirs(video_id):
            recover_folder(folder)
        remove_outputs(store, video_id)
    except OSError as error:
        raise StorageError(f"{video_id}: cannot be removed: {error.strerror}; check the disk") from error
    finally:
        lock.release()
    return True
