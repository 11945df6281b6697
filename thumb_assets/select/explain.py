"""Says in one line why a frame was chosen."""

from collections.abc import Mapping


def selection_reason(
    percentiles: Mapping[str, float | None],
    *,
    rank: int,
    num_selections: int,
    face_bonus: float | None,
    shot_index: int,
    place_in_shot: int,
    num_in_shot: int,
    broken_rule: str | None = None,
) -> str:
    """The text of the column `reason` of a selection.

    Args:
        percentiles: the components that have a weight, in their order; None where this candidate has no value.
        rank: 1..num_selections.
        num_selections: of this video.
        face_bonus: what a clear face added; None or 0.0 goes unsaid.
        shot_index: the shot it is from.
        place_in_shot: 1 where no candidate of its shot has a better score.
        num_in_shot: candidates of its shot.
        broken_rule: the reject rule it breaks, where it was kept because every candidate breaks one.

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
    if num_in_shot == 1:
        parts.append(f"only candidate of shot {shot_index}")
    elif place_in_shot == 1:
        parts.append(f"best of {num_in_shot} candidates of shot {shot_index}")
    else:
        parts.append(f"place {place_in_shot} of {num_in_shot} candidates of shot {shot_index}")
    if broken_rule:
        parts.append(f"kept though {broken_rule.replace('_', ' ')}: every candidate breaks a rule")
    return "; ".join(parts)
