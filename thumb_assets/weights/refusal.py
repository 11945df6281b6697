"""Recognises that torch refused a file because it holds more than tensors, and says so without torch's own advice."""

import pickle
import re

from thumb_assets.errors import RefusedModelError

# torch's words where `weights_only` refuses: an object that unpickling would call, or a program (TorchScript).
_GLOBAL = re.compile(r"(?:unsupported|Unsupported) (?:GLOBAL|global:(?: GLOBAL)?|class) ([\w.]+)")
_PROGRAM = re.compile(r"weights_only.*TorchScript|TorchScript.*weights_only|allow_pickle", re.DOTALL)
# Deeper chains are none of torch's.
_MAX_CAUSES = 10


def refusal_of(error: BaseException, *, file: str, model: str) -> RefusedModelError | None:
    """The refusal that an error of a loader means; None where the file is merely missing, damaged or another model's.

    torch advises to load such a file all the same, which would run what is in it: its words are not repeated.

    Args:
        file: the file or folder of the weights.
        model: what it was to be loaded for, such as "CLIP model ViT-B-32".
    """
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if cause is None:
            return None
        found = _GLOBAL.search(str(cause))
        if isinstance(cause, pickle.UnpicklingError) or _PROGRAM.search(str(cause)):
            named = f" ({found[1]})" if found else ""
            return RefusedModelError(
                f"{model}: {file} is refused: it holds code or objects{named} beside tensors, or is damaged; nothing "
                "of it was run; use a safetensors file, or a checkpoint that holds a state dict alone"
            )
        cause = cause.__cause__ or cause.__context__
    return None
