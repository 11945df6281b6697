"""Says once per data folder that a CLIP that knows what pictures show is one command away."""

import sys
from pathlib import Path

from thumb_assets.cli.output import err
from thumb_assets.cli.settings_notes import typed
from thumb_assets.files import replaced_file
from thumb_assets.settings.config import Configuration
from thumb_assets.settings.environment import is_hub_offline
from thumb_assets.settings.load import load_settings
from thumb_assets.settings.stages import ClipSettings
from thumb_assets.stages import models_of_stage
from thumb_assets.weights.resolve import find_local

# In the data folder: that the offer was made.
OFFERED_FILE = ".offered-cpu"
_PROFILE = "cpu"


def print_offer(configuration: Configuration, *, data_dir: Path | None) -> None:
    """Prints the offer where a person may take it up: at a terminal, once, and nothing was chosen in its place.

    No network is asked whether it is there: that takes time where it is not, and the line says that one is needed.

    Args:
        data_dir: as it was typed.
    """
    (model, *_) = models_of_stage("clip_scores", load_settings(_PROFILE))
    if not sys.stderr.isatty() or is_hub_offline() or _is_chosen(configuration) or find_local(model) is not None:
        return
    path = configuration.path.with_name(OFFERED_FILE)
    if path.exists():
        return
    try:
        with replaced_file(path):
            pass
    except OSError:  # a folder that cannot be written would be told at every run
        return
    fetch, keep = typed(None, "models", "fetch", _PROFILE), typed(data_dir, "settings", "set", f"profile={_PROFILE}")
    err.print(
        "where there is a network, a CLIP that knows what pictures show is one command away: "
        f"{model.num_bytes / 1e6:.0f} MB, `{fetch}`, then `{keep}` (said once)",
        markup=False,
    )


def _is_chosen(configuration: Configuration) -> bool:
    """True if somebody chose a profile or a CLIP."""
    usual, clip = ClipSettings(), configuration.settings.clip
    has_own = any(getattr(clip, name) != getattr(usual, name) for name in ("model", "pretrained", "checkpoint"))
    return has_own or configuration.profile != "default" or configuration.has_own_profile
