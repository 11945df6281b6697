"""Finds the frames that answer a query, among the candidates of all videos."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from thumb_assets.errors import BadInputError, MissingInputError, SettingsError, ThumbAssetsError
from thumb_assets.events import UNWATCHED, Events
from thumb_assets.pipeline.stages import nothing_to_read
from thumb_assets.search.conditions import Condition, require_known
from thumb_assets.search.query import EXAMPLE, Answer, Found, Match, Query
from thumb_assets.search.spaces import Kind, PictureSpace, picture_spaces
from thumb_assets.search.words import TextMatches, Words
from thumb_assets.select.measure import CandidateArrays
from thumb_assets.select.ranks import groups_of_shots
from thumb_assets.select.rules import DOUBTFUL
from thumb_assets.select.verdicts import Verdicts, judge
from thumb_assets.settings.load import Settings
from thumb_assets.store.candidate_cache import CandidateCache
from thumb_assets.store.parquet import TableStore
from thumb_assets.store.quote_rows import Quotes
from thumb_assets.wording import count

FloatArray = NDArray[np.float64]
Positions = NDArray[np.int64]

# So many answers of each kind are looked at for every frame that is asked for, since several may be of one shot.
_LOOKED_AT, _FEWEST_LOOKED_AT, _MOST_LOOKED_AT = 8, 200, 20_000
# Within ranges so many of the nearest are looked at before every frame in them is compared with the question, and so
# many of those that are asked for are enough then.
_MOST_IN_RANGES, _ENOUGH_IN_RANGES = 4000, 0.25


@dataclass(frozen=True, eq=False)
class Searched:
    """All that is searched.

    Attributes:
        measured: the candidates.
        contents: by video the hash of what its vectors are made of.
        quotes: all texts.
        errors: why a video's tables cannot be read, one line, by video.
        in_work: videos that are left out because a run makes their candidates now.
    """

    measured: CandidateArrays
    contents: Mapping[str, str]
    quotes: Quotes
    errors: Mapping[str, str]
    in_work: frozenset[str] = frozenset()

    @classmethod
    def of_store(cls, store: TableStore, *, events: Events = UNWATCHED) -> "Searched":
        """Reads a library; what changed since the last time is read from its tables.

        Raises:
            MissingInputError: no video has candidates; says which stage to run.
            StorageError: the disk does not answer.
        """
        cache = CandidateCache(store, events=events)
        stored = cache.candidates(needs_selections=False)
        if stored.measured is None:
            if stored.errors:
                raise MissingInputError(next(iter(stored.errors.values())))
            if stored.missing and set(stored.missing) <= stored.in_work:
                raise MissingInputError("what is here is worked on now; ask again when that is done")
            raise nothing_to_read("can be searched", stored.missing.values())
        in_work = stored.in_work & set(stored.missing)
        return cls(stored.measured, stored.contents, cache.quotes(), stored.errors, in_work)


class Finder:
    """Answers queries on a library as it was when it was read.

    Args:
        searched: the library.
        settings: `selection` for scores and likeness, `clip`, whose model reads words, `models`.
        store: in whose data folder the indexes lie, in `search/`; None keeps them in memory.
        events: `progress` while an index is made or texts are read.
    """

    def __init__(
        self, searched: Searched, settings: Settings, store: TableStore | None, *, events: Events = UNWATCHED
    ) -> None:
        self._searched, self._settings, self._events = searched, settings, events
        self._measured = searched.measured
        self._folder = None if store is None else store.data_dir / "search"
        self._values: dict[str, FloatArray] = {}

    @property
    def num_frames(self) -> int:
        """The number of candidates that are searched."""
        return len(self._measured.frame_indices)

    def find(self, query: Query) -> Answer:
        """Answers a query.

        Raises:
            BadInputError: the example is no frame of a video that was run, or nobody measured what a range is of.
            MissingInputError, ModelUnavailableError: nothing here can be searched so; says what to run or install.
            SettingsError: the query asks for nothing, or for words and an example.
        """
        words = (query.words or "").strip()
        if words and query.like is not None:
            raise SettingsError("give either words or an example (like); ranges of scores (where) narrow both")
        mask = self._in_ranges(query.ranges)
        num_in_ranges = int(mask.sum()) if mask is not None else None
        if query.like is not None:
            found, notes = self._by_example(query, mask)
        elif words:
            found, notes = self._by_words(query, mask)
        elif mask is not None:
            found, notes = self._by_ranges(query, mask), []
        else:
            raise SettingsError("nothing is asked for: give words, --like VIDEO:FRAME or --where 'sharpness>=0.5'")
        num_rejected = sum(each.rejected is not None for each in found)
        if num_rejected:
            shown = count(len(found), "frame")
            notes.append(f"rules of the selection reject {num_rejected} of the {shown} found; they say so")
        notes += self._searched.errors.values()
        notes += [f"{video_id}: is worked on now; it is found when that is done" for video_id in self._searched.in_work]
        return Answer(tuple(found), tuple(dict.fromkeys(notes)), num_in_ranges)

    def read_texts(self) -> None:
        """Reads the meaning of every text that was not read yet.

        Raises:
            ModelUnavailableError: the model of meanings cannot be had here.
        """
        self._words.read_all(events=self._events)

    @cached_property
    def _words(self) -> Words:
        return Words(self._searched.quotes, self._settings, self._folder, events=self._events)

    @cached_property
    def _shots(self) -> NDArray[np.unsignedinteger]:
        return groups_of_shots(self._measured.offsets, self._measured.shot_indices)

    @cached_property
    def _looks(self) -> tuple[PictureSpace, ...]:
        return self._spaces("looks")

    @cached_property
    def _embeddings(self) -> tuple[PictureSpace, ...]:
        return self._spaces("embeddings")

    def _spaces(self, kind: Kind) -> tuple[PictureSpace, ...]:
        settings, contents = self._settings.selection.similarity, self._searched.contents
        return picture_spaces(
            kind, self._measured, contents, settings=settings, folder=self._folder, events=self._events
        )

    @cached_property
    def _quoted(self) -> Positions:
        """By text the position of its candidate; -1 where that is not searched."""
        quotes, measured = self._searched.quotes, self._measured
        positions = np.full(len(quotes.frame_indices), -1)
        place_of = {video_id: place for place, video_id in enumerate(measured.video_ids)}
        for video, video_id in enumerate(quotes.video_ids):
            if (place := place_of.get(video_id)) is not None:
                own, span = slice(*quotes.offsets[video : video + 2].tolist()), measured.span(place)
                places = np.searchsorted(measured.frame_indices[span], quotes.frame_indices[own])
                positions[own] = span.start + np.minimum(places, span.stop - span.start - 1)
        return positions

    def _values_of(self, condition: Condition) -> FloatArray:
        name = condition.measure.name
        if name not in self._values:
            self._values[name] = condition.measure.of(self._measured, self._settings)
        return self._values[name]

    def _in_ranges(self, ranges: Sequence[Condition]) -> NDArray[np.bool_] | None:
        mask = None
        for condition in ranges:
            values = self._values_of(condition)
            require_known(condition, values)
            holds = condition.holds(values)
            mask = holds if mask is None else mask & holds
        return mask

    def _by_ranges(self, query: Query, mask: NDArray[np.bool_]) -> list[Found]:
        first = query.ranges[0]
        positions = np.flatnonzero(mask)
        values = self._values_of(first)[positions]
        order = np.lexsort((positions, values if first.is_less_better else -values))
        kept = self._limited(positions[order], query)
        return [self._found(position, float(self._values_of(first)[position]), (), query) for position in kept]

    def _by_example(self, query: Query, mask: NDArray[np.bool_] | None) -> tuple[list[Found], list[str]]:
        assert query.like is not None
        example, notes = self._position_of(*query.like)
        space, question = next(
            ((space, vector) for space in self._looks if (vector := space.vector(example)) is not None), (None, None)
        )
        if space is None or question is None:
            raise MissingInputError(
                f"{query.like[0]}: what its frames look like is not known; run the stages appearance,clip_scores first"
            )
        if len(self._looks) > 1:
            notes.append(f"only videos measured by the same model ({space.model}) are compared with the example")

        def answers(number: int) -> dict[int, list[Match]]:
            positions, cosines = self._nearest(space, question, number, mask)
            pairs = zip(positions.tolist(), cosines.tolist(), strict=True)
            return {
                position: [Match(EXAMPLE, min(1.0, max(0.0, cosine)), cosine=cosine)]
                for position, cosine in pairs
                if self._shots[position] != self._shots[example]
            }

        found = self._gathered(query, answers, lambda matches: matches[0].cosine or 0.0)
        return found, notes + space.notes

    def _by_words(self, query: Query, mask: NDArray[np.bool_] | None) -> tuple[list[Found], list[str]]:
        assert query.words is not None
        texts = self._words.matches(query.words)
        notes, question = list(texts.notes), None
        try:
            question = self._words.as_picture(query.words, known=self._measured.embedding_models)
        except ThumbAssetsError as error:
            notes.append(f"pictures are not searched by words: {error}")
        spaces = [] if question is None else [each for each in self._embeddings if each.model == question.model]
        if not spaces and not len(self._searched.quotes.texts):
            sentences = ". ".join(f"{each[:1].upper()}{each[1:]}" for each in notes)
            raise MissingInputError(f"nothing here can be searched by words yet. {sentences}")

        def answers(number: int) -> dict[int, list[Match]]:
            found = self._of_texts(texts, number, mask)
            for space in spaces:
                assert question is not None
                positions, cosines = self._nearest(space, question.vector, number, mask)
                likeness = space.likeness(question.vector, cosines)
                for position, value, cosine in zip(
                    positions.tolist(), likeness.tolist(), cosines.tolist(), strict=True
                ):
                    if value > 0:
                        found.setdefault(position, []).append(Match("picture", value, cosine=cosine))
            return found

        found = self._gathered(query, answers, _any_of)
        return found, [*notes, *(note for space in spaces for note in space.notes)]

    def _of_texts(self, texts: TextMatches, number: int, mask: NDArray[np.bool_] | None) -> dict[int, list[Match]]:
        """The texts that are most like the words, by the position of their candidate."""
        positions = self._quoted[texts.places]
        inside = np.flatnonzero(positions >= 0 if mask is None else (positions >= 0) & mask[positions])
        best = inside[np.lexsort((texts.places[inside], -texts.likeness[inside]))[:number]]
        found: dict[int, list[Match]] = {}
        for row in best.tolist():
            match = self._words.match(int(texts.places[row]), float(texts.likeness[row]))
            found.setdefault(int(positions[row]), []).append(match)
        return found

    def _nearest(
        self, space: PictureSpace, question: NDArray[np.float32], number: int, mask: NDArray[np.bool_] | None
    ) -> tuple[Positions, FloatArray]:
        """The nearest within the ranges, nearest first."""
        if mask is None:
            return space.nearest(question, number=number)
        inside = space.within(mask)
        share = len(inside) / max(1, len(space))
        if share and number * _ENOUGH_IN_RANGES / share <= _MOST_IN_RANGES < len(inside):
            positions, cosines = space.nearest(question, number=min(_MOST_IN_RANGES, int(number / share)))
            is_one = mask[positions]
            if is_one.sum() >= number * _ENOUGH_IN_RANGES:
                return positions[is_one], cosines[is_one]
        return space.exact(question, inside, number=number)

    def _gathered(
        self,
        query: Query,
        answers: Callable[[int], dict[int, list[Match]]],
        score_of: Callable[[list[Match]], float],
    ) -> list[Found]:
        """Brings together what was found in each shot, and looks at more where that is too little."""
        number, num_before = max(_FEWEST_LOOKED_AT, _LOOKED_AT * query.limit), -1
        while True:
            of_position = answers(number)
            of_shot: dict[int, list[tuple[Match, int]]] = {}
            for position, matches in of_position.items():
                of_shot.setdefault(int(self._shots[position]), []).extend((match, position) for match in matches)
            scored = []
            for pairs in of_shot.values():
                best = _best_by_source(pairs)
                scored.append((score_of([match for match, _ in best]), best[0][1], tuple(match for match, _ in best)))
            scored.sort(key=lambda each: (-each[0], each[1]))
            by_position = {position: (score, matches) for score, position, matches in scored}
            kept = self._limited(np.array(list(by_position), np.int64), query)
            is_all = len(of_position) == num_before or number >= min(self.num_frames, _MOST_LOOKED_AT)
            if len(kept) >= query.limit or is_all:
                return [self._found(position, *by_position[position], query) for position in kept]
            number, num_before = number * 5, len(of_position)

    def _limited(self, positions: Positions, query: Query) -> list[int]:
        """The first ones, of each video no more than are asked for."""
        if query.per_video is None:
            return list(positions[: query.limit].tolist())
        kept: list[int] = []
        counts: dict[int, int] = {}
        videos = np.searchsorted(self._measured.offsets, positions, side="right") - 1
        for position, video in zip(positions.tolist(), videos.tolist(), strict=True):
            counts[video] = counts.get(video, 0) + 1
            if counts[video] <= query.per_video:
                kept.append(position)
        return kept[: query.limit]

    def _found(self, position: int, score: float, matches: tuple[Match, ...], query: Query) -> Found:
        measured = self._measured
        video = int(np.searchsorted(measured.offsets, position, side="right")) - 1
        return Found(
            measured.video_ids[video],
            int(measured.frame_indices[position]),
            float(measured["pts_seconds"][position]),
            score,
            matches,
            {each.measure.name: float(self._values_of(each)[position]) for each in query.ranges},
            frozenset(each.measure.name for each in query.ranges if each.measure.is_within_video),
            self._rejected(position),
        )

    @cached_property
    def _verdicts(self) -> Verdicts:
        return judge(self._measured, settings=self._settings.selection)

    def _rejected(self, position: int) -> str | None:
        """The reason why the rules reject a candidate, by the settings as they are now; what is doubtful is not."""
        verdicts = self._verdicts
        if verdicts.tiers[position] <= DOUBTFUL:
            return None
        return verdicts.rules[int(verdicts.first_broken[position])].reason.replace("_", " ")

    def _position_of(self, video_id: str, frame_index: int) -> tuple[int, list[str]]:
        """The position of a frame, or of the candidate that is nearest to it."""
        measured = self._measured
        if video_id not in measured.video_ids:
            raise BadInputError(f"{video_id}: has no candidates that can be searched; run it first")
        span = measured.span(measured.video_ids.index(video_id))
        own = measured.frame_indices[span]
        if not len(own):
            raise BadInputError(f"{video_id}: has no candidates that can be searched")
        place = int(np.argmin(np.abs(own - frame_index)))
        nearest = int(own[place])
        note = f"frame {frame_index} was not measured; frame {nearest}, the nearest that was, is the example"
        return span.start + place, [] if nearest == frame_index else [note]


def _best_by_source(pairs: Sequence[tuple[Match, int]]) -> list[tuple[Match, int]]:
    """The match of the greatest likeness of each source, the greatest first."""
    best: dict[str, tuple[Match, int]] = {}
    for pair in pairs:
        known = best.get(pair[0].source)
        if known is None or (pair[0].likeness, -pair[1]) > (known[0].likeness, -known[1]):
            best[pair[0].source] = pair
    return sorted(best.values(), key=lambda pair: (-pair[0].likeness, pair[0].source))


def _any_of(matches: Sequence[Match]) -> float:
    """The likeness of several reasons together: as if each were right by chance, independently of the others.

    >>> round(_any_of([Match("subtitle", 0.5), Match("picture", 0.5)]), 3)
    0.75
    """
    return 1.0 - float(np.prod([1.0 - match.likeness for match in matches]))
