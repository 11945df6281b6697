"""Lines for tables that are wider than the terminal: nothing is cut, and nothing is folded inside a word."""

from collections.abc import Sequence

from rich.cells import cell_len

_GAP = "  "


def layout(columns: Sequence[str], rows: Sequence[Sequence[str]], *, width: int) -> list[str] | None:
    """Lines for a table that does not fit; None where it does.

    The first column becomes a heading above the rows it stands for, where the others fit then; else each row becomes
    lines of a name and a value.

    >>> layout(["video", "rank"], [["a-name", "1"], ["a-name", "2"]], width=40) is None
    True
    >>> layout(["video", "rank"], [["a-name", "1"], ["a-name", "2"]], width=9)
    ['  rank', 'a-name', '  1', '  2']
    >>> layout(["video", "reason"], [["a", "too dark"]], width=9)
    ['video   a', 'reason  too dark']
    """
    if _width(columns, rows) <= width:
        return None
    others, values = columns[1:], [row[1:] for row in rows]
    if others and _width(others, values) + len(_GAP) <= width and len(rows) > 1:
        return _with_headings(columns, rows)
    longest = max(map(cell_len, columns))
    lines: list[str] = []
    for row in rows:
        lines += [""] if lines else []
        lines += [f"{_padded(name, longest)}{_GAP}{value}" for name, value in zip(columns, row, strict=True)]
    return lines


def _with_headings(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = _widths(columns[1:], [row[1:] for row in rows])

    def line(cells: Sequence[str]) -> str:
        return (_GAP + _GAP.join(map(_padded, cells, widths))).rstrip()

    lines = [line(columns[1:])]
    heading = None
    for row in rows:
        if row[0] != heading:
            heading = row[0]
            lines.append(heading)
        lines.append(line(row[1:]))
    return lines


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    return sum(_widths(columns, rows)) + len(_GAP) * (len(columns) - 1)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))
