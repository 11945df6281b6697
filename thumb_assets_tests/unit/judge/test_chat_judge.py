"""The adapter against a server that speaks the protocol: what is sent, what is believed, what is waited for."""

import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from thumb_assets.errors import ModelUnavailableError, NetworkError
from thumb_assets.judge.chat import ChatJudge
from thumb_assets.judge.question import jpeg_of
from thumb_assets.judge.verdict import RequestsUsedUpError, Verdict
from thumb_assets.settings.environment import JUDGE_KEY_VARIABLE
from thumb_assets.settings.judge import JudgeSettings
from thumb_assets_tests.support.judge_server import MODEL, JudgeServer, brightness, judge_server
from thumb_assets_tests.support.web import free_port

KEY = "sk-the-key-of-the-test"


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    with judge_server() as running:
        yield running


class DictCache(dict[str, str]):
    """The smallest cache."""

    def put(self, key: str, answer: str) -> None:
        self[key] = answer


class Judge:
    """A judge, what it kept and how long it wanted to wait."""

    def __init__(self, server: JudgeServer, *, key: str | None = None, cache: DictCache | None = None, **settings):
        self.cache = DictCache() if cache is None else cache
        self.waits: list[float] = []
        self.num_signs = 0
        known = {"url": server.url, "model": MODEL, "timeout_seconds": 20.0, **settings}
        self.adapter = ChatJudge(JudgeSettings(**known), key=key, cache=self.cache, sleep=self.waits.append)

    def __call__(self, picture: np.ndarray) -> Verdict:
        return self.adapter.judge(picture, on_wait=self._sign)

    def _sign(self) -> None:
        self.num_signs += 1


def grey(level: int) -> np.ndarray:
    return np.full((36, 64, 3), level, np.uint8)


def test_the_picture_is_sent_and_the_answer_read(server: JudgeServer) -> None:
    picture = np.zeros((36, 64, 3), np.uint8)
    picture[:, 32:] = (250, 120, 30)
    judge = Judge(server, prompt="How bright?", max_tokens=77)
    verdict = judge(picture)
    (asked,) = server.asked
    assert asked.picture.shape == picture.shape
    assert np.abs(asked.picture.astype(int) - picture)[:, np.r_[:28, 36:64]].max() <= 12  # a JPEG of it, RGB
    assert verdict.score == brightness(asked.picture)
    assert verdict.reason == f"Its mean brightness is {verdict.score} of 10."
    assert verdict.error is None
    assert asked.path == "/v1/chat/completions"
    assert "authorization" not in asked.headers
    body = asked.body
    assert (body["model"], body["temperature"], body["seed"], body["max_tokens"]) == (MODEL, 0, 0, 77)
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["score", "reason"]
    assert body["messages"][0]["content"][0]["text"].startswith("How bright?\n")
    assert judge.num_signs == 1


def test_what_was_answered_is_not_asked_again_by_anyone(server: JudgeServer) -> None:
    first = Judge(server)
    verdicts = [first(grey(level)) for level in (30, 200)]
    second = Judge(server, cache=first.cache)
    assert [second(grey(level)) for level in (30, 200)] == verdicts
    assert len(server.asked) == first.adapter.num_requests == 2
    assert second.adapter.num_requests == 0


@pytest.mark.parametrize(
    "changed", [{"model": "other"}, {"prompt": "other"}, {"max_tokens": 99}, {"extra_body": {"top_p": 0.5}}]
)
def test_another_question_is_asked_anew(server: JudgeServer, changed: dict) -> None:
    first = Judge(server)
    first(grey(100))
    Judge(server, cache=first.cache, **changed)(grey(100))
    assert len(server.asked) == 2
    Judge(server, cache=first.cache, max_requests=5, max_retries=0, timeout_seconds=19)(grey(100))
    assert len(server.asked) == 2


def test_a_damaged_entry_is_asked_for_anew(server: JudgeServer) -> None:
    judge = Judge(server)
    verdict = judge(grey(100))
    (key,) = judge.cache
    judge.cache[key] = '{"score": 11}'
    assert judge(grey(100)) == verdict
    assert len(server.asked) == 2


def test_fields_of_the_user_take_the_place_of_ours(server: JudgeServer) -> None:
    extra_body = {"max_tokens": None, "temperature": None, "max_completion_tokens": 500}
    assert Judge(server, extra_body=extra_body)(grey(100)).error is None
    body = server.asked[0].body
    assert body["max_completion_tokens"] == 500
    assert not {"max_tokens", "temperature"} & set(body)


@pytest.mark.parametrize(
    "said", ['```json\n{"score": 7, "reason": "ok"}\n```', '<think>hm</think> {"score":7,"reason":"ok"}']
)
def test_a_fence_or_thoughts_around_the_answer_are_passed_over(server: JudgeServer, said: str) -> None:
    server.contents = [said]
    assert Judge(server)(grey(100)) == Verdict(7.0, "ok")


def test_a_reason_becomes_one_plain_line(server: JudgeServer) -> None:
    server.contents = ['{"score": 7, "reason": "a\\n\\u001b[31mb  ' + "x" * 1000 + '"}']
    reason = Judge(server)(grey(100)).reason
    assert reason is not None
    assert reason.startswith("a [31mb x")
    assert len(reason) == 300
    assert reason.isprintable()


def test_a_malformed_answer_is_asked_for_once_more_with_what_was_wrong(server: JudgeServer) -> None:
    server.contents = ['{"score": 11, "reason": "great"}', None]
    assert Judge(server)(grey(100)).score == brightness(server.asked[0].picture)
    first, second = (asked.body["messages"] for asked in server.asked)
    assert second[:1] == first
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert "score: Input should be less than or equal to 10" in second[2]["content"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("seven", "Invalid JSON"),
        ('{"score": 7}', "reason: Field required"),
        ('{"score": "7", "reason": "ok"}', "score: Input should be a valid number"),
        ('{"score": NaN, "reason": "ok"}', "finite number"),
        ('{"score": -1, "reason": "ok"}', "greater than or equal to 0"),
        ('{"score": 7, "reason": "\\ud800"}', "hex escape"),
        ("", "the model said nothing"),
    ],
)
def test_what_stays_malformed_is_an_error_of_this_picture_and_is_not_kept(
    server: JudgeServer, said: str, words: str
) -> None:
    server.contents = [said]
    judge = Judge(server)
    verdict = judge(grey(100))
    assert (verdict.score, verdict.reason) == (None, None)
    assert verdict.error is not None
    assert verdict.error.startswith("no verdict in 2 answers: ")
    assert words in verdict.error
    assert len(server.asked) == 2
    assert not judge.cache
    server.contents = [None]
    assert judge(grey(100)).error is None


def test_an_answer_that_was_cut_off_names_the_setting(server: JudgeServer) -> None:
    server.contents, server.finish_reason = ['{"score": 7, "rea'], "length"
    assert "cut off after 50 tokens; raise judge.max_tokens" in str(Judge(server, max_tokens=50)(grey(100)).error)


def test_a_passing_failure_is_waited_for_and_tried_again(server: JudgeServer) -> None:
    server.statuses, server.headers = [429, 503, 200], {"Retry-After": "7"}
    judge = Judge(server)
    assert judge(grey(100)).error is None
    assert judge.waits == [7, 7]
    assert judge.adapter.num_requests == len(server.asked) == 3
    assert judge.num_signs == 5


def test_waits_grow_and_have_an_end(server: JudgeServer) -> None:
    server.statuses, server.headers = [500], {}
    judge = Judge(server, max_retries=8)
    with pytest.raises(NetworkError, match=r"answered 500 \(not today\); start the server, or set judge.url to null"):
        judge(grey(100))
    assert judge.waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    with pytest.raises(NetworkError):  # the next picture does not wait for a server that is away
        judge(grey(200))
    assert len(server.asked) == 10
    server.statuses = [200]
    assert judge(grey(200)).error is None


def test_a_server_that_is_not_there_is_named() -> None:
    away = JudgeServer(url=f"http://127.0.0.1:{free_port()}/v1")
    judge = Judge(away, max_retries=1)
    with pytest.raises(NetworkError, match=rf"{away.url}/chat/completions: cannot be reached \(.*refused"):
        judge(grey(100))
    assert judge.waits == [0.5]


def test_a_server_that_hangs_is_given_up(server: JudgeServer) -> None:
    server.is_hanging = True
    judge = Judge(server, timeout_seconds=0.2, max_retries=1)
    with pytest.raises(NetworkError, match="timed out"):
        judge(grey(100))
    assert len(judge.waits) == 1


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"nonsense\r\n\r\n"])
def test_an_answer_that_breaks_off_is_no_answer(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        away = JudgeServer(url=f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
        judge = Judge(away, max_retries=0, timeout_seconds=0.5)

        def answer_once() -> None:
            with listening.accept()[0] as connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        with pytest.raises(NetworkError, match="cannot be reached"):
            judge(grey(100))
        thread.join()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "judge.extra_body"),
        (401, JUDGE_KEY_VARIABLE),
        (403, JUDGE_KEY_VARIABLE),
        (404, "mostly ends with /v1, and judge.model"),
        (307, "redirects are not followed"),
    ],
)
def test_a_refusal_is_not_tried_again_and_says_what_to_do(server: JudgeServer, status: int, words: str) -> None:
    server.statuses = [status]
    server.headers = {"Location": f"{server.url}/chat/completions"} if status == 307 else {}
    with pytest.raises(ModelUnavailableError, match=f"answered {status}") as caught:
        Judge(server)(grey(100))
    assert words in str(caught.value)
    assert len(server.asked) == 1


def test_requests_have_a_bound_over_all_pictures(server: JudgeServer) -> None:
    server.statuses = [500, 200]
    judge = Judge(server, max_requests=3)
    verdicts = [judge(grey(level)) for level in (10, 20)]  # the first takes two
    with pytest.raises(RequestsUsedUpError):
        judge(grey(30))
    assert [judge(grey(level)) for level in (10, 20)] == verdicts  # what is known costs nothing
    assert len(server.asked) == 3


def test_tries_of_a_server_that_is_away_are_bounded_too(server: JudgeServer) -> None:
    server.statuses = [500]
    # With tries left it is the bound that ended them, not the server: the next run goes on.
    with pytest.raises(RequestsUsedUpError):
        Judge(server, max_requests=2)(grey(10))
    assert len(server.asked) == 2
    with pytest.raises(NetworkError):
        Judge(server, max_requests=2, max_retries=1)(grey(10))


def test_the_key_is_a_header_and_told_to_nobody(server: JudgeServer) -> None:
    server.contents = [f'{{"score": 7, "reason": "your key is {KEY}"}}', f"I know {KEY}", f"I know {KEY}"]
    judge = Judge(server, key=KEY, max_retries=0)
    told = [str(judge(grey(10))), str(judge(grey(20)))]
    server.error_message = "the key {key} is wrong"
    for status in (401, 500):
        server.statuses = [status]
        with pytest.raises((ModelUnavailableError, NetworkError), match=r"the key \*\*\* is wrong") as caught:
            judge(grey(30))
        told.append(str(caught.value))
    assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {KEY}"}
    assert not any(KEY in text for text in [*told, *judge.cache.values()])
    assert told[0] == str(Verdict(7.0, "your key is ***"))


def test_the_same_picture_is_the_same_jpeg() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (36, 64, 3), np.uint8)
    assert jpeg_of(picture) == jpeg_of(picture.copy())
