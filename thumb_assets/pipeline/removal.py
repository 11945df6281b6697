"""Removes what was made of a video: of a file that is gone, or of its former content once that has been made anew."""

import logging

from thumb_assets.errors import StorageError
from thumb_assets.export import recover_folder
from thumb_assets.store import Library, LibraryVideo, Mirror, TableStore, remove_outputs

_LOGGER = logging.getLogger(__name__)


def remove_video(video_id: str, mirror: Mirror, store: TableStore) -> None:
    """Removes, here and elsewhere, all that was made of a video, pictures that a killed run was writing among it.

    Raises:
        NetworkError, StorageError: it cannot be removed now; the next call does it.
    """
    mirror.remove(video_id)
    for folder in store.file_dirs(video_id):
        try:
            recover_folder(folder)
        except OSError as error:
            raise StorageError(f"{folder}: cannot be removed: {error.strerror}; check the disk") from error
    remove_outputs(store, video_id)


def remove_replaced(video: LibraryVideo, library: Library, mirror: Mirror, store: TableStore) -> None:
    """Removes, here and elsewhere, what was made of the former contents of a video's file.

    Stills stay where there are none of the new content yet.

    Raises:
        NetworkError, StorageError: it cannot be removed now; the next call does it.
    """
    for former in library.former_ids(video):
        is_behind = store.has("stills", former) and not store.has("stills", video.video_id)
        if store.has("outcomes", former) and not is_behind:
            remove_video(former, mirror, store)
            _LOGGER.info("%s: replaced what was made of %s", video.video_id, former)
