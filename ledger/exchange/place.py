"""Where files are exchanged: a directory, or a prefix of an object store, through one narrow door.

A :class:`Place` is a local directory, or any URL that `obstore <https://developmentseed.org/obstore/>`_ knows:
``s3://bucket/prefix``, ``gs://…``, ``az://…``, ``file:///…``; credentials come from the environment, as
docs/guides/exchange.md has them. An object is written whole or not at all: object stores promise it, and of a directory
the file is renamed into its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.errors import ConfigurationError, MalformedError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: Bytes held at a time while a file is fetched: some round trips, little memory.
_CHUNK: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """An object that lies there. ``tag`` changes whenever the object is written again, also with the same bytes, but
    that S3 shows no difference between two writes of them within a second.
    """

    path: str
    size: int
    modified: datetime
    tag: str


class Place:
    """Lists, reads and writes objects below one root; paths are relative to it, with ``/``.

    Raises :class:`UnavailableError` when the store does not answer or does not let us, :class:`NotFoundError` for an
    object that is not there.
    """

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        #: what people call it: the directory or URL as given
        self.name = name

    @classmethod
    def open(cls, where: str) -> Place:
        """The directory or URL ``where``; raises :class:`NotFoundError` or :class:`ConfigurationError`."""
        from obstore import exceptions
        from obstore.store import LocalStore, from_url

        if "://" not in where:
            folder = Path(where)
            if not folder.is_dir():
                raise NotFoundError(f"no directory {where}")
            return cls(LocalStore(folder.resolve()), where)
        try:
            return cls(from_url(where), where)
        except (exceptions.BaseError, ValueError, OSError) as error:
            raise ConfigurationError(f"{where}: {_first_line(error)}") from error

    def entries(self, prefix: str) -> list[Entry]:
        """Every object below ``prefix``, by path."""
        import obstore

        with self._answering():
            found = [one for batch in obstore.list(self._store, prefix) for one in batch]
        entries = []
        for one in found:
            # The tag of some stores is a digest: two flags look alike but for the time.
            tag = f"{one['e_tag'] or ''}@{one['last_modified'].isoformat()}"
            entries.append(Entry(one["path"], one["size"], one["last_modified"], tag))
        return sorted(entries, key=lambda entry: entry.path)

    def read(self, path: str, *, limit: int) -> bytes:
        """A small object; raises :class:`MalformedError` above ``limit`` bytes."""
        import obstore

        with self._answering():
            found = obstore.get(self._store, path)
            if found.meta["size"] > limit:
                raise MalformedError(path, f"longer than {limit} bytes")
            return bytes(found.bytes())

    def fetch(self, path: str, to: Path, progress: Callable[[int, int], None] | None = None) -> str:
        """Copy an object into a local file; its SHA-256, in hex."""
        import obstore

        digest, done = hashlib.sha256(), 0
        with self._answering(), to.open("wb") as file:
            found = obstore.get(self._store, path)
            for chunk in found.stream(min_chunk_size=_CHUNK):
                data = bytes(chunk)
                digest.update(data)
                file.write(data)
                done += len(data)
                if progress is not None:
                    progress(done, found.meta["size"])
        return digest.hexdigest()

    def write(self, path: str, data: bytes | Path) -> None:
        """Put an object there, or in the place of the one that is; ``data`` is its bytes, or the file that has them."""
        import obstore

        with self._answering():
            obstore.put(self._store, path, data)

    def remove(self, path: str) -> None:
        """Take an object away; one that is not there is no fault."""
        import obstore

        with self._answering():
            try:
                obstore.delete(self._store, path)
            except FileNotFoundError:
                return

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Foreign errors stop here."""
        from obstore import exceptions

        try:
            yield
        except FileNotFoundError as error:
            raise NotFoundError(f"{self.name}: {_first_line(error)}") from error
        except exceptions.BaseError as error:
            raise UnavailableError(f"{self.name}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
