"""Stage keys and footers say what they always said: nothing is made again after an update that changes no value."""

import json

from thumb_assets_tests.golden.stage_keys import PATH, facts


def test_keys_and_footers_are_made_of_what_they_always_were() -> None:
    frozen = json.loads(PATH.read_text(encoding="utf-8"))
    now = {f"{name} {stage}": of_stage for name, stages in facts().items() for stage, of_stage in stages.items()}
    assert json.loads(json.dumps(now)) == frozen
