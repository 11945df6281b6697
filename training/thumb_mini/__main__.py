"""The command: `python -m training.thumb_mini [--smoke] [--sources DIR] [--out DIR] [--steps N]`."""

import argparse
import os
import time
from pathlib import Path
from typing import Any

import torch

from training.thumb_mini.batches import BatchPlan
from training.thumb_mini.drawing import add_fonts
from training.thumb_mini.evaluate import evaluate, model_scorer, summary
from training.thumb_mini.model import export, fresh_model
from training.thumb_mini.report import write_report
from training.thumb_mini.sources import load_pictures
from training.thumb_mini.train import TrainingPlan, train

_NUM_STEPS, _NUM_SMOKE_STEPS = 950, 70


def main() -> None:
    """Trains, evaluates on held-out sources and writes the model and report.json."""
    arguments = _arguments()
    started = time.monotonic()
    # One core makes the batches; threads that wait for each other on a busy machine cost more than they bring.
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
    if arguments.sources is not None:
        add_fonts(arguments.sources)
    plan = _plan(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    splits = _load_splits(arguments)
    print({name: len(pictures) for name, pictures in splits.items()}, f"{time.monotonic() - started:.0f} s")
    _, tokenizer = fresh_model(plan.seed)
    curve: list[dict[str, Any]] = []

    def report(step: int, loss: float, averaged: Any) -> None:
        scorer = model_scorer(averaged, tokenizer, device=device)
        rows = evaluate(splits["validation"], {"model": scorer})["model"]
        curve.append({"step": step, "loss": loss, **summary(rows)})
        export(averaged.state_dict(), arguments.out, {"num_steps": step, "seed": plan.seed})
        print({name: round(value, 4) for name, value in curve[-1].items()}, flush=True)

    if not arguments.evaluate_only:
        train(splits["train"], plan, device=device, report=report)
    facts = {"device": device, "seed": plan.seed, "num_steps": plan.num_steps, "curve": curve}
    facts["training_seconds"] = round(time.monotonic() - started)
    write_report(arguments.out, splits["test"], facts, is_smoke=arguments.smoke)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.thumb_mini", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a short run on what installed packages bring")
    parser.add_argument("--sources", type=Path, help="folder of unpacked packages and clips, see docs/thumb-mini.md")
    parser.add_argument(
        "--out", type=Path, default=Path("data/thumb_mini"), help="folder for the model and report.json"
    )
    parser.add_argument("--steps", type=int, help="number of steps")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--evaluate-only", action="store_true", help="only measure the model that --out already holds")
    return parser.parse_args()


def _plan(arguments: argparse.Namespace) -> TrainingPlan:
    if arguments.smoke:
        num_steps = arguments.steps or _NUM_SMOKE_STEPS
        batch = BatchPlan(num_clean=8)
        return TrainingPlan(num_steps, seed=arguments.seed, batch=batch, num_warmup_steps=10, ema_decay=0.9)
    return TrainingPlan(arguments.steps or _NUM_STEPS, seed=arguments.seed)


def _load_splits(arguments: argparse.Namespace) -> dict[str, Any]:
    names = ["test"] if arguments.evaluate_only else ["train", "validation", "test"]
    if arguments.smoke:
        names = [name for name in names if name != "validation"]
    splits: dict[str, Any] = {
        name: load_pictures(name, sources_dir=arguments.sources, is_smoke=arguments.smoke) for name in names
    }
    if arguments.smoke:
        return {**splits, "test": splits["test"][::3], "validation": splits["test"][::6]}
    # Neighbours in a clip are alike; half of them say the same in half the time.
    return {**splits, "test": splits["test"][::2], "validation": splits.get("validation", [])[::2]}


if __name__ == "__main__":
    main()
