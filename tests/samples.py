"""A small honest log, built from the proofs alone: what the verifier's tests take apart.

Nothing is random: the same call gives the same bytes, so that vectors can be made from it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.proofs import canonical, merkle, mpt, sumtree
from ledger.proofs.acceptance import Acceptance, Batch, BatchTree, leaf
from ledger.proofs.checkpoint import Checkpoint
from ledger.proofs.claimproof import ClaimProof, Holding, Link
from ledger.proofs.documents import sign
from ledger.proofs.encumbrance import (
    ZERO,
    ClaimState,
    Encumbrance,
    advance,
    claim_key,
    claim_value,
    pool_key,
    sorted_holders,
)
from ledger.proofs.entries import RegisterEntry, record_entry
from ledger.proofs.note import Cosigner, Signer
from ledger.proofs.receipt import Receipt, RegisterLeaf
from ledger.proofs.recordform import disclosure_digest, pledge_acceptance_bytes, statement_bytes
from ledger.proofs.seal import SealHeader
from ledger.proofs.sealproof import PoolValue, SealProof
from ledger.proofs.sumtree import Leaf, Node
from ledger.proofs.trust import ChainTrust, KeySpan, TrustedParty, TrustRoot, WitnessPolicy

ORIGIN = "fenqile.example/consumer-2026"
POSTED = "2026-03-01T08:00:00.000000Z"
ANCHOR_BY = "2026-03-01T09:00:00.000000Z"


def signer(name: str) -> Signer:
    return Signer.from_seed(name, hashlib.sha256(name.encode()).digest())


LOG = signer(ORIGIN)
SERVICE = signer("service.fenqile.example")
ORIGINATOR = signer("fenqile.example/party")
BANK = signer("bank.example/party")
WITNESSES = [Cosigner.from_seed(f"witness{n}.example", bytes([n]) * 32) for n in (1, 2, 3)]
STRANGER = signer("stranger.example")

CHAIN = ChainTrust(
    chain_id=31337,
    genesis=b"\x01" * 32,
    contract=b"\x02" * 20,
    code_hash=b"\x03" * 32,
    log_id=b"\x04" * 32,
    finality="tag:finalized",
    grade="devnet",
    max_anchor_age=86_400,
)

TRUST = TrustRoot(
    origin=ORIGIN,
    zone="Asia/Shanghai",
    log_keys=(KeySpan(verifier=LOG.verifier),),
    service_keys=(KeySpan(verifier=SERVICE.verifier),),
    witnesses=WitnessPolicy(threshold=2, verifiers=tuple(witness.verifier for witness in WITNESSES)),
    parties=(
        TrustedParty(name="fenqile", roles=("originator", "servicer"), verifiers=(ORIGINATOR.verifier,)),
        TrustedParty(name="bank", roles=("funding_partner",), verifiers=(BANK.verifier,)),
    ),
    chain=CHAIN,
)

DISCLOSURE = ("ab" * 16, "borrower", {"city": "深圳", "age": 31})


def record(index: int, **changes: Any) -> str:
    """The canonical bytes of a plausible record, as text; ``changes`` replace members."""
    members: dict[str, Any] = {
        "v": 1,
        "origin": ORIGIN,
        "id": f"e-{index}",
        "type": "repayment.received",
        "subject": f"loan:L{index}",
        "seq": 2,
        "prev": "11" * 32,
        "effective": "2026-02",
        "posted": POSTED,
        "party": "fenqile",
        "data": {"amount": "207.10", "currency": "CNY", "note": "二月"},
        "private": sorted([disclosure_digest(DISCLOSURE), "00" * 32]),
        "sig": None,
        "nonce": f"{index:032x}",
    }
    members.update(changes)
    return canonical.encode(members).decode()


def signed_record(index: int, by: Signer = ORIGINATOR, **changes: Any) -> str:
    """A record whose party signed the statement."""
    members = canonical.decode(record(index, **changes))
    message = statement_bytes(
        origin=members["origin"],
        event_id=members["id"],
        event_type=members["type"],
        subject=members["subject"],
        effective=members["effective"],
        party=members["party"],
        data=members["data"],
    )
    return canonical.encode(members | {"sig": sign(message, by).to_json()}).decode()


def pledge_record(index: int, by: Signer | None = BANK, **changes: Any) -> str:
    """A pledge of two claims to the bank, with the bank's acceptance by the key ``by``."""
    claims = [
        {"claim": "c1", "loan": "L1", "share": 1_000_000},
        {"claim": "c1", "loan": "L2", "share": 500_000},
    ]
    data: dict[str, Any] = {"holder": "bank", "claims": claims}
    message = pledge_acceptance_bytes(origin=ORIGIN, pool="P1", holder="bank", claims=claims)
    data["acceptance"] = None if by is None else sign(message, by).to_json()
    return record(index, type="claim.pledged", subject="pool:P1", data=data, **changes)


@dataclass
class SampleLog:
    """Records and registers on one tree; ``publish`` ends it in a register entry."""

    entries: list[bytes] = field(default_factory=list)
    records: dict[int, str] = field(default_factory=dict)
    register: dict[bytes, bytes] = field(default_factory=dict)

    def append(self, *texts: str) -> int:
        for text in texts:
            self.records[len(self.entries)] = text
            self.entries.append(record_entry(hashlib.sha256(text.encode()).digest()))
        return len(self.entries) - 1

    def publish(self) -> int:
        entry = RegisterEntry(len(self.entries), len(self.register), mpt.root(self.register))
        self.entries.append(entry.encode())
        return len(self.entries)

    def hashes(self, size: int) -> list[bytes]:
        return [merkle.leaf_hash(entry) for entry in self.entries[:size]]

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(ORIGIN, size, merkle.root(self.hashes(size)))

    def note(self, size: int, by: Signer = LOG, witnesses: int = 0) -> str:
        checkpoint = self.checkpoint(size)
        lines = [witness.sign(checkpoint.body(), time=1_800_000_000) for witness in WITNESSES[:witnesses]]
        return checkpoint.sign([by]).decode() + "".join(lines)

    def leaf(self, size: int, index: int) -> RegisterLeaf:
        proof = tuple(merkle.inclusion_proof(self.hashes(size), index))
        return RegisterLeaf(entry=self.entries[index], proof=proof)

    def receipt(
        self,
        index: int,
        size: int | None = None,
        /,
        *,
        by: Signer = SERVICE,
        note: str | None = None,
        **changes: Any,
    ) -> Receipt:
        size = len(self.entries) if size is None else size
        receipt = Receipt(
            origin=ORIGIN,
            chain=CHAIN.binding,
            index=index,
            record=self.records[index],
            disclosures=(DISCLOSURE,),
            proof=tuple(merkle.inclusion_proof(self.hashes(size), index)),
            checkpoint=note or self.note(size),
            register=self.leaf(size, size - 1),
        )
        return replace(receipt, **changes).signed(by)

    def claim_proof(
        self,
        asset_key: bytes,
        size: int | None = None,
        /,
        *,
        encumbrance: Encumbrance | None = None,
        state: ClaimState | None = None,
        history: tuple[Link, ...] = (),
        by: Signer = SERVICE,
        **changes: Any,
    ) -> ClaimProof:
        size = len(self.entries) if size is None else size
        proof = ClaimProof(
            origin=ORIGIN,
            chain=CHAIN.binding,
            checkpoint=self.note(size),
            register=self.leaf(size, size - 1),
            presence=encumbrance is not None,
            asset_key=asset_key,
            proof=mpt.prove(self.register, claim_key(asset_key)),
            encumbrance=encumbrance,
            state=state,
            history=history,
        )
        return replace(proof, **changes).signed(by)

    def seal_proof(
        self,
        header: SealHeader,
        claims: dict[bytes, Leaf],
        asset_key: bytes,
        size: int | None = None,
        /,
        *,
        others: tuple[tuple[str, bytes], ...] = (),
        by: Signer = SERVICE,
        **changes: Any,
    ) -> SealProof:
        """The place of ``asset_key`` among ``claims`` (by asset key); ``others`` are seals in more currencies."""
        size = len(self.entries) if size is None else size
        leaves = sorted(claims.values(), key=lambda leaf: leaf.key)
        leaf = claims[asset_key]
        index = leaves.index(leaf)
        seals = tuple(sorted([(header.currency, header.seal), *others]))
        proof = SealProof(
            origin=ORIGIN,
            chain=CHAIN.binding,
            checkpoint=self.note(size),
            register=self.leaf(size, size - 1),
            pool=PoolValue(head=HEAD, seals=seals, proof=mpt.prove(self.register, pool_key(header.pool))),
            header=header,
            asset_key=asset_key,
            leaf=leaf,
            index=index,
            path=sumtree.prove(leaves, index, len(leaves)),
        )
        return replace(proof, **changes).signed(by)


def simple_log(count: int = 5) -> SampleLog:
    """A published log of ``count`` records, the one at index 1 signed by its party."""
    log = SampleLog()
    for index in range(count):
        log.append(signed_record(index) if index == 1 else record(index))
    log.publish()
    return log


def links(*changes: tuple[int, dict[str, int]]) -> tuple[Link, ...]:
    """The changes of a claim's place: (index of the record, shares by party after it)."""
    return tuple(
        Link(
            digest=hashlib.sha256(b"record %d" % index).digest(),
            index=index,
            holdings=tuple(
                sorted(
                    (Holding.of(party, share) for party, share in shares.items()),
                    key=lambda item: item.holder,
                )
            ),
        )
        for index, shares in changes
    )


def encumbrance(history: tuple[Link, ...], nonce: bytes = bytes(16)) -> Encumbrance:
    digest, holders = ZERO, ()
    for link in history:
        holders = sorted_holders(link.holders)
        digest = advance(digest, link.digest, holders)
    return Encumbrance(nonce=nonce, version=len(history), history=digest, holders=holders)


def claim_state(**changes: Any) -> ClaimState:
    state = ClaimState(
        loan="L1",
        claim="c1",
        creditor="fenqile",
        share=1_000_000,
        currency="CNY",
        status="current",
        principal="1207.10",
        count=3,
        head=b"\x11" * 32,
        last_index=2,
        nonce="22" * 16,
    )
    return replace(state, **changes)


def put_claim(log: SampleLog, asset_key: bytes, place: Encumbrance, state: ClaimState) -> None:
    log.register[claim_key(asset_key)] = claim_value(place.encode(), state.encode())


#: The newest record of a pool.
HEAD = hashlib.sha256(b"the pool's newest record").digest()


def sealed_claims(count: int) -> dict[bytes, Leaf]:
    """Claims of a seal by asset key: 1.00, 2.00, … receivable, each fifth a credit; states of their own."""
    claims = {}
    for n in range(1, count + 1):
        asset_key, units = hashlib.sha256(b"asset %d" % n).digest(), n * 10**8
        credit = n % 5 == 0
        claims[asset_key] = Leaf(
            key=claim_key(asset_key),
            share=1_000_000 if n % 3 else 400_000,
            receivable=0 if credit else units,
            credit=units if credit else 0,
            state=hashlib.sha256(claim_state(loan=f"L{n}").encode()).digest(),
        )
    return claims


def seal_header(claims: dict[bytes, Leaf], **changes: Any) -> SealHeader:
    """The header of a seal over ``claims``."""
    header = SealHeader(
        pool="P1",
        currency="CNY",
        size=4,
        as_of="2026-02-28",
        total=sealed_total(claims),
        rules_version=1,
    )
    return replace(header, **changes)


def sealed_total(claims: dict[bytes, Leaf]) -> Node:
    return sumtree.root(sorted(claims.values(), key=lambda leaf: leaf.key))


def put_seal(log: SampleLog, *headers: SealHeader) -> None:
    """Let the register hold these seals of one pool, one for each currency."""
    seals = tuple(sorted((header.currency, header.seal) for header in headers))
    value = PoolValue(head=HEAD, seals=seals, proof=mpt.Proof(())).encode()
    log.register[pool_key(headers[0].pool)] = value


def acceptances(first: int, texts: list[str], by: Signer = SERVICE) -> list[Acceptance]:
    """The acceptances of one batch."""
    views = [(hashlib.sha256(text.encode()).digest(), canonical.decode(text)) for text in texts]
    leaves = [
        leaf(digest.hex(), view["id"], first + at, view["party"]) for at, (digest, view) in enumerate(views)
    ]
    tree = BatchTree(leaves)
    batch = Batch(
        origin=ORIGIN, posted=POSTED, anchor_by=ANCHOR_BY, first=first, count=len(texts), root=tree.root
    )
    signature = batch.sign(by)
    return [
        Acceptance.assemble(
            batch, signature, tree, index=first + at, event_id=view["id"], party=view["party"], digest=digest
        )
        for at, (digest, view) in enumerate(views)
    ]
