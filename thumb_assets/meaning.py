"""The meaning of short English texts as vectors, by all-MiniLM-L6-v2 (Apache-2.0), in NumPy.

What belongs here: the network and its tokens. What does not: finding its files (weights), or what a likeness is worth
(select).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thumb_assets.errors import ModelUnavailableError

DIMENSIONS = 384
_NUM_LAYERS, _NUM_HEADS, _EPSILON = 6, 12, 1e-12
# Of a text, at most; its authors trained it with 128.
_MOST_TOKENS, _MOST_LETTERS_OF_WORD = 128, 100
_BATCH_TOKENS = 2048
# A word, or a mark or ideograph by itself, as BERT parts texts.
_IDEOGRAPH = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_WORD = re.compile(rf"[{_IDEOGRAPH}]|(?:(?![{_IDEOGRAPH}_])\w)+|[^\w\s]|_")

Floats = NDArray[np.float32]


class SentenceEncoder:
    """Turns texts into vectors whose cosines say how alike their meanings are.

    Args:
        weights_path: `model.safetensors` of sentence-transformers/all-MiniLM-L6-v2.
        vocabulary_path: its `vocab.txt`.

    Raises:
        ModelUnavailableError: the files hold no such network.
    """

    def __init__(self, weights_path: Path, vocabulary_path: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            weights = load_file(weights_path)
            pieces = vocabulary_path.read_text(encoding="utf-8").split("\n")
            self._numbers = {piece: number for number, piece in enumerate(pieces) if piece}
            self._first, self._last, self._unknown = (self._numbers[name] for name in ("[CLS]", "[SEP]", "[UNK]"))
            self._embeddings = weights["embeddings.word_embeddings.weight"]
            places = weights["embeddings.position_embeddings.weight"]
            self._places = places + weights["embeddings.token_type_embeddings.weight"][0]
            self._norm = _Norm(weights, "embeddings.LayerNorm")
            self._layers = [_Layer(weights, f"encoder.layer.{number}") for number in range(_NUM_LAYERS)]
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise ModelUnavailableError(
                f"{weights_path}, {vocabulary_path}: are not all-MiniLM-L6-v2 ({error}); fetch them again"
            ) from error

    def encode(self, texts: Sequence[str]) -> Floats:
        """The meaning of each text.

        Args:
            texts: N; only the first 128 pieces of one are read.

        Returns:
            (N, 384) float32 of L2 norm 1.
        """
        rows = [[self._first, *self._pieces(text)[: _MOST_TOKENS - 2], self._last] for text in texts]
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for batch in _batches([len(row) for row in rows]):
            vectors[batch] = self._encoded([rows[place] for place in batch])
        return vectors

    def pieces_per_word(self, text: str) -> float:
        """Into how many pieces a word falls on average: 1 to 1.5 in English; 0 without words.

        A word of a script that the vocabulary does not have counts as as many pieces as it has letters.
        """
        words = [word for word in _words(text) if word.isalpha()]
        pieces = [self._pieces_of(word) for word in words]
        counts = [len(word) if own == [self._unknown] else len(own) for word, own in zip(words, pieces, strict=True)]
        return sum(counts) / len(words) if words else 0.0

    def _pieces(self, text: str) -> list[int]:
        # A word has a piece at least: what is behind is not read.
        return [number for word in _words(text)[:_MOST_TOKENS] for number in self._pieces_of(word)]

    def _pieces_of(self, word: str) -> list[int]:
        """WordPiece: the longest piece that is known, again and again (Wu et al., 2016, arXiv:1609.08144)."""
        if len(word) > _MOST_LETTERS_OF_WORD:
            return [self._unknown]
        pieces, begin = [], 0
        while begin < len(word):
            head = "##" if begin else ""
            ends = range(len(word), begin, -1)
            end = next((end for end in ends if head + word[begin:end] in self._numbers), None)
            if end is None:
                return [self._unknown]
            pieces.append(self._numbers[head + word[begin:end]])
            begin = end
        return pieces

    def _encoded(self, rows: Sequence[Sequence[int]]) -> Floats:
        length = max(map(len, rows))
        is_token = np.array([[place < len(row) for place in range(length)] for row in rows])
        numbers = np.array([[*row, *[0] * (length - len(row))] for row in rows])
        values = self._norm(self._embeddings[numbers] + self._places[:length])
        hidden = np.where(is_token, np.float32(0), np.float32(-1e9))[:, None, None]
        for layer in self._layers:
            values = layer(values, hidden)
        mean = (values * is_token[..., None]).sum(axis=1) / is_token.sum(axis=1, keepdims=True)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)


class _Norm:
    def __init__(self, weights: dict[str, Floats], name: str) -> None:
        self._scale, self._shift = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def __call__(self, values: Floats) -> Floats:
        centred = values - values.mean(axis=-1, keepdims=True)
        spread = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
        return np.asarray(centred / spread * self._scale + self._shift)


class _Dense:
    def __init__(self, weights: dict[str, Floats], *names: str) -> None:
        self._weight = np.concatenate([weights[f"{name}.weight"] for name in names]).T
        self._bias = np.concatenate([weights[f"{name}.bias"] for name in names])

    def __call__(self, values: Floats) -> Floats:
        return np.asarray(values @ self._weight + self._bias)


class _Layer:
    """One layer of BERT (Devlin et al., 2018, arXiv:1810.04805)."""

    def __init__(self, weights: dict[str, Floats], name: str) -> None:
        self._asked = _Dense(weights, *(f"{name}.attention.self.{part}" for part in ("query", "key", "value")))
        self._attended = _Dense(weights, f"{name}.attention.output.dense")
        self._wide = _Dense(weights, f"{name}.intermediate.dense")
        self._narrow = _Dense(weights, f"{name}.output.dense")
        self._norms = _Norm(weights, f"{name}.attention.output.LayerNorm"), _Norm(weights, f"{name}.output.LayerNorm")

    def __call__(self, values: Floats, hidden: Floats) -> Floats:
        """(B, T, 384); `hidden` (B, 1, 1, T) is added to what each token attends to."""
        from scipy.special import erf

        num_texts, length, width = values.shape
        parted = self._asked(values).reshape(num_texts, length, 3, _NUM_HEADS, width // _NUM_HEADS)
        query, key, value = parted.transpose(2, 0, 3, 1, 4)
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32((width // _NUM_HEADS) ** 0.5) + hidden
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        heard = (shares @ value).transpose(0, 2, 1, 3).reshape(values.shape)
        values = self._norms[0](values + self._attended(heard))
        wide = self._wide(values)
        wide = wide * np.float32(0.5) * (1 + erf(wide / np.float32(2**0.5)))
        return self._norms[1](values + self._narrow(wide))


def _words(text: str) -> list[str]:
    letters = unicodedata.normalize("NFD", text.lower())
    return _WORD.findall("".join(each for each in letters if each.isspace() or _is_read(each)))


def _is_read(letter: str) -> bool:
    """Accents and marks of control are passed over."""
    return unicodedata.category(letter) not in {"Mn", "Cc", "Cf"}


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of like length, few enough for bounded memory."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
