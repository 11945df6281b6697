"""A desk over a data folder for tests: the application as the command builds it, asked as its pages ask."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thumb_assets.desk.app import build_app
from thumb_assets.desk.desk import Desk
from thumb_assets.desk.door import LOOPBACK
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.processes import wait_until
from thumb_assets_tests.support.web import serving

# No model: what is tested is the desk. What it remakes is made in this process.
WITHOUT_MODELS = (
    *("video.is_isolated=false", "faces.detector=none", "subjects.is_on=false", "texts.is_on=false"),
    *("audio.is_on=false", "selection.weights.clip=0"),
)


@dataclass(frozen=True)
class Asking:
    """A desk that runs.

    Attributes:
        desk: itself.
        address: of its pages, such as http://127.0.0.1:40000.
    """

    desk: Desk
    address: str

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers (lower case) and body of an answer; the path goes out as it is."""
        return self._ask("GET", path, None, headers or {})

    def json(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON; with a body it is a change, as a page of the desk asks for it."""
        own = {"Origin": self.address, "Content-Type": "application/json"}
        status, _, content = (
            self._ask("GET", path, None, {}) if body is None else self._ask("POST", path, json.dumps(body), own)
        )
        return status, json.loads(content)

    def upload(self, path: str, content: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
        """Status and JSON of an upload, as a page of the desk sends it but for the headers that are given."""
        own = {"Origin": self.address, "Content-Type": "application/octet-stream", **headers}
        status, _, answer = self._ask("POST", path, content, own)
        return status, json.loads(answer)

    def wait_for_stills(self) -> None:
        """Until nothing is left to be remade."""
        wait_until(lambda: not self.desk.remaker.is_busy, "the stills are remade", seconds=180)

    def _ask(
        self, method: str, path: str, body: str | bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=120)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()


@contextmanager
def desk_of(data_dir: Path, *overrides: str, program: str = "thumb-assets") -> Iterator[Asking]:
    """A desk over a data folder until the block ends; `program` as `build_app` takes it."""
    desk = Desk(TableStore(data_dir), overrides=[*WITHOUT_MODELS, *overrides])
    with serving(build_app(desk, hosts=LOOPBACK, program=program)) as address:
        yield Asking(desk, address)
