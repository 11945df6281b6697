"""Memory between two videos: given back, and a process that stays large is replaced."""

import pytest

from thumb_assets.pipeline.memory import Memory, resident_bytes

GIB = 1024**3


class Machine:
    """A process whose memory a test says; giving back frees what is not in use."""

    def __init__(self):
        self.used = self.held = 0
        self.num_given_back = 0

    def give_back(self):
        self.held = self.used
        self.num_given_back += 1

    def memory(self):
        return Memory(resident=lambda: self.held, give_back=self.give_back)

    def video(self, *, peak, kept):
        self.held, self.used = max(self.held, peak), kept


def test_what_a_huge_video_took_is_given_back():
    machine = Machine()
    memory = machine.memory()
    machine.video(peak=GIB, kept=GIB)
    memory.settle()
    machine.video(peak=5 * GIB, kept=GIB)
    memory.settle()
    assert machine.held == GIB
    assert not memory.is_grown


def test_usual_videos_keep_their_pages():
    machine = Machine()
    memory = machine.memory()
    machine.video(peak=GIB, kept=GIB)
    memory.settle()
    before = machine.num_given_back
    for _ in range(5):
        machine.video(peak=GIB + GIB // 4, kept=GIB)
        memory.settle()
    assert machine.num_given_back == before


@pytest.mark.parametrize(("peaks", "is_replaced"), [((3, 3), True), ((3, 1), False), ((1.5, 1.5), False)])
def test_a_process_that_stays_large_is_replaced(peaks, is_replaced):
    machine = Machine()
    memory = machine.memory()
    machine.video(peak=GIB, kept=GIB)
    memory.settle()
    answers = []
    for peak in peaks:
        machine.used = machine.held = int(peak * GIB)
        memory.settle()
        answers.append(memory.is_grown)
    assert answers == [False, is_replaced]


def test_a_model_that_is_loaded_is_no_growth():
    machine = Machine()
    memory = machine.memory()
    machine.video(peak=GIB // 4, kept=GIB // 4)
    memory.settle()
    memory.expect_more()
    for _ in range(3):
        machine.used = machine.held = 4 * GIB
        memory.settle()
        assert not memory.is_grown


def test_a_system_that_does_not_say_changes_nothing():
    memory = Memory(resident=lambda: None, give_back=lambda: pytest.fail("nothing to give back"))
    assert list(memory.while_small("abc")) == ["a", "b", "c"]


def test_the_rest_is_left_to_a_new_process():
    machine = Machine()
    memory = machine.memory()
    seen = []
    for video_id in memory.while_small("abcdef"):
        seen.append(video_id)
        machine.used = machine.held = GIB if video_id == "a" else 4 * GIB
    assert seen == ["a", "b", "c"]
    assert memory.is_grown


def test_this_process_holds_something():
    held = resident_bytes()
    assert held is None or held > 1024**2
