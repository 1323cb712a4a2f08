"""Suppression: small cells of a table with totals are hidden, and so many others that none can be solved for.

Sums of rows and columns are told too, so a cell hidden alone is the total less the rest. Rows, columns and totals make a
network: every cell stands in one row and one column, totals in a row and a column of their own. A hidden cell cannot be
solved for if it lies on a closed way through hidden cells that turns from row to column at each of them, since adding one
and taking one off by turns leaves every sum as it is (Gusfield, A graph theoretic approach to statistical data security,
SIAM J. Comput. 17, 1988). Cells of 0 are never hidden, so whoever knows this program knows that a hidden one is at least 1:
ways are taken on which nothing falls below that.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

#: Cells of fewer are hidden.
DEFAULT_LEAST = 3

#: The row and the column of totals.
TOTAL = "TOTAL"

#: Hiding a total costs more than hiding any cells, and the grand total more than any totals.
_TOTAL_COST, _GRAND_COST = 10**12, 10**15

_Cell = tuple[str, str]

#: A row (0) or a column (1).
_Line = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A table that may be published.

    Attributes
    ----------
    cells
        By row and column, totals under ``TOTAL``; ``None`` where hidden.
    least
        The smallest number that is not hidden for itself.
    """

    cells: Mapping[_Cell, int | None]
    least: int

    @property
    def hidden(self) -> frozenset[_Cell]:
        """The cells that are hidden."""
        return frozenset(cell for cell, value in self.cells.items() if value is None)

    def to_text(self, row: str, column: str) -> str:
        """Return a cell as it is printed; what is hidden says nothing of its size."""
        value = self.cells[row, column]
        return "suppressed" if value is None else f"{value:,}"


def suppress(counts: Mapping[_Cell, int], *, least: int = DEFAULT_LEAST) -> Suppressed:
    """Hide the small cells of a table, and others with them, so that none can be solved from the totals.

    Parameters
    ----------
    counts
        By row and column, such as country and installation; a cell that is not given is 0. For distinct things, which do
        not add, the sums are no smaller than the unions that are told instead, so that less can be concluded from these.
    least
        Cells and totals from 1 to one less are hidden. 0 is told: nobody is in it.

    Raises
    ------
    ValueError
        If a count is negative, or a row or column is called ``TOTAL``.
    """
    if any(count < 0 for count in counts.values()) or any(TOTAL in cell for cell in counts):
        message = "counts are not negative, and no row or column is called TOTAL"
        raise ValueError(message)
    cells = _with_totals(counts)
    hidden: set[_Cell] = set()
    for cell in sorted(cells, key=lambda cell: (cells[cell], cell)):
        if 0 < cells[cell] < least:
            hidden.add(cell)
            hidden |= _find_way(cells, hidden, cell)
    return Suppressed({cell: None if cell in hidden else cells[cell] for cell in sorted(cells)}, least)


def suppress_parts(counts: Mapping[str, int], *, least: int = DEFAULT_LEAST) -> frozenset[str]:
    """Return which parts to hide where their total is told elsewhere and cannot be hidden.

    Beside the small ones so many are hidden, smallest first, that no hidden number follows from what is left of the total,
    even for somebody who knows that each is at least 1. A single part is its total, and hiding it would hide nothing.

    Parameters
    ----------
    counts
        By part; parts of 0 are never hidden.
    least
        Parts from 1 to one less are hidden.

    Raises
    ------
    ValueError
        If a count is negative.
    """
    if any(count < 0 for count in counts.values()):
        message = "counts are not negative"
        raise ValueError(message)
    present = sorted((count, part) for part, count in counts.items() if count)
    hidden = [part for count, part in present if count < least]
    if not hidden or len(present) == 1:
        return frozenset()
    for count, part in present[len(hidden) :]:
        # with two at least, and more than one for each, there is room to move
        if len(hidden) > 1 and sum(counts[name] for name in hidden) > len(hidden):
            break
        del count
        hidden.append(part)
    return frozenset(hidden)


def _with_totals(counts: Mapping[_Cell, int]) -> dict[_Cell, int]:
    rows = sorted({row for row, _ in counts})
    columns = sorted({column for _, column in counts})
    cells = {(row, column): counts.get((row, column), 0) for row in rows for column in columns}
    cells |= {(row, TOTAL): sum(cells[row, column] for column in columns) for row in rows}
    cells |= {(TOTAL, column): sum(cells[row, column] for row in rows) for column in columns}
    cells[TOTAL, TOTAL] = sum(cells[row, TOTAL] for row in rows)
    return cells


def _find_way(cells: Mapping[_Cell, int], hidden: set[_Cell], target: _Cell) -> set[_Cell]:
    """Return the cheapest way from the target's row to its column by other cells: it closes where the target is one more.

    There always is one: by the cell's row total, the grand total and the column total, all of them one more too.
    """
    start, end = (0, target[0]), (1, target[1])
    lines: dict[_Line, list[_Cell]] = {}
    for cell, value in sorted(cells.items()):
        if value and cell != target:
            for side in (0, 1):
                lines.setdefault((side, cell[side]), []).append(cell)
    best: dict[_Line, int] = {start: 0}
    came: dict[_Line, tuple[_Line, _Cell]] = {}
    queue = [(0, start)]
    while queue:
        cost, line = heapq.heappop(queue)
        if line == end:
            break
        if cost > best[line]:
            continue
        for cell in lines.get(line, ()):
            # by turns one less and one more, beginning with less; a total stands on the other side of its equations
            grows = (line[0] == 1) ^ _is_margin(cell) ^ _is_margin(target)
            other = (1 - line[0], cell[1 - line[0]])
            total = cost + _to_cost(cell, cells[cell], is_hidden=cell in hidden)
            if (grows or cells[cell] > 1) and total < best.get(other, total + 1):
                best[other], came[other] = total, (line, cell)
                heapq.heappush(queue, (total, other))
    way: set[_Cell] = set()
    line = end
    while line != start:
        line, cell = came[line]
        way.add(cell)
    return way


def _is_margin(cell: _Cell) -> bool:
    return cell.count(TOTAL) == 1


def _to_cost(cell: _Cell, value: int, *, is_hidden: bool) -> int:
    if is_hidden:
        return 0
    totals = cell.count(TOTAL)
    return value + (0, _TOTAL_COST, _GRAND_COST)[totals]
