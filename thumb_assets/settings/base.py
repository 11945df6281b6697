"""Base of every settings model."""

from pydantic import BaseModel, ConfigDict


class StageSettings(BaseModel):
    """Base of the per-stage models: frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)
