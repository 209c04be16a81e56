r"""Acceptances: what append returns, so that an accepted event which is lost leaves evidence.

One signature of the log's *service* key covers a whole batch::

    Ed25519("application/vnd.poolproof.acceptance.v1+json\n"
            || canonical({media_type, origin, posted, anchor_by, batch: {first, count, root}}))

``batch.root`` is the RFC 9162 root over one leaf for each event in it, in the order of their indexes
``first … first + count - 1``, with the leaf bytes ``canonical([digest hex, id, index, party])``. The file of
one event carries its leaf's members and the inclusion proof of leaf ``index - first`` in ``count``.

``posted`` is the ledger's clock at the batch, ``anchor_by`` the time by which the index will be anchored.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ledger.errors import MalformedError
from ledger.proofs import canonical, merkle
from ledger.proofs.canonical import MAX_INTEGER, b64encode
from ledger.proofs.documents import (
    INSTANT,
    NAME,
    ORIGIN,
    DetachedSignature,
    Form,
    decode,
    sign,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.proofs.note import Signer

MEDIA_TYPE: Final = "application/vnd.poolproof.acceptance.v1+json"
#: More than a year of events of a large platform in one batch would be a mistake, not a batch.
MAX_BATCH: Final = 1 << 40
_WHAT: Final = "acceptance"
_MEMBERS: Final = frozenset(
    {
        "media_type",
        "origin",
        "id",
        "party",
        "digest",
        "index",
        "posted",
        "anchor_by",
        "batch",
        "proof",
        "signature",
    }
)


def leaf(digest: str, event_id: str, index: int, party: str) -> bytes:
    """``canonical([digest hex, id, index, party])``: ids and names hold no character that JSON escapes."""
    return f'["{digest}","{event_id}",{index},"{party}"]'.encode("ascii")


class BatchTree:
    """The tree over one batch: its ``root``, and the proof of each position.

    >>> tree = BatchTree([leaf("00" * 32, "a", 7, "fenqile"), leaf("11" * 32, "b", 8, "fenqile")])
    >>> len(tree.root), len(tree.proof(1))
    (32, 1)
    """

    __slots__ = ("_levels", "count", "root")

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """``leaves`` by :func:`leaf`, in the order of their indexes; at least one."""
        if not leaves:
            raise ValueError("a batch has at least one event")
        sha256 = hashlib.sha256
        level = [sha256(b"\0" + item).digest() for item in leaves]
        levels = [level]
        # A lone last node goes up unchanged: the same tree as RFC 9162's splits at powers of two.
        while len(level) > 1:
            pairs = [sha256(b"\1" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
            if len(level) % 2:
                pairs.append(level[-1])
            level = pairs
            levels.append(level)
        self._levels = levels
        self.count = len(leaves)
        self.root: bytes = level[0]

    def proof(self, position: int) -> tuple[bytes, ...]:
        """The inclusion proof of the leaf at ``position``."""
        if not 0 <= position < self.count:
            raise ValueError(f"position {position} is not in a batch of {self.count}")
        path = []
        for level in self._levels[:-1]:
            sibling = position ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            position >>= 1
        return tuple(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What the service key signs: events ``first … first + count - 1`` under one root."""

    origin: str
    posted: str
    anchor_by: str
    first: int
    count: int
    root: bytes

    def message(self) -> bytes:
        """The signed bytes: the media type as a line, then canonical JSON."""
        document = {
            "media_type": MEDIA_TYPE,
            "origin": self.origin,
            "posted": self.posted,
            "anchor_by": self.anchor_by,
            "batch": {"first": self.first, "count": self.count, "root": b64encode(self.root)},
        }
        return MEDIA_TYPE.encode() + b"\n" + canonical.encode(document)

    def sign(self, signer: Signer) -> DetachedSignature:
        """The batch's one signature, by the service key."""
        return sign(self.message(), signer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The log's signed promise for one event: at this index, anchored by that time."""

    batch: Batch
    id: str
    party: str
    digest: bytes
    index: int
    proof: tuple[bytes, ...]
    signature: DetachedSignature

    @classmethod
    def assemble(
        cls,
        batch: Batch,
        signature: DetachedSignature,
        tree: BatchTree,
        *,
        index: int,
        event_id: str,
        party: str,
        digest: bytes,
    ) -> Acceptance:
        """The acceptance of the event at ``index`` of a signed batch."""
        return cls(
            batch=batch,
            id=event_id,
            party=party,
            digest=digest,
            index=index,
            proof=tree.proof(index - batch.first),
            signature=signature,
        )

    def encode(self) -> bytes:
        """The file's bytes."""
        batch = self.batch
        return canonical.encode_file(
            {
                "media_type": MEDIA_TYPE,
                "origin": batch.origin,
                "id": self.id,
                "party": self.party,
                "digest": self.digest.hex(),
                "index": self.index,
                "posted": batch.posted,
                "anchor_by": batch.anchor_by,
                "batch": {"first": batch.first, "count": batch.count, "root": b64encode(batch.root)},
                "proof": [b64encode(item) for item in self.proof],
                "signature": self.signature.to_json(),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Acceptance:
        """Read what :meth:`encode` printed; nothing is verified. Raises :class:`MalformedError`."""
        form = Form(decode(data, _WHAT), _WHAT, "", _MEMBERS)
        form.choice("media_type", [MEDIA_TYPE])
        inner = Form(form.raw("batch"), _WHAT, "batch", {"first", "count", "root"})
        first = inner.integer("first")
        count = inner.integer("count", least=1, most=MAX_BATCH)
        index = form.integer("index")
        if not first <= index < first + count <= MAX_INTEGER:
            raise MalformedError(_WHAT, f"index {index} is not in the batch {first} … {first + count - 1}")
        batch = Batch(
            origin=form.text("origin", ORIGIN),
            posted=form.text("posted", INSTANT),
            anchor_by=form.text("anchor_by", INSTANT),
            first=first,
            count=count,
            root=inner.base64("root", 32),
        )
        return cls(
            batch=batch,
            id=form.text("id", NAME),
            party=form.text("party", NAME),
            digest=form.hex("digest", 32),
            index=index,
            proof=form.proof("proof"),
            signature=DetachedSignature.from_json(form.raw("signature"), _WHAT, "signature"),
        )

    def verify_inclusion(self) -> None:
        """Show that the event is in the signed batch. Raises :class:`~ledger.errors.VerificationError`."""
        item = leaf(self.digest.hex(), self.id, self.index, self.party)
        merkle.verify_inclusion(
            self.index - self.batch.first,
            self.batch.count,
            merkle.leaf_hash(item),
            list(self.proof),
            self.batch.root,
        )


class BatchPrinter:
    """Prints the acceptances of one signed batch: the bytes of :meth:`Acceptance.encode`, several times as fast.

    What they share is encoded once, each node of the tree too. Ids and names hold no character that JSON
    escapes.
    """

    __slots__ = ("_first", "_head", "_middle", "_nodes", "_posted", "_tail", "_tree")

    def __init__(self, batch: Batch, signature: DetachedSignature, tree: BatchTree) -> None:
        inner = {"first": batch.first, "count": batch.count, "root": b64encode(batch.root)}
        head = canonical.encode({"anchor_by": batch.anchor_by, "batch": inner})
        middle = canonical.encode({"media_type": MEDIA_TYPE, "origin": batch.origin})
        self._head = head[:-1].decode()
        self._middle = middle[1:-1].decode()
        self._posted = canonical.encode({"posted": batch.posted})[1:-1].decode()
        self._tail = canonical.encode({"signature": signature.to_json()})[1:].decode() + "\n"
        self._first = batch.first
        self._tree = tree
        self._nodes: dict[bytes, str] = {}

    def encode(self, *, index: int, event_id: str, party: str, digest: bytes) -> bytes:
        """The file of the event at ``index``."""
        nodes = self._nodes
        proof = []
        for node in self._tree.proof(index - self._first):
            text = nodes.get(node)
            if text is None:
                text = nodes[node] = f'"{b64encode(node)}"'
            proof.append(text)
        return (
            f'{self._head},"digest":"{digest.hex()}","id":"{event_id}","index":{index},{self._middle},'
            f'"party":"{party}",{self._posted},"proof":[{",".join(proof)}],{self._tail}'
        ).encode()
