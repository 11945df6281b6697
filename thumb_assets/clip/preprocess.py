"""From RGB arrays to the tensor a model wants, on uint8 as long as possible."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from thumb_assets.errors import BadInputError
from thumb_assets.inference import upload


def require_rgb(images: Sequence[npt.NDArray[np.uint8]]) -> None:
    """Makes sure that these are pictures.

    Raises:
        BadInputError: one is no (H, W, 3) uint8 array, or is empty.
    """
    for image in images:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise BadInputError(f"CLIP needs (H, W, 3) uint8 RGB arrays, got {image.shape} {image.dtype}")


class Preprocessor:
    """Resizes and crops pictures in uint8, normalises the whole batch on the device.

    Args:
        config: open_clip's preprocess config of the model: size, mean, std, interpolation, resize_mode.
        fallback: open_clip's own transform (PIL image -> (3, H, W) normalised tensor), used for the rare modes that
            have no exact counterpart on tensors here.
        device: torch device of the result.
        is_resized_on_device: whether the device gets the pictures as they are, those of one shape in one copy, and
            resizes them itself; on the CPU each picture is resized by itself, in the cache.

    The shorter side is resized (antialiased) and the middle cropped; `squash` resizes both sides. Several times as fast
    as the PIL transform and equal to it within a rounding of uint8.
    """

    def __init__(
        self, config: dict[str, Any], *, fallback: Callable[[Any], Any], device: str, is_resized_on_device: bool = False
    ) -> None:
        import torch

        size = config["size"]
        self.size: tuple[int, int] = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
        self._mode = config["resize_mode"]
        self._interpolation = config["interpolation"]
        self._fallback = fallback
        self._device = device
        self._is_resized_on_device = is_resized_on_device
        # ToTensor's division by 255, folded into mean and std.
        self._mean = torch.tensor(config["mean"], device=device).mul(255).reshape(1, 3, 1, 1)
        self._std = torch.tensor(config["std"], device=device).mul(255).reshape(1, 3, 1, 1)
        is_square = self.size[0] == self.size[1]
        self._is_on_tensors = (self._mode == "shortest" and is_square) or self._mode == "squash"

    @property
    def short_side(self) -> int:
        """Length of the shorter side below which a picture would have to be enlarged, in pixels."""
        return max(self.size)

    def __call__(self, images: Sequence[npt.NDArray[np.uint8]]) -> Any:
        """A batch.

        Args:
            images: (H, W, 3) uint8 RGB each, sizes may differ.

        Returns:
            (N, 3, height, width) float32 tensor on the device, normalised; channels last in memory, which
            convolutions prefer.

        Raises:
            BadInputError: an array of another shape or type.
        """
        import torch

        require_rgb(images)
        if not self._is_on_tensors:
            return torch.stack([self._by_fallback(image) for image in images]).to(self._device)
        batch = self._resized_on_device(images) if self._is_resized_on_device else self._resized_one_by_one(images)
        normalised = batch.to(torch.float32).sub_(self._mean).div_(self._std)
        return normalised.contiguous(memory_format=torch.channels_last)

    def _resized_on_device(self, images: Sequence[npt.NDArray[np.uint8]]) -> Any:
        """(N, 3, height, width) uint8 on the device; the pictures of one shape are copied and resized together."""
        import torch

        by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, image in enumerate(images):
            by_shape[image.shape].append(index)
        batch = torch.empty((len(images), 3, *self.size), dtype=torch.uint8, device=self._device)
        for indices in by_shape.values():
            pixels = upload([images[index] for index in indices], device=self._device).permute(0, 3, 1, 2)
            # One by one: a list of indices would be a tensor of its own, and its copy would wait for the device.
            for index, resized in zip(indices, self._resized(pixels), strict=True):
                batch[index] = resized
        return batch

    def _resized_one_by_one(self, images: Sequence[npt.NDArray[np.uint8]]) -> Any:
        """(N, 3, height, width) uint8 on the device, from pictures resized on the CPU."""
        import torch

        # torch warns about arrays that are read-only; these are never written to.
        planes = [torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1) for image in images]
        # Stacked with the channels last, as they are in memory, so that nothing is turned around for the model.
        rows = torch.stack([self._resized(picture).permute(1, 2, 0) for picture in planes])
        return rows.permute(0, 3, 1, 2).to(self._device)

    def _resized(self, pixels: Any) -> Any:
        """(..., 3, H, W) uint8 at the model's size, where it is."""
        from torchvision.transforms import InterpolationMode
        from torchvision.transforms.v2 import functional

        mode = InterpolationMode.BILINEAR if self._interpolation == "bilinear" else InterpolationMode.BICUBIC
        if self._mode == "squash":
            return functional.resize(pixels, list(self.size), interpolation=mode, antialias=True)
        shorter = functional.resize(pixels, [self.size[0]], interpolation=mode, antialias=True)
        return functional.center_crop(shorter, list(self.size))

    def _by_fallback(self, image: npt.NDArray[np.uint8]) -> Any:
        from PIL import Image

        return self._fallback(Image.fromarray(image))
