"""Aligns rows of tables of scores with a video's candidates."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thumb_assets.errors import ContractError

# Cues that count at one moment: those of so many languages.
_MOST_CUES = 32


def aligned_values(table: pa.Table, column_name: str, *, frame_indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """One column of a score table, one value per candidate.

    Rows of frames that are no candidates are passed over: a metric may have scored every frame.

    Args:
        table: any rows of one video, unique by frame_index, any row order.
        column_name: a numeric column.
        frame_indices: (N,) int64, ascending.

    Returns:
        (N,) float64; NaN where there is no row, no value, or the row says that it failed.

    Raises:
        ContractError: a candidate has two rows.
    """
    values = table.column(column_name).cast(pa.float64())
    if "error" in table.column_names:
        values = pc.if_else(pc.is_null(table.column("error")), values, None)
    positions, is_candidate = candidate_positions(table, frame_indices=frame_indices)
    if len(np.unique(positions[is_candidate])) != np.count_nonzero(is_candidate):
        raise ContractError(f"column {column_name}: a frame_index repeats")
    result = np.full(len(frame_indices), np.nan)
    result[positions[is_candidate]] = pc.fill_null(values, np.nan).to_numpy()[is_candidate]
    return result


def candidate_positions(
    table: pa.Table, *, frame_indices: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Position of each row's frame among the candidates, and a mask of the rows that have one.

    Args:
        table: R rows with a column frame_index.
        frame_indices: (N,) int64, ascending, N > 0.

    Returns:
        (R,) int64 in [0, N), of no meaning where the second array, (R,) bool, is False.
    """
    frames = table.column("frame_index").to_numpy()
    positions = np.minimum(np.searchsorted(frame_indices, frames), len(frame_indices) - 1)
    return positions, frame_indices[positions] == frames


def values_at(table: pa.Table | None, column_name: str, *, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """A column of a table of spans [start_seconds, end_seconds), which do not overlap, at each of these seconds.

    Args:
        table: of one video, ascending; None where it is not there.
        seconds: (N,) float64.

    Returns:
        (N,) float64; NaN where no span holds the second, or it has no value.
    """
    if table is None or not table.num_rows:
        return np.full(len(seconds), np.nan)
    starts, ends = (table.column(name).to_numpy() for name in ("start_seconds", "end_seconds"))
    values = pc.fill_null(table.column(column_name).cast(pa.float64()), np.nan).to_numpy()
    places = np.clip(np.searchsorted(starts, seconds, side="right") - 1, 0, None)
    return np.where((starts[places] <= seconds) & (seconds < ends[places]), values[places], np.nan)


def texts_at(table: pa.Table | None, *, seconds: NDArray[np.float64]) -> tuple[str, ...]:
    """The text of all cues that are shown at each of these seconds, lines parted by a line feed.

    Args:
        table: `subtitles` of one video; None where it is not there.
        seconds: (N,) float64.

    Returns:
        N texts, empty where no cue is shown.
    """
    if table is None or not table.num_rows:
        return ("",) * len(seconds)
    starts, ends = (table.column(name).to_numpy() for name in ("start_seconds", "end_seconds"))
    texts = table.column("text")
    shown = (np.flatnonzero((starts <= at) & (at < ends))[:_MOST_CUES] for at in seconds)
    return tuple("\n".join(texts[int(place)].as_py() for place in places) for places in shown)


def written_on(table: pa.Table | None, *, frame_indices: NDArray[np.int64]) -> tuple[str, ...]:
    """Text read on each candidate, lines parted by a line feed.

    Args:
        table: `texts` of one video; None where it is not there.
        frame_indices: (N,) int64.

    Returns:
        N texts, empty where nothing was read.
    """
    lines: dict[int, list[str]] = {}
    if table is not None:
        for frame_index, text in zip(
            *(table.column(name).to_pylist() for name in ("frame_index", "text")), strict=True
        ):
            lines.setdefault(frame_index, []).append(text)
    return tuple("\n".join(lines.get(frame_index, ())) for frame_index in frame_indices.tolist())


def aligned_edges(appearance: pa.Table | None, *, frame_indices: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The edges of the candidates that show a state of the screen: few, of few videos.

    Args:
        appearance: the table; None where it is not there.
        frame_indices: (N,) int64, ascending.

    Returns:
        (N, E) uint8, a bit per pixel, 0 in rows without edges; E is 0 where no candidate has any.
    """
    nothing = np.zeros((len(frame_indices), 0), np.uint8)
    if appearance is None or appearance.column("edges").null_count == appearance.num_rows:
        return nothing
    known = appearance.filter(pc.is_valid(appearance.column("edges")))
    positions, is_candidate = candidate_positions(known, frame_indices=frame_indices)
    rows = [np.frombuffer(bytes.fromhex(text), np.uint8) for text in known.column("edges").to_pylist()]
    edges = np.zeros((len(frame_indices), len(rows[0])), np.uint8)
    edges[positions[is_candidate]] = np.array(rows)[is_candidate]
    return edges


def vectors(table: pa.Table | None, column_name: str, *, frame_indices: NDArray[np.int64]) -> NDArray[np.float16]:
    """The vectors of the candidates in a table's column of embeddings; rows whose `error` is set have none.

    Returns:
        (N, D) float16, NaN in rows without one; (N, 0) where no candidate has one.
    """
    nothing = np.zeros((len(frame_indices), 0), np.float16)
    if table is None or not table.num_rows:
        return nothing
    column = table.column(column_name).combine_chunks()
    num_dimensions = column.type.list_size
    has_vector = ~column.is_null().to_numpy(zero_copy_only=False) & table.column("error").is_null().to_numpy()
    positions, is_candidate = candidate_positions(table, frame_indices=frame_indices)
    is_used = has_vector & is_candidate
    if not is_used.any():
        return nothing
    values = np.full((len(frame_indices), num_dimensions), np.nan, np.float16)
    # The values of a fixed-size list include those below its nulls, so a row is where its position says.
    flat = column.values.to_numpy(zero_copy_only=False).reshape(-1, num_dimensions)
    values[positions[is_used]] = flat[column.offset : column.offset + len(column)][is_used]
    return values
