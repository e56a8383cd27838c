"""A column of cells as the bytes they are, so that many are read at once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Column:
    """Cells (n,) in one run of bytes.

    data: uint8, 1 at least, with more than the cells in it.
    starts, stops: int64 (n,), where each cell begins, and the position behind its end.
    spell: gives the cells as text; asked only for what cannot be read from the bytes.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    spell: Callable[[], list[str]]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Column":
        """The same of texts."""
        cells = list(texts)
        encoded = [cell.encode("utf-8", "surrogatepass") for cell in cells]
        sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
        stops = np.cumsum(sizes)
        data = np.frombuffer(b"".join([*encoded, b"\0"]), np.uint8)
        return cls(data, stops - sizes, stops, lambda: cells)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of each cell, int64 (n,)."""
        return self.stops - self.starts

    @cached_property
    def texts(self) -> list[str]:
        """The cells as text (n,)."""
        return self.spell()

    def heads(self, most: int) -> NDArray[np.uint8]:
        """The bytes at the first places of all cells, uint8 (places, n); NUL behind the end.

        As many places as the longest cell has bytes, `most` of them at most.
        """
        lengths = self.lengths
        places, shortest = min(most, int(lengths.max(initial=0))), int(lengths.min(initial=most))
        heads = np.empty((places, len(self)), np.uint8)
        for place in range(places):  # clipped: behind the last cell there is nothing
            np.take(self.data, self.starts + place, out=heads[place], mode="clip")
            if place >= shortest:
                heads[place] *= lengths > place
        return heads
