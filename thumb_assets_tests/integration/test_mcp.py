"""`thumb-assets mcp` over its standard input and output, asked by the protocol's own client."""

import asyncio
import base64
import io
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from thumb_assets.mcp_server import LibraryTools, build_server
from thumb_assets.store.parquet import TableStore
from thumb_assets_tests.support.desk import WITHOUT_MODELS
from thumb_assets_tests.support.running import register, run_stages

mcp = pytest.importorskip("mcp", reason="the package mcp is not installed")


@pytest.fixture(scope="module")
def library(synthetic_videos: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("mcp") / "data"
    data_dir.mkdir()
    run_stages(data_dir, register(data_dir, [synthetic_videos("multi_shot"), synthetic_videos("cfr")]))
    return data_dir


def with_client(data_dir: Path, ask: Callable[[Any], Awaitable[None]], *options: str) -> None:
    """Starts the command as a program would, and asks it."""
    arguments = ["-m", "thumb_assets", "mcp", "--data-dir", str(data_dir), *options]
    server = mcp.StdioServerParameters(command=sys.executable, args=arguments)

    async def talk() -> None:
        async with mcp.Client(server) as client:
            await ask(client)

    asyncio.run(asyncio.wait_for(talk(), timeout=300))


async def answer(client: Any, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return json.loads(result.content[0].text)


def test_a_client_reads_the_library_and_can_change_nothing(library: Path) -> None:
    store = TableStore(library)
    video_id = next(each for each in store.video_ids("selections") if each.startswith("multi"))
    selected = store.read("selections", video_id).sort_by("rank").to_pylist()
    pictures = {str(path) for path in store.stills_dir(video_id).iterdir()}

    async def ask(client: Any) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {
            *("videos", "search", "scores", "show", "why", "what_if", "list_collections", "picture"),
        }
        assert all(tool.annotations.read_only_hint for tool in tools.values())
        assert all((tool.description or "").endswith(".") or "\n" in tool.description for tool in tools.values())
        listed = await answer(client, "videos")
        assert listed["num_videos"] == 2
        shown = await answer(client, "show", video="multi")
        assert [row["frame_index"] for row in shown["selections"]] == [row["frame_index"] for row in selected]
        assert shown["selections"][0]["picture_file"] in pictures
        result = await client.call_tool("why", {"video": video_id, "frame_index": selected[0]["frame_index"]})
        assert "selected with score" in result.content[0].text
        found = await answer(client, "search", where="luma_mean>0", limit=3)
        assert len(found["found"]) == 3
        like = await answer(client, "search", like=f"{video_id}:{selected[0]['frame_index']}")
        assert all(row["matches"][0]["source"] == "example" for row in like["found"])
        then = await answer(client, "what_if", settings=["selection.top_k=1"], video=video_id)
        assert [len(change["then"]) for change in then["changes"]] == [1]
        picture = (await client.call_tool("picture", {"video": video_id})).content[0]
        assert Image.open(io.BytesIO(base64.b64decode(picture.data))).format == "JPEG"
        for tool, wrong in (
            ("show", {"video": "nobody"}),
            ("search", {"where": "__import__('os')>1"}),
            ("search", {}),
            ("why", {"video": video_id, "frame_index": 10**9}),
            ("what_if", {"settings": ["selection.nothing=1"]}),
        ):
            failed = await client.call_tool(tool, wrong)
            assert failed.is_error
            assert "Traceback" not in failed.content[0].text
        for tool, arguments in (
            ("decide", {"video": video_id, "frames": [0], "decision": "ban"}),
            ("select", {"settings": ["selection.top_k=1"]}),
            ("export", {"format_name": "folder"}),
        ):
            try:
                refused = (await client.call_tool(tool, arguments)).is_error
            except mcp.MCPError:
                refused = True
            assert refused, tool

    with_client(library, ask)
    assert not (library / "decisions").exists()
    assert not (library / "datasets").exists()


def test_with_write_a_client_decides_and_collects(library: Path) -> None:
    store = TableStore(library)
    video_id = next(each for each in store.video_ids("selections") if each.startswith("cfr"))

    async def ask(client: Any) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert not tools["decide"].annotations.read_only_hint
        for tool, arguments in (
            ("decide", {"video": video_id, "frames": [3], "decision": "pin"}),
            ("collect", {"name": "best", "video": video_id, "frames": [3, 4]}),
        ):
            assert not (await client.call_tool(tool, arguments)).is_error
        collected = await answer(client, "list_collections")
        assert [frame["frame_index"] for frame in collected["best"]] == [3, 4]

    with_client(library, ask, "--write")
    rows = store.read("decisions", video_id).to_pylist()
    assert [(row["frame_index"], row["decision"]) for row in rows] == [(3, "pin")]


def test_in_process_a_client_selects_anew_and_exports(library: Path) -> None:
    """Both report how far they are; what is refused leaves all as it was."""
    store = TableStore(library)
    video_id = next(each for each in store.video_ids("selections") if each.startswith("multi"))
    server = build_server(LibraryTools(store, overrides=WITHOUT_MODELS), may_write=True)
    reports: list[tuple[float, str]] = []

    async def report(progress: float, _total: float | None, message: str | None) -> None:
        reports.append((progress, str(message)))

    async def ask() -> None:
        async with mcp.Client(server) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert tools["export"].annotations.destructive_hint
            assert "per_video" in tools["export"].description
            arguments = {"settings": ["selection.top_k=1"], "video": video_id}
            result = await client.call_tool("select", arguments, progress_callback=report)
            selected = json.loads(result.content[0].text)
            assert [len(frames) for frames in selected["selected"].values()] == [1]
            assert (selected["stills_made_again"], selected["failures"]) == ([video_id], [])
            assert any("stills done" in message for _, message in reports)
            reports.clear()
            arguments = {"format_name": "folder", "name": "mine", "settings": ["dataset.per_video=1"]}
            result = await client.call_tool("export", arguments, progress_callback=report)
            written = json.loads(result.content[0].text)
            assert written["text"].startswith("2 stills of 2 videos")
            assert Path(written["folder"]) == library / "datasets" / "mine"
            assert "stills written: 2 of 2" in [message for _, message in reports]
            assert [number for number, _ in reports] == sorted({number for number, _ in reports})
            digest = await answer(client, "export", format_name="llm", name="digest", tokens=3000)
            assert "tokens" in digest["text"]
            for wrong in (
                {"format_name": "folder", "name": "../out"},
                {"format_name": "paper"},
                {"format_name": "llm"},
                {"format_name": "folder", "settings": ["dataset.what=all"]},
            ):
                assert (await client.call_tool("export", wrong)).is_error, wrong

    asyncio.run(asyncio.wait_for(ask(), timeout=300))
    assert [row["rank"] for row in store.read("stills", video_id).to_pylist()] == [1]
    assert len(list((library / "datasets" / "mine").rglob("*.jpg"))) == 2
    assert {path.name for path in (library / "datasets").iterdir()} == {"mine", "digest"}
