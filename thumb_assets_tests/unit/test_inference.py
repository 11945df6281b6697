"""Batches from memory without a device: what the sizer decides, remembers, and does when it was wrong."""

import importlib.util

import numpy as np
import pytest

from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.inference import (
    CPU_MAX_PIXELS,
    BatchSizer,
    CudaMemory,
    choose_precision,
    choose_torch_device,
    compile_in_place,
    forward_mode,
    is_out_of_memory,
    sizer_for,
    upload,
)

PIXELS = 100


class Device:
    """A device with so much memory and a model that needs a fixed part of it and another for each pixel."""

    def __init__(self, total, *, fixed=0, per_pixel=1, real_total=None):
        self.total, self.fixed, self.per_pixel = total, fixed, per_pixel
        self.real_total = total if real_total is None else real_total
        self.peak = self.num_measured = self.num_released = 0
        self.passes = []

    def free_bytes(self):
        return self.total

    def start_measuring(self):
        self.num_measured += 1
        self.peak = 0

    def peak_bytes(self):
        return self.peak

    def release(self):
        self.num_released += 1

    def forward(self, start, stop, pixels=PIXELS):
        self.peak = self.fixed + (stop - start) * pixels * self.per_pixel
        self.passes.append(stop - start)
        if self.peak > self.real_total:
            raise RuntimeError("MPS backend out of memory")
        return list(range(start, stop))


def run(sizer, device, num_pictures, pixels=PIXELS):
    parts = sizer.run(num_pictures, num_pixels=pixels, compute=lambda a, b: device.forward(a, b, pixels))
    assert [index for part in parts for index in part] == list(range(num_pictures)), "each once, in order"
    passes, device.passes = device.passes, []
    return passes


def test_the_first_pass_takes_one_picture_and_the_next_what_fits_four_fifths_of_the_free_memory():
    device = Device(1000)
    sizer = BatchSizer(device)
    assert run(sizer, device, 20) == [1, 8, 8, 3]
    assert run(sizer, device, 20) == [8, 8, 4]
    assert device.num_measured == 2, "only while it learns"


def test_there_are_never_more_than_asked_for():
    device = Device(10**9)
    sizer = BatchSizer(device)
    assert run(sizer, device, 5) == [1, 4]
    assert run(sizer, device, 32) == [32]
    assert sizer.size(PIXELS, at_most=16) == 16


def test_larger_batches_show_what_was_needed_only_once():
    device = Device(1000, fixed=300)
    sizer = BatchSizer(device)
    # 400 bytes for one picture look like 2 in the memory; 500 for two like 3, 600 for three like 4.
    assert run(sizer, device, 10) == [1, 2, 3, 4]
    assert run(sizer, device, 8) == [4, 4]


def test_another_size_of_picture_starts_from_what_is_known_and_has_its_own_size():
    device = Device(1000)
    sizer = BatchSizer(device)
    run(sizer, device, 9)
    assert run(sizer, device, 9, pixels=200) == [4, 4, 1]
    assert run(sizer, device, 9) == [8, 1]
    assert sizer.size(10_000, at_most=9) == 1, "never less than one"


def test_a_pass_that_does_not_fit_is_halved_and_the_limit_is_kept():
    device = Device(3200, real_total=450)
    sizer = BatchSizer(device)
    assert run(sizer, device, 16) == [1, 15, 7, 3, 3, 3, 3, 3]
    assert device.num_released == 2
    assert run(sizer, device, 6) == [3, 3], "for as long as the process lives"


def test_one_picture_that_does_not_fit_is_an_error():
    device = Device(1000, real_total=50)
    with pytest.raises(RuntimeError, match="out of memory"):
        run(BatchSizer(device), device, 4)
    assert device.passes == [1]


def test_another_error_is_not_tried_again():
    calls = []

    def fail(start, stop):
        calls.append((start, stop))
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        BatchSizer().run(8, num_pixels=PIXELS, compute=fail)
    assert calls == [(0, 8)]


def test_on_a_cpu_a_pass_is_bounded_by_its_pixels():
    sizer = sizer_for("cpu")
    assert sizer.size(256 * 256, at_most=32) == 4
    assert sizer.size(224 * 224, at_most=32) == 5
    assert sizer.size(960 * 540, at_most=8) == 1
    assert sizer.size(CPU_MAX_PIXELS // 100, at_most=32) == 32
    calls = []
    sizer.run(10, num_pixels=256 * 256, compute=lambda start, stop: calls.append((start, stop)))
    assert calls == [(0, 4), (4, 8), (8, 10)]


def test_without_a_word_from_the_device_only_the_setting_and_failures_bound_a_pass():
    device = Device(0, real_total=850)
    assert run(sizer_for("mps"), device, 20) == [20, 10, 5, 5, 5, 5]


def test_free_memory_counts_what_torch_has_reserved_and_does_not_use(monkeypatch):
    import torch

    answers = {"mem_get_info": (1000, 8000), "memory_reserved": 700, "memory_allocated": 300}
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, lambda answer=answer: answer)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 950)
    memory = CudaMemory()
    assert memory.free_bytes() == 1400
    memory.start_measuring()
    assert memory.peak_bytes() == 650


def test_every_way_of_saying_that_memory_ran_out_is_known():
    import torch

    errors = [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ]
    assert all(map(is_out_of_memory, errors))
    assert not is_out_of_memory(RuntimeError("index out of range"))
    assert not is_out_of_memory(OSError("out of memory"))


@pytest.mark.parametrize(
    ("device", "has_bf16", "name", "expected"),
    [
        ("cuda", True, "auto", "bf16"),
        ("cuda", False, "auto", "fp16"),
        ("cuda", True, "fp32", "fp32"),
        ("cuda", False, "fp16", "fp16"),
        ("cpu", True, "auto", "fp32"),
        ("mps", True, "auto", "fp32"),
        ("cpu", False, "bf16", "bf16"),
    ],
)
def test_the_precision_is_what_the_device_is_fast_in(monkeypatch, device, has_bf16, name, expected):
    import torch

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: has_bf16)
    assert choose_precision(name, device=device, setting="clip.precision") == expected


def test_bf16_is_refused_where_it_would_be_emulated(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    with pytest.raises(SettingsError, match=r"clip\.precision is bf16"):
        choose_precision("bf16", device="cuda", setting="clip.precision")


@pytest.mark.parametrize(
    ("has_cuda", "has_mps", "is_good", "expected"),
    [(True, True, True, "cuda"), (False, True, True, "mps"), (False, True, False, "cpu"), (False, False, True, "cpu")],
)
def test_auto_takes_the_best_device_that_the_model_can_use(monkeypatch, has_cuda, has_mps, is_good, expected):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    assert choose_torch_device("auto", setting="iqa.device", is_good_for_mps=is_good) == expected
    if has_mps:
        assert choose_torch_device("mps", setting="iqa.device", is_good_for_mps=is_good) == "mps", "asked for by name"


def test_a_pass_keeps_no_gradients_and_computes_in_the_precision():
    import torch

    layer, pixels = torch.nn.Linear(4, 4), torch.ones(2, 4)
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        with forward_mode("cpu", precision):
            output = layer(pixels)
        assert output.dtype == dtype
        assert output.is_inference()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_fp32_on_cuda_is_not_tf32_and_the_flags_are_put_back(monkeypatch, precision):
    import torch

    monkeypatch.setattr(torch, "autocast", lambda *_: torch.no_grad())
    cudnn = torch.backends.cudnn
    before = (cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark)
    with forward_mode("cuda", precision):
        assert cudnn.allow_tf32 == (precision != "fp32")
        assert cudnn.deterministic
    assert (cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark) == before


class Module:
    """Records how it was compiled."""

    backend = None

    def compile(self, *, backend):
        self.backend = backend


def test_a_module_is_compiled_only_where_that_is_asked_for():
    plain, compiled = Module(), Module()
    compile_in_place(plain, "none", device="cpu", setting="clip.compile")
    compile_in_place(compiled, "torch", device="cuda", setting="clip.compile")
    assert (plain.backend, compiled.backend) == (None, "inductor")


@pytest.mark.parametrize("how", ["torch", "tensorrt"])
def test_compiling_without_a_gpu_is_a_settings_error(how):
    with pytest.raises(SettingsError, match=rf"clip\.compile is {how}, .* runs on cpu"):
        compile_in_place(Module(), how, device="cpu", setting="clip.compile")


def test_tensorrt_without_its_package_says_what_to_install():
    if importlib.util.find_spec("torch_tensorrt") is not None:
        pytest.skip("torch_tensorrt is installed")
    with pytest.raises(ModelUnavailableError, match=r"clip\.compile=tensorrt .* pip install torch-tensorrt"):
        compile_in_place(Module(), "tensorrt", device="cuda", setting="clip.compile")


@pytest.mark.parametrize("as_array", [True, False])
def test_pictures_become_one_tensor_also_where_they_are_read_only_or_reversed(recwarn, as_array):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)[:, :, ::-1]
    pictures.flags.writeable = False
    tensor = upload(pictures if as_array else list(pictures), device="cpu")
    np.testing.assert_array_equal(tensor.numpy(), pictures)
    assert len(recwarn) == 0
