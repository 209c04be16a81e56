"""The directory of a mirror: what was downloaded, each file whole or not there.

::

    state.json                                  by pool: sizes mirrored, the one under way, the one audited last
    tile/entries/000, …                         the log's entry bundles, as tlog-tiles names them
    registers/<after>.ndjson                    published sizes above ``after``
    pages/<size>.ndjson                         pages of the register of that size
    pools/pool-<name>/records/<since>-<size>/<start>.ndjson
    pools/pool-<name>/claims-<size>.ndjson
    pools/pool-<name>/settlements-<size>/<start>.ndjson
    mirror.db                                   derived from all of it at each audit

A file that is there is not asked for again. Nothing in it is believed for being there: what is derived is held against
the tree, the registers and the chain each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from ledger.errors import ConfigurationError
from ledger.mirror.form import Item, Page, ranges, read_page
from ledger.proofs.tiles import TilePath
from ledger.static import write_file

_STATE: Final = "state.json"


class State(msgspec.Struct):
    """What stands in ``state.json``: the newest checkpoint that was ever seen, and by pool what is mirrored."""

    origin: str
    checkpoint: str = ""
    sizes: dict[str, list[int]] = {}
    target: dict[str, int] = {}
    audited: dict[str, int] = {}


class RecordFile(NamedTuple):
    """Records with start ≤ index < stop of what came into sight from ``since`` on and below ``size``."""

    pool: str
    since: int
    size: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{home(self.pool)}/records/{self.since}-{self.size}/{self.start}.ndjson"


def home(pool: str) -> str:
    """The folder of a pool; a name may be made of dots."""
    return f"pools/pool-{pool}"


@dataclass(frozen=True, slots=True)
class Folder:
    """Reads and writes the files of one mirror."""

    path: Path
    state: State = field(compare=False)

    @classmethod
    def open(cls, path: Path, origin: str) -> Folder:
        """The mirror in ``path``, begun if it is not there; raises :class:`ConfigurationError` for another log's."""
        file = path / _STATE
        try:
            state = msgspec.json.decode(file.read_bytes(), type=State)
        except FileNotFoundError:
            state = State(origin)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationError(f"{file}: {error}; remove {path} to begin again") from error
        if state.origin != origin:
            raise ConfigurationError(f"{path} mirrors the log {state.origin}, the trust root is of {origin}")
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(path, state)

    def keep_state(self) -> None:
        """Write the state down."""
        write_file(self.path / _STATE, json.dumps(msgspec.to_builtins(self.state), indent=1).encode())

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.path / name).exists()

    def keep(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all."""
        write_file(self.path / name, data)

    def keep_items(self, name: str, items: Iterable[object]) -> None:
        """Write items as one page."""
        self.keep(name, Page(list(items), None).encode())

    def items(self, name: str, item: type[Item]) -> Iterator[Item]:
        """The items of a file."""
        yield from read_page((self.path / name).read_bytes(), item).items

    def bundle(self, tile: TilePath) -> bytes:
        """An entry bundle."""
        return (self.path / str(tile)).read_bytes()

    # -- names ---------------------------------------------------------------------------------------------

    def registers(self) -> list[str]:
        """The files of published sizes, in their order."""
        found = (self.path / "registers").glob("*.ndjson")
        return [f"registers/{after}.ndjson" for after in sorted(int(file.stem) for file in found)]

    def record_files(self, pool: str, size: int) -> list[RecordFile]:
        """The files that make up the records of ``size``, by the sizes that were mirrored before it.

        What came into sight between two sizes has records below the first of them too.
        """
        found: list[RecordFile] = []
        before = 0
        for one in [*(done for done in self.state.sizes.get(pool, []) if done < size), size]:
            below = ((before, one, *part) for part in ranges(0, before))
            found += [
                RecordFile(pool, *some)
                for some in (*below, *((0, one, *part) for part in ranges(before, one)))
            ]
            before = one
        return found
