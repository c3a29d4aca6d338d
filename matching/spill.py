"""Byte strings that a long film has too many of for memory: they go on in a file without a name."""

from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Final, overload

from videos.storage import work_file

# Bytes kept in memory before there is a file: most videos never have one.
KEPT: Final = 1 << 20


class Spill:
    """Takes byte strings in order. `so_far()` gives those taken until then, and stays as it is."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._size = 0
        self._file: IO[bytes] | None = None
        self._ends = array("q")

    def append(self, one: bytes) -> None:
        """Take one more. Raises OSError when it cannot be written."""
        self._size += len(one)
        if self._file is None and self._size > KEPT:
            self._file = work_file()
            for each in self._kept:
                self._write(each)
            self._kept = []
        if self._file is None:
            self._kept.append(one)
        else:
            self._write(one)

    def so_far(self) -> Sequence[bytes]:
        """All that were taken."""
        if self._file is None:
            return tuple(self._kept)
        return _InFile(self._file, self._ends[:])

    def _write(self, one: bytes) -> None:
        assert self._file is not None
        start = self._ends[-1] if self._ends else 0
        self._file.seek(start)
        self._file.write(one)
        self._ends.append(start + len(one))


class _InFile(Sequence[bytes]):
    """The strings of a file that end at `ends`."""

    def __init__(self, file: IO[bytes], ends: "array[int]") -> None:
        self._file = file
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        end = self._ends[place]
        before = place % len(self._ends) - 1
        start = self._ends[before] if before >= 0 else 0
        self._file.seek(start)
        return self._file.read(end - start)

    def __iter__(self) -> Iterator[bytes]:
        return (self[place] for place in range(len(self)))
