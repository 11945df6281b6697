"""Base of every settings model, and the marks of single settings."""

from typing import Any

from pydantic import BaseModel, ConfigDict

# Marks, beside a field's type. The first: it changes how fast a table is made or what a failure does, never a value in
# it. The second: Dagster reads it once, when it loads the code location.
NO_EFFECT_ON_VALUES, READ_AT_LOAD = "no effect on values", "read at load"


class StageSettings(BaseModel):
    """Base of the per-stage models: frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @classmethod
    def marked(cls, mark: str) -> set[str]:
        """Names of the settings that have a mark."""
        return {name for name, field in cls.model_fields.items() if mark in field.metadata}

    def dump_values(self) -> dict[str, Any]:
        """The settings that change a value in a table, as JSON has them."""
        return self.model_dump(mode="json", exclude=self.marked(NO_EFFECT_ON_VALUES))
