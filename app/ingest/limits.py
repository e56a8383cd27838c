"""What an upload may cost, whatever it holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds that hold before any work is done on what they bound.

    line_bytes: longest record, its line end not counted; a quoted newline does not end a record.
    columns: most columns of a CSV file, and most fields of one chunk of NDJSON.
    chunk_rows: rows of a chunk, bad ones included.
    chunk_cells: rows times columns of a chunk; wide files come in chunks of fewer rows.
    piece_bytes: how much is read at a time, and parsed at once; 4 at least.
    """

    line_bytes: int = 64 * 1024
    columns: int = 200
    chunk_rows: int = 50_000
    chunk_cells: int = 500_000
    piece_bytes: int = 256 * 1024

    def rows_of(self, columns: int) -> int:
        """Rows that a chunk of that many columns holds, 1 at least."""
        return max(1, min(self.chunk_rows, self.chunk_cells // max(1, columns)))


DEFAULT_LIMITS = Limits()
