r"""Seals: what a pool was composed of at a cut-off, in 32 bytes that the register holds.

::

    seal        = H("poolproof/seal/v1\0" || canonical header)
    pool value  = head of the pool's records || last seal             in the register, zeros before the first
    last seal   = H("poolproof/seals/v1\0" || canonical [[currency, seal], …])     of pools with several currencies

The header is canonical JSON with exactly these members: ``pool``, ``currency``, ``size`` (N: claims, shares and
states are those of the register of this published size), ``as_of`` (D: amounts count records below N that
are effective on or before this day), ``root``, ``count``, ``receivable`` and ``credit`` (root and sums of the
tree of :mod:`ledger.proofs.sumtree`), ``rules_version`` of the pool, and ``restates``, the seal that this one
takes the place of, or null. It names no version: the label before it does, and is part of what is hashed.

A pool has one seal for each currency that its claims are in. Where it is sealed in one currency, the register
holds that seal itself; where in several, the digest of the last one of each, currencies ascending.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import MalformedError
from ledger.proofs import canonical, merkle
from ledger.proofs.amounts import parse_total, print_total
from ledger.proofs.canonical import MAX_INTEGER
from ledger.proofs.documents import NAME, Form
from ledger.proofs.encumbrance import ZERO
from ledger.proofs.sumtree import Node

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHAT: Final = "seal header"
_LABEL: Final = b"poolproof/seal/v1\0"
_SEVERAL: Final = b"poolproof/seals/v1\0"
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MEMBERS: Final = frozenset(
    {
        "pool", "currency", "size", "as_of", "root", "count", "receivable", "credit", "rules_version", "restates",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SealHeader:
    """What a seal is the digest of. ``total`` is the tree's root with its sums; ``pool`` without ``pool:``.

    Raises :class:`MalformedError` for members that have not their form.
    """

    pool: str
    currency: str
    size: int
    as_of: str
    total: Node
    rules_version: int
    restates: bytes | None = None

    def __post_init__(self) -> None:
        for name, number, least in (
            ("size", self.size, 1),
            ("count", self.total.count, 0),
            ("rules_version", self.rules_version, 1),
        ):
            if not least <= number <= MAX_INTEGER:
                raise MalformedError(_WHAT, f"{name} is not an integer from {least} to {MAX_INTEGER}")
        if NAME.fullmatch(self.pool) is None or not _is_day(self.as_of):
            raise MalformedError(_WHAT, "pool is no name, or as_of no day YYYY-MM-DD")
        if len(self.total.hash) != merkle.HASH_SIZE or len(self.restates or ZERO) != merkle.HASH_SIZE:
            raise MalformedError(_WHAT, "root or restates is not 32 bytes")

    def members(self) -> dict[str, Any]:
        """The header as plain values; those of the event pool.sealed, with the pool."""
        return {
            "pool": self.pool,
            "currency": self.currency,
            "size": self.size,
            "as_of": self.as_of,
            "root": self.total.hash.hex(),
            "count": self.total.count,
            "receivable": print_total(self.total.receivable, self.currency),
            "credit": print_total(self.total.credit, self.currency),
            "rules_version": self.rules_version,
            "restates": None if self.restates is None else self.restates.hex(),
        }

    def encode(self) -> bytes:
        """The canonical bytes that are hashed. Raises :class:`MalformedError`."""
        return canonical.encode(self.members())

    @property
    def seal(self) -> bytes:
        """The 32 bytes that stand for all of this."""
        return canonical.sha256(_LABEL + self.encode())

    @classmethod
    def parse(cls, data: bytes | str) -> SealHeader:
        """Read what :meth:`encode` printed. Raises :class:`MalformedError`."""
        return cls.from_members(canonical.decode_canonical(data, what=_WHAT))

    @classmethod
    def from_members(cls, value: object) -> SealHeader:
        """Read what :meth:`members` gave. Raises :class:`MalformedError`."""
        form = Form(value, _WHAT, "", _MEMBERS)
        currency = form.text("currency")
        total = Node(
            form.hex("root", merkle.HASH_SIZE),
            form.integer("count"),
            parse_total(form.raw("receivable"), currency),
            parse_total(form.raw("credit"), currency),
        )
        return cls(
            pool=form.text("pool", NAME),
            currency=currency,
            size=form.integer("size", least=1),
            as_of=form.text("as_of"),
            total=total,
            rules_version=form.integer("rules_version", least=1),
            restates=form.optional("restates", lambda name: form.hex(name, merkle.HASH_SIZE)),
        )


def last_seal(seals: Mapping[str, bytes]) -> bytes:
    """What a pool's register value says of its last seals, given by currency."""
    if len(seals) <= 1:
        return next(iter(seals.values()), ZERO)
    return canonical.sha256(
        _SEVERAL + canonical.encode([[currency, seal.hex()] for currency, seal in sorted(seals.items())])
    )


def _is_day(text: str) -> bool:
    if _DAY.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
