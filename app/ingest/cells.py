"""Records of a CSV file split into cells, all at once; those of another length are set apart."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.errors import RowError
from app.ingest.columns import Column
from app.ingest.records import LINE_FEED, QUOTE, Records
from app.ingest.wording import invalid_line


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of records that all have `width` of them.

    ends: int64 (n * width,), the position behind each cell: those of the first record, then those
        of the second, ...
    places: int64 (n,), which of the records given each one was.
    """

    records: Records
    ends: NDArray[np.int64]
    width: int
    places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.places)

    def column(self, index: int) -> Column:
        """The cells (n,) of one column, quotes taken off."""
        data = np.frombuffer(self.records.data or b"\n", dtype=np.uint8)
        begins = np.concatenate([[-1], self.ends])[:-1] + 1
        starts, stops = begins[index :: self.width], self.ends[index :: self.width]
        if self.has_quotes:
            is_quoted = data[starts] == QUOTE
            starts, stops = starts + is_quoted, stops - is_quoted
        return Column(data, starts, stops, lambda: self.texts[index :: self.width])

    @cached_property
    def has_quotes(self) -> bool:
        return b'"' in self.records.data

    @cached_property
    def texts(self) -> list[str]:
        """All cells (n * width,), for those that the bytes do not tell."""
        # NUL is in no record, so it can part the cells.
        characters = np.frombuffer(self.records.data, dtype=np.uint8).copy()
        characters[self.ends] = 0
        texts = characters.tobytes().decode("utf-8").split("\0")[:-1]
        if not self.has_quotes:
            return texts
        return [text[1:-1].replace('""', '"') if text[:1] == '"' else text for text in texts]


def split(records: Records, delimiter: str, width: int) -> tuple[Cells, list[RowError]]:
    """The cells of the records that have `width` of them, and an error for each of the others.

    Quotes are those of RFC 4180: round a whole cell, doubled within it. Raises `Invalid`, with the
    line, for a quote anywhere else, since nobody can tell where such a row ends.
    """
    separators = _separators(records, delimiter)
    counts = np.diff(np.searchsorted(separators, records.ends), prepend=0)
    is_whole = counts == width
    errors = [
        RowError(line, None, f"a row has as many cells as the header, {width}, not {count}")
        for line, count in zip(
            records.lines[~is_whole].tolist(), counts[~is_whole].tolist(), strict=True
        )
    ]
    if errors:
        records = records.where(is_whole)
        separators = _separators(records, delimiter)
    return Cells(records, separators, width, np.flatnonzero(is_whole)), errors


def _separators(records: Records, delimiter: str) -> NDArray[np.int64]:
    """Positions of the delimiters and line feeds that are outside of quotes."""
    characters = np.frombuffer(records.data, dtype=np.uint8)
    is_separator = (characters == ord(delimiter)) | (characters == LINE_FEED)
    separators = np.flatnonzero(is_separator)
    if b'"' not in records.data:
        return separators
    quotes = np.flatnonzero(characters == QUOTE)
    _check_quotes(records, quotes, is_separator | (characters == QUOTE))
    is_outside = np.searchsorted(quotes, separators) % 2 == 0
    outside: NDArray[np.int64] = separators[is_outside]
    return outside


def _check_quotes(
    records: Records, quotes: NDArray[np.int64], is_neighbour: NDArray[np.bool_]
) -> None:
    # Every second quote opens. A doubled quote closes and opens again at once, hence a quote is as
    # good a neighbour as a separator. The last byte is a line feed: it stands for the one before
    # the first, at -1.
    opens, closes = quotes[0::2], quotes[1::2]
    stray = np.concatenate([opens[~is_neighbour[opens - 1]], closes[~is_neighbour[closes + 1]]])
    if stray.size:
        line = records.line_at(int(stray.min()))
        raise invalid_line(
            line, "a quote within a cell; put quotes round the whole cell and double those in it"
        )
