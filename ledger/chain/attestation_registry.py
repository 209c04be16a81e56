"""The AttestationRegistry on one chain: relay signed attestations, and read back what stands there.

Like :class:`~ledger.chain.reader.ChainReader` it trusts nothing: whoever uses it first calls
:meth:`AttestationRegistry.check`, which wants the committed code, made for the AnchorRegistry that the trust root
names. Then what it answers is what was signed; that a signer counts is the reader's to know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from eth_hash.auto import keccak

from ledger.chain.abi import ContractAbi
from ledger.chain.artifact import attestation_registry
from ledger.chain.attestation import Attestation, SignedAttestation, Verdict
from ledger.chain.client import Account, ChainClient
from ledger.chain.model import Event, Receipt
from ledger.chain.refusals import CONTRACT_STEP
from ledger.chain.rpc import BlockId, to_hex
from ledger.errors import ConfigurationError, VerificationError

#: Attestations in one call: each costs the node some five storage reads.
_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """An attestation as the contract holds it; ``time`` is of its block, in Unix seconds."""

    index: int
    signer: bytes
    verdict: Verdict
    scope: str
    size: int
    root: bytes
    rules_version: int
    evidence: bytes
    time: int

    def to_json(self) -> dict[str, Any]:
        """As command line and API show it; ``at`` is the time of its block."""
        return {
            "index": self.index,
            "signer": f"0x{self.signer.hex()}",
            "verdict": str(self.verdict),
            "scope": self.scope,
            "size": self.size,
            "root": self.root.hex(),
            "rules_version": self.rules_version,
            "evidence": self.evidence.hex(),
            "at": datetime.fromtimestamp(self.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An attestation as the contract's event tells of it; ``index`` is its place under its subject, ``transaction``
    the hash of the one that brought it.
    """

    block: int
    index: int
    subject: str
    signer: bytes
    verdict: Verdict
    scope: str
    size: int
    root: bytes
    rules_version: int
    evidence: bytes
    nonce: int
    deadline: int
    transaction: bytes

    def is_of(self, one: Attestation) -> bool:
        """Whether it is this very attestation, of the log that was asked about."""
        names = (
            "subject",
            "signer",
            "verdict",
            "scope",
            "size",
            "root",
            "rules_version",
            "evidence",
            "nonce",
            "deadline",
        )
        return all(getattr(self, name) == getattr(one, name) for name in names)


class AttestationRegistry:
    """The contract at ``contract`` (20 bytes), asked and told through ``node``."""

    def __init__(self, node: ChainClient, contract: bytes) -> None:
        self.contract = contract
        #: Of this contract: sends what :meth:`call_data` makes, and tells what the contract refuses in its words.
        self.client = node.at(contract, abi=ContractAbi(attestation_registry().abi))

    @classmethod
    def deploy(cls, node: ChainClient, account: Account, *, anchors: bytes) -> AttestationRegistry:
        """Put one on the chain that counts the roots of the AnchorRegistry at ``anchors``."""
        made = node.deploy(account, attestation_registry(), arguments=(anchors,))
        return cls(node, made.contract)

    def check(self, *, anchors: bytes) -> None:
        """Refuse another contract than ours, or one for another AnchorRegistry.

        Raises :class:`VerificationError` (step ``contract``).
        """
        found = self.client.code_hash()
        expected = keccak(attestation_registry().deployed_with(anchors))
        if found != expected:
            raise VerificationError(
                f"the contract at {to_hex(self.contract)} is not the AttestationRegistry of {to_hex(anchors)}",
                step=CONTRACT_STEP,
                evidence={
                    "contract": to_hex(self.contract),
                    "code_hash": to_hex(found),
                    "expected": to_hex(expected),
                },
            )

    def anchors(self) -> bytes:
        """The AnchorRegistry whose roots count here, 20 bytes; only with :meth:`check` it means anything."""
        address: bytes = self.client.call("anchorRegistry")["registry"]
        return address

    def check_chain(self, signed: SignedAttestation) -> None:
        """Refuse an attestation that is signed for another chain or contract: :class:`ConfigurationError`."""
        chain_id = self.client.chain_id()
        if signed.chain_id != chain_id:
            raise ConfigurationError(
                f"the attestation is signed for chain {signed.chain_id}; {self.client.name} serves {chain_id}"
            )
        if signed.contract != self.contract:
            raise ConfigurationError(
                f"the attestation is signed for the contract {to_hex(signed.contract)}, not {to_hex(self.contract)}"
            )

    def latest(self) -> int:
        """The number of the newest block."""
        return self.client.latest().number

    def nonce_of(self, signer: bytes, block: BlockId = "latest") -> int:
        """The nonce of the signer's next attestation."""
        nonce: int = self.client.call("nonceOf", signer, block=block)["nonce"]
        return nonce

    def count(self, log: bytes, subject: str) -> int:
        """How many attestations of this log and subject there are."""
        number: int = self.client.call("count", log, subject)["number"]
        return number

    def page(self, log: bytes, subject: str, first: int, most: int) -> list[Attested]:
        """At most ``most`` from place ``first`` on, the oldest first."""
        found = self.client.call("page", log, subject, first, most)["attested"]
        verdicts = tuple(Verdict)
        return [
            Attested(
                index=first + place,
                signer=one["signer"],
                verdict=verdicts[one["verdict"] - 1],
                scope=one["scope"],
                size=one["size"],
                root=one["root"],
                rules_version=one["rulesVersion"],
                evidence=one["evidence"],
                time=one["time"],
            )
            for place, one in enumerate(found)
        ]

    def newest_first(self, log: bytes, subject: str) -> Iterator[Attested]:
        """All of this log and subject, asked for page by page as they are wanted."""
        end = self.count(log, subject)
        while end:
            first = max(0, end - _PAGE)
            yield from reversed(self.page(log, subject, first, end - first))
            end = first

    def made_between(self, log: bytes, first: int, last: int) -> list[Made]:
        """Every attestation of this log in the blocks ``first`` to ``last``, the oldest first."""
        return [_made(event) for event in self.client.events("AttestationMade", log, first=first, last=last)]

    def made_about(
        self, log: bytes, subject: str, first: int, last: int, *, signer: bytes | None = None
    ) -> list[Made]:
        """The same about one subject, and by one signer where it is given."""
        topics = [log, keccak(subject.encode())] + ([] if signer is None else [signer.rjust(32, b"\0")])
        return [
            _made(event) for event in self.client.events("AttestationMade", *topics, first=first, last=last)
        ]

    def call_data(self, signed: SignedAttestation) -> bytes:
        """What a transaction that relays it carries."""
        return self.client.call_data("attest", signed.attestation.to_chain(), signed.signature)

    def relay(self, account: Account, signed: SignedAttestation) -> Receipt:
        """Put a signed attestation on chain; ``account`` pays. Waits until it is in a block.

        Raises :class:`ConfigurationError` for another chain or contract, an expired one and one whose nonce is
        used or not yet the next, :class:`VerificationError` for what else the contract refuses.
        """
        self.check_chain(signed)
        one = signed.attestation
        if one.nonce < self.nonce_of(one.signer):
            raise ConfigurationError(
                f"attestation {one.nonce} of {to_hex(one.signer)} was relayed already, or another one in its place"
            )
        return self.client.execute(account, "attest", signed.attestation.to_chain(), signed.signature)


def _made(event: Event) -> Made:
    told = event.values["attestation"]
    return Made(
        block=event.block,
        index=event.values["index"],
        subject=told["subject"],
        signer=told["signer"],
        verdict=tuple(Verdict)[told["verdict"] - 1],
        scope=told["scope"],
        size=told["size"],
        root=told["root"],
        rules_version=told["rulesVersion"],
        evidence=told["evidence"],
        nonce=told["nonce"],
        deadline=told["deadline"],
        transaction=event.transaction,
    )
