"""Running a model on pictures: on which device, in which precision, how many at once, over which copies.

What belongs here: what every torch model on pictures has in common, whatever it computes. What does not: a model, its
preprocessing and its scores (clip, iqa), its files (weights). torch is imported inside the functions, as everywhere.
"""

import ctypes
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import ModelUnavailableError, SettingsError
from thumb_assets.settings.load import choose_device

Output = TypeVar("Output")

# Of the memory that is free, what one pass may take; the rest is for what its estimate does not see (fragments, the
# workspaces of the libraries, another process).
_SHARE_OF_FREE_MEMORY = 0.8
# Pixels of model input per pass on a CPU: four pictures of 256 x 256, one of 960 x 540. Larger batches gain nothing
# there: their activations leave the caches, and beyond some ten megabytes every layer gets fresh pages from the system
# and gives them back. CPU ms per picture, one thread: thumb-mini 8.2 in batches of 4, 10.3 of 8, 13.4 of 32; piqe at
# 960 x 540, two threads: 63 alone, 100 in batches of 2 and more.
CPU_MAX_PIXELS = 4 * 256 * 256


class DeviceMemory(Protocol):
    """The memory of a device as it reports it, in bytes."""

    def free_bytes(self) -> int:
        """Bytes that can still be allocated."""
        ...

    def start_measuring(self) -> None:
        """Forgets the peak so far."""
        ...

    def peak_bytes(self) -> int:
        """The most that was allocated since `start_measuring`, beyond what was then."""
        ...

    def release(self) -> None:
        """Gives what is kept for reuse back to the device, after an allocation failed."""
        ...


class CudaMemory:
    """The current CUDA device. Peaks are counted by torch's allocator on the host, so nothing here waits for a pass."""

    def __init__(self) -> None:
        self._allocated_before = 0

    def free_bytes(self) -> int:
        """The device's free memory, and what torch has reserved there and does not use."""
        import torch

        free, _total = torch.cuda.mem_get_info()
        return int(free) + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()

    def start_measuring(self) -> None:
        """See DeviceMemory."""
        import torch

        torch.cuda.reset_peak_memory_stats()
        self._allocated_before = torch.cuda.memory_allocated()

    def peak_bytes(self) -> int:
        """See DeviceMemory."""
        import torch

        return int(torch.cuda.max_memory_allocated()) - self._allocated_before

    def release(self) -> None:
        """See DeviceMemory."""
        import torch

        torch.cuda.empty_cache()


class BatchSizer:
    """The number of pictures that one model takes at once on one device in one precision, learned while the model runs.

    Args:
        memory: the device's memory; None where it does not tell (CPU, MPS).
        max_pixels: pixels of model input per pass, at most; None for no such limit.

    The first pass takes one picture. Its peak gives the bytes per pixel, that and the free memory the size of the next,
    and every larger batch replaces the estimate, since a small one charges each picture with what is needed once. A
    size is kept for each size of picture once no larger batch runs. A pass that runs out of memory is tried again with
    half the pictures, and that limit is kept too, as long as the process lives.
    """

    def __init__(self, memory: DeviceMemory | None = None, *, max_pixels: int | None = None) -> None:
        self._memory = memory
        self._max_pixels = max_pixels
        self._bytes_per_pixel: dict[int, float] = {}
        self._largest_measured: dict[int, int] = {}
        self._sizes: dict[int, int] = {}
        self._limits: dict[int, int] = {}

    def size(self, num_pixels: int, *, at_most: int) -> int:
        """Pictures in the next pass.

        Args:
            num_pixels: of one picture as the model gets it.
            at_most: the setting, or how many there are.

        Returns:
            1..at_most.
        """
        size = min(at_most, self._limits.get(num_pixels, at_most))
        if self._max_pixels is not None:
            size = min(size, self._max_pixels // num_pixels)
        if self._memory is not None:
            if num_pixels not in self._sizes:
                self._sizes[num_pixels] = self._size_that_fits(num_pixels, self._memory)
            size = min(size, self._sizes[num_pixels])
        return max(1, size)

    def run(self, num_pictures: int, *, num_pixels: int, compute: Callable[[int, int], Output]) -> list[Output]:
        """Calls `compute(start, stop)` for consecutive parts of the pictures, each as large as memory allows.

        Args:
            num_pictures: how many there are; no part is larger.
            num_pixels: of one picture as the model gets it.
            compute: one pass over pictures start..stop (exclusive); a part may be asked for again, in halves.

        Returns:
            What the calls gave, in order.

        Raises:
            Exception: what `compute` raises; one that says that memory ran out only for a single picture.
        """
        outputs: list[Output] = []
        start = 0
        while start < num_pictures:
            size = self.size(num_pixels, at_most=num_pictures - start)
            is_done = False
            try:
                outputs.append(self._measured(size, num_pixels, lambda a=start, b=start + size: compute(a, b)))  # type: ignore[misc]
                is_done = True
            except Exception as error:
                if size == 1 or not is_out_of_memory(error):
                    raise
            # After the handler: the error's traceback held on to the tensors of the failed pass.
            if is_done:
                start += size
            else:
                self._limits[num_pixels] = size // 2
                if self._memory is not None:
                    self._memory.release()
        return outputs

    def _measured(self, size: int, num_pixels: int, compute: Callable[[], Output]) -> Output:
        if self._memory is None or size <= self._largest_measured.get(num_pixels, 0):
            return compute()
        self._memory.start_measuring()
        output = compute()
        self._bytes_per_pixel[num_pixels] = self._memory.peak_bytes() / (size * num_pixels)
        self._largest_measured[num_pixels] = size
        self._sizes.pop(num_pixels, None)
        return output

    def _size_that_fits(self, num_pixels: int, memory: DeviceMemory) -> int:
        """By this size of picture where it was measured, else by the worst of the others; one where none was."""
        measured = self._bytes_per_pixel.get(num_pixels) or max(self._bytes_per_pixel.values(), default=0.0)
        if measured <= 0:
            return 1
        return int(_SHARE_OF_FREE_MEMORY * memory.free_bytes() / (measured * num_pixels))


def sizer_for(device: str) -> BatchSizer:
    """The sizer of one model on a device: by memory on CUDA, by pixels on the CPU, only by the setting on MPS."""
    if device == "cuda":
        return BatchSizer(CudaMemory())
    return BatchSizer(max_pixels=CPU_MAX_PIXELS if device == "cpu" else None)


def cpu_batch_size(num_pixels: int, *, at_most: int) -> int:
    """Pictures to hand a model on a CPU at once: those that wait for more take memory, and keep their video waiting.

    Args:
        num_pixels: of one picture as the model gets it.
        at_most: the setting, or how many there are.

    >>> cpu_batch_size(256 * 256, at_most=32), cpu_batch_size(960 * 540, at_most=8)
    (4, 1)
    """
    return max(1, min(at_most, CPU_MAX_PIXELS // num_pixels))


def is_out_of_memory(error: BaseException) -> bool:
    """True for an error that says that memory ran out, in any of the ways torch has for it.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError("out of range"))
    (True, False)
    """
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # MPS, the CPU's allocator and cuBLAS raise plain RuntimeErrors.
    signs = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in signs)


@cache
def has_nvidia_driver() -> bool:
    """True if an NVIDIA GPU's driver is installed; told without torch, which takes seconds to import."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def choose_torch_device(name: str, *, setting: str, is_good_for_mps: bool = True) -> str:
    """The device a setting names: for `auto` cuda, then mps where the model is good for it, then cpu.

    Raises:
        SettingsError: the named device is not there.
    """
    import torch

    has_mps = torch.backends.mps.is_available() and (is_good_for_mps or name != "auto")
    is_here = {"cuda": torch.cuda.is_available(), "mps": has_mps, "cpu": True}
    return choose_device(name, is_here, setting=setting)


def choose_precision(name: str, *, device: str, setting: str) -> str:
    """The precision a setting names: for `auto` bf16 on a CUDA device that has it, fp16 on others, fp32 elsewhere.

    A CPU without matrix units for bf16 computes it several times slower than fp32.

    Raises:
        SettingsError: bf16 on a CUDA device that would only emulate it.
    """
    import torch

    has_bf16 = device != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    if name == "auto":
        if device != "cuda":
            return "fp32"
        return "bf16" if has_bf16 else "fp16"
    if name == "bf16" and not has_bf16:
        raise SettingsError(f"{setting} is bf16, which this GPU does not have; use auto, fp16 or fp32")
    return name


@contextmanager
def forward_mode(device: str, precision: str) -> Iterator[None]:
    """Inference in a precision, the same each time: no gradients, autocast, no choice of kernels by timing.

    On CUDA fp32 means fp32: torch would compute convolutions in TF32, with the mantissa of fp16.
    """
    import torch

    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        if device == "cuda":
            is_fp32 = precision == "fp32"
            flags = torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=not is_fp32
            )
            stack.enter_context(flags)
        if precision != "fp32":
            dtype = torch.bfloat16 if precision == "bf16" else torch.float16
            stack.enter_context(torch.autocast(device, dtype))
        yield


def use_cores(*, is_shared: bool) -> None:
    """Sets the cores that models may use from now on in the calling thread: all, or half where others need them.

    Beside a decoder, on two busy cores, the second thread of a layer mostly waits for the first, and burns a sixth of
    the time with it. Nothing happens where torch is not loaded: then no model needs it.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        num_cores = _num_cores(torch)
        torch.set_num_threads(max(1, num_cores // 2) if is_shared else num_cores)


@cache
def _thread_pools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[None]:
    """Has NumPy multiply matrices with the thread that calls it, until the context ends.

    Ours are small: a second thread costs more than it brings, ten times as much where the cores are busy, and burns
    time after each product while it waits for the next one.
    """
    limit: AbstractContextManager[None] = _thread_pools().limit(limits=1, user_api="blas")
    return limit


@cache
def _num_cores(torch: Any) -> int:
    """Threads that torch chose by itself."""
    return int(torch.get_num_threads())


def compile_in_place(module: Any, how: str, *, device: str, setting: str) -> None:
    """Has torch compile a module at its first pass; `none` leaves it as it is.

    Args:
        module: torch module, on its device.
        how: none, torch (inductor) or tensorrt.

    Raises:
        SettingsError: not on CUDA.
        ModelUnavailableError: tensorrt without the package torch_tensorrt.
    """
    if how == "none":
        return
    if device != "cuda":
        raise SettingsError(f"{setting} is {how}, which needs an NVIDIA GPU, and this model runs on {device}; use none")
    if how == "tensorrt":
        try:
            importlib.import_module("torch_tensorrt")
        except ImportError as error:
            raise ModelUnavailableError(
                f"{setting}=tensorrt needs torch_tensorrt, which is not installed: pip install torch-tensorrt "
                f"in the version of the installed torch [{error}]"
            ) from error
    module.compile(backend="tensorrt" if how == "tensorrt" else "inductor")


def upload(images: Sequence[npt.NDArray[np.uint8]] | npt.NDArray[np.uint8], *, device: str) -> Any:
    """Pictures of one shape as one tensor on a device; on CUDA through pinned memory and without waiting.

    The pinned memory is from torch's own cache, which hands it out again only after the copy out of it is done.

    Args:
        images: (H, W, 3) uint8 each, or all of them as one array, which the CPU's tensor then shares.

    Returns:
        (N, H, W, 3) uint8 tensor, not to be written to.
    """
    import torch

    is_cuda = device == "cuda"
    if isinstance(images, np.ndarray) and not is_cuda:
        # torch warns about arrays that are read-only.
        return torch.from_numpy(np.require(images, requirements=["C", "W"])).to(device)
    staged = torch.empty((len(images), *images[0].shape), dtype=torch.uint8, pin_memory=is_cuda)
    np.stack(list(images), out=staged.numpy())
    return staged.to(device, non_blocking=is_cuda)
