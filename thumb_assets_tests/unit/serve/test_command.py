"""`thumb-assets serve` and `thumb-assets outbox` as commands."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from click.testing import CliRunner

from thumb_assets.cli import main
from thumb_assets.errors import SettingsError
from thumb_assets.serve.service import only_service
from thumb_assets.settings.environment import WEBHOOK_SECRET_VARIABLE
from thumb_assets.store.outbox import Outbox
from thumb_assets.store.parquet import TableStore

SECRET = {WEBHOOK_SECRET_VARIABLE: "correct horse battery staple"}


def test_a_data_folder_has_one_service(tmp_path: Path) -> None:
    with only_service(tmp_path):
        with pytest.raises(SettingsError, match="another `thumb-assets serve` works on"), only_service(tmp_path):
            pass
        with only_service(tmp_path / "other"):
            pass
    with only_service(tmp_path):  # let go of
        pass


def test_a_second_service_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: pytest.fail("it listens"))
    with only_service(tmp_path):
        result = CliRunner().invoke(main, ["serve", "--data-dir", str(tmp_path)], env=SECRET)
    assert result.exit_code != 0
    assert "another `thumb-assets serve` works on" in result.output
    assert "Traceback" not in result.output


def test_the_work_is_ended_well_by_the_signal_that_ends_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops: list[threading.Thread] = []

    def run(*_: object, **__: object) -> None:
        loops.extend(thread for thread in threading.enumerate() if "_loop" in thread.name)
        # uvicorn puts back the handler that it found, and sends the signal that ended it to us again.
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(uvicorn.Server, "run", run)
    before = signal.signal(signal.SIGTERM, _unexpected)
    try:
        result = CliRunner().invoke(main, ["serve", "--data-dir", str(tmp_path)], env=SECRET)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result.exit_code == 0, result.output
    assert len(loops) == 2
    assert not any(loop.is_alive() for loop in loops)


def test_the_outbox_shows_why_requests_failed_or_wait(tmp_path: Path) -> None:
    outbox = Outbox(TableStore(tmp_path).outbox_path)
    for event_id in ("evt_1", "evt_2", "evt_3"):
        outbox.add_request(event_id, b"{}", now=1)
    outbox.postponed("evt_1", reason="the sender is down", next_at=2)
    outbox.ended("evt_2", "failed", reason="this is no video", message=("http://x", b"{}"), now=3)
    outbox.tried("evt_2", "given_up", reason="answered 404", next_at=4)
    result = CliRunner().invoke(main, ["outbox", "--data-dir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    for text in ("evt_1", "the sender is down", "evt_2", "this is no video", "answered 404"):
        assert text in result.output
    assert "evt_3" not in result.output


def _unexpected(*_: Any) -> None:
    raise AssertionError("the command has no handler of its own")
