"""Videos by the names that people give them."""

import shlex

from thumb_assets.errors import RUN_FIRST, BadInputError, SettingsError
from thumb_assets.store.identity import ids_beginning_with
from thumb_assets.store.library import Library
from thumb_assets.store.parquet import TableStore


def complete_video_id(store: TableStore, prefix: str) -> str:
    """The id of a video that was run here, by its file's path or name, or the beginning of its id.

    Raises:
        BadInputError: there is none, or there are several.
    """
    known = store.video_ids("outcomes")
    matches = [prefix] if prefix in known else []
    if not matches:
        of_files = Library(store.data_dir).ids_of_file(prefix)
        matches = [video_id for video_id in of_files if video_id in known] or ids_beginning_with(prefix, known)
        if not matches and of_files:
            raise BadInputError(
                f"{prefix!r} was not run here yet; run it first: thumb-assets run {shlex.quote(prefix)}"
            )
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise BadInputError(
            f"{prefix!r} may be {len(matches)} videos: {', '.join(matches[:5])}; give more of the id, or the path"
        )
    advice = f"known: {', '.join(known[:5])}" if known else f"no video was; {RUN_FIRST}"
    raise BadInputError(f"{prefix!r} is no video that was run here; {advice}")


def complete_frame(store: TableStore, text: str) -> tuple[str, int]:
    """The video_id and frame_index that VIDEO:FRAME means, such as clip.mp4:120.

    Raises:
        BadInputError: no video is meant, or several are.
        SettingsError: the text is not of that form.
    """
    video, _, frame = text.rpartition(":")
    if not video or not frame.isascii() or not frame.isdigit():
        raise SettingsError(f"like {text[:200]!r}: write VIDEO:FRAME, such as clip.mp4:120")
    return complete_video_id(store, video), int(frame)
