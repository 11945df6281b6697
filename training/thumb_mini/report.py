"""Compares the stored model with other measures on the test sources and writes the figures of the model card."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.thumb_mini.evaluate import (
    Scorer,
    evaluate,
    laplacian_scorer,
    luma_scorer,
    model_scorer,
    piqe_scorer,
    summary,
)
from training.thumb_mini.model import fresh_model, load_exported
from training.thumb_mini.sources import Picture


def write_report(
    folder: Path, pictures: Sequence[Picture], facts: dict[str, Any], *, is_smoke: bool
) -> dict[str, dict[str, float]]:
    """Evaluates the model in the folder as a user would load it, and writes report.json beside it.

    Args:
        pictures: of the test sources; facts: of the training, written as they are; is_smoke: nothing else is measured.

    Returns:
        The summary per scorer.
    """
    model, tokenizer = load_exported(folder)
    scorers: dict[str, Scorer] = {"thumb-mini": model_scorer(model, tokenizer, device="cpu")}
    if not is_smoke:
        scorers.update(other_scorers(seed=int(facts["seed"])))
    results = evaluate(pictures, scorers)
    totals = {name: summary(rows) for name, rows in results.items()}
    report = {**facts, "summary": totals, "test": results}
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    for name, total in totals.items():
        print(name, {key: round(value, 3) for key, value in total.items()})
    return totals


def other_scorers(*, seed: int) -> dict[str, Scorer]:
    """Scorers to compare the model with: an untrained one of its shape, Laplacian variance, mean luma and PIQE."""
    untrained, tokenizer = fresh_model(seed)
    return {
        "untrained": model_scorer(untrained.eval(), tokenizer, device="cpu"),
        "laplacian": laplacian_scorer,
        "luma_mean": luma_scorer,
        "piqe": piqe_scorer,
    }
