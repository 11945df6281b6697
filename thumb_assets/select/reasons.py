"""Words for a selection: why it was chosen, and whether only for want of better ones."""

from collections.abc import Mapping

from thumb_assets.wording import quoted

_LAST_RESORT = "kept though "
# In the reason of each selection that a rule rejects.
LAST_RESORT_MARK = f"; {_LAST_RESORT}"


def is_last_resort(reason: str) -> bool:
    """True if the reason of a selection says that a rule rejects the frame, and nothing better was there.

    >>> is_last_resort("rank 1 of 1: sharpness 0.53; kept though too dark: there were not enough better ones")
    True
    """
    return LAST_RESORT_MARK in reason


def selection_reason(
    percentiles: Mapping[str, float | None],
    *,
    rank: int,
    num_selections: int,
    num_asked: int | None = None,
    face_bonus: float | None,
    shot_index: int,
    place_in_shot: int,
    num_in_shot: int,
    said: tuple[str, str] | None = None,
    traits: str | None = None,
    broken_rule: str | None = None,
    is_pinned: bool = False,
    is_cover: bool = False,
) -> str:
    """The text of the column `reason` of a selection.

    Args:
        percentiles: the components that count in this video, in their order; None where this candidate has no value.
        rank: 1..num_selections.
        num_selections: of this video.
        num_asked: how many there may be at most, where that is a number; the last one says why there are fewer.
        face_bonus: what a clear face added; None or 0.0 goes unsaid.
        shot_index: the shot it is from.
        place_in_shot: 1 where no candidate of its shot has a better score.
        num_in_shot: candidates of its shot.
        said: where a text stands that is like what is looked for (subtitle, writing), and the text.
        traits: its named traits, where covers for a test were chosen by them.
        broken_rule: the reject rule it breaks, where it was taken because better ones did not suffice.
        is_pinned: whether people pinned it, or made it the cover.
        is_cover: whether they made it the cover.

    >>> selection_reason({"sharpness": 0.93, "clip": None, "iqa": 0.8}, rank=1, num_selections=3, face_bonus=0.05,
    ...                  shot_index=4, place_in_shot=1, num_in_shot=1)
    'rank 1 of 3: sharpness 0.93, iqa 0.80 (no clip); +0.05 clear face; only candidate of shot 4'
    """
    scores = [f"{name} {value:.2f}" for name, value in percentiles.items() if value is not None]
    missing = [name for name, value in percentiles.items() if value is None]
    head = ", ".join(scores) or "no score"
    if missing:
        head += f" (no {', '.join(missing)})"
    parts = [f"rank {rank} of {num_selections}: {head}"]
    if face_bonus:
        parts.append(f"+{face_bonus:.2f} clear face")
    if said is not None:
        parts.append(f"{said[0]} {quoted(said[1])}")
    if traits is not None:
        parts.append(f"traits: {traits}")
    if num_in_shot == 1:
        parts.append(f"only candidate of shot {shot_index}")
    elif place_in_shot == 1:
        parts.append(f"best of {num_in_shot} candidates of shot {shot_index}")
    else:
        parts.append(f"place {place_in_shot} of {num_in_shot} candidates of shot {shot_index}")
    if is_pinned:
        parts.append("chosen as the cover" if is_cover else "pinned")
    if broken_rule:
        parts.append(f"{_LAST_RESORT}{broken_rule.replace('_', ' ')}: there were not enough better ones")
    if num_asked is not None and rank == num_selections < num_asked:
        parts.append(f"{num_selections} of {num_asked}: nothing else is worth it")
    return "; ".join(parts)
