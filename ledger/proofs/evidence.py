"""Evidence files (``anchor-<size>.evidence.json``): what shows an anchor without asking a node.

One for each anchored size once it is final, because nodes keep state proofs for a short time only::

    {"media_type": "application/vnd.poolproof.evidence.v1+json", "origin", "chain_id", "contract", "log_id",
     "size", "root": base64, "block": {"number", "hash", "header": base64 of its RLP},
     "account_proof": [base64 of each trie node's RLP, …], "storage_key": 0x of the slot of rootAt[log][size],
     "storage_proof": [the same], "checkpoint": the signed note verbatim, "cosignatures": [note lines, …]}

It is not signed: it proves itself against one block hash, which must come from the verifier (a pinned block
of the trust root, or one that the verifier looked up), never from this file.
``ledger.chain.stateproof`` does that; here is the form only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.errors import MalformedError
from ledger.proofs import canonical
from ledger.proofs.canonical import b64decode, b64encode
from ledger.proofs.documents import ORIGIN, Form, chain_text, decode
from ledger.proofs.receipt import ChainBinding, binding_members

MEDIA_TYPE: Final = "application/vnd.poolproof.evidence.v1+json"
#: A path in a trie over 32-byte keys has at most 64 nibbles and a leaf.
MAX_TRIE_NODES: Final = 65
#: A branch node holds 17 items of at most 33 bytes; a header about 600 bytes.
MAX_RLP: Final = 64 << 10
_WHAT: Final = "evidence"
_MEMBERS: Final = frozenset(
    {
        "media_type", "origin", "chain_id", "contract", "log_id", "size", "root", "block", "account_proof",
        "storage_key", "storage_proof", "checkpoint", "cosignatures",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An anchor's state proof as read; reading verifies its form, nothing else."""

    origin: str
    chain: ChainBinding
    size: int
    root: bytes
    block_number: int
    block_hash: bytes
    header: bytes
    account_proof: tuple[bytes, ...]
    storage_key: bytes
    storage_proof: tuple[bytes, ...]
    checkpoint: str
    cosignatures: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The file's bytes."""
        return canonical.encode_file(
            {
                "media_type": MEDIA_TYPE,
                "origin": self.origin,
                **binding_members(self.chain),
                "size": self.size,
                "root": b64encode(self.root),
                "block": {
                    "number": self.block_number,
                    "hash": chain_text(self.block_hash),
                    "header": b64encode(self.header),
                },
                "account_proof": [b64encode(node) for node in self.account_proof],
                "storage_key": chain_text(self.storage_key),
                "storage_proof": [b64encode(node) for node in self.storage_proof],
                "checkpoint": self.checkpoint,
                "cosignatures": list(self.cosignatures),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Evidence:
        """Read what :meth:`encode` printed. Raises :class:`MalformedError`."""
        form = Form(decode(data, _WHAT), _WHAT, "", _MEMBERS)
        form.choice("media_type", [MEDIA_TYPE])
        chain = ChainBinding.from_form(form, _WHAT)
        if chain is None:
            raise MalformedError(_WHAT, "names no chain")
        block = Form(form.raw("block"), _WHAT, "block", {"number", "hash", "header"})
        return cls(
            origin=form.text("origin", ORIGIN),
            chain=chain,
            size=form.integer("size", least=1),
            root=form.base64("root", 32),
            block_number=block.integer("number"),
            block_hash=block.chain_hex("hash", 32),
            header=block.base64("header"),
            account_proof=form.items("account_proof", _read_node, most=MAX_TRIE_NODES),
            storage_key=form.chain_hex("storage_key", 32),
            storage_proof=form.items("storage_proof", _read_node, most=MAX_TRIE_NODES),
            checkpoint=form.text("checkpoint"),
            cosignatures=form.items("cosignatures", _read_line, most=100),
        )


def _read_node(value: object, path: str) -> bytes:
    node = b64decode(value, what=f"{_WHAT}, {path}")
    if len(node) > MAX_RLP:
        raise MalformedError(_WHAT, f"{path} is longer than {MAX_RLP} bytes")
    return node


def _read_line(value: object, path: str) -> str:
    if not isinstance(value, str) or not value.endswith("\n") or value.count("\n") != 1:
        raise MalformedError(_WHAT, f"{path} is not one line")
    return value
