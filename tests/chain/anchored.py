"""The sample log anchored on a real devnet, and the evidence of it.

``python -m tests.chain.anchored`` makes the files of ``tests/vectors/evidence`` anew: a receipt, its trust
root, the evidence, and the hash of the block that it speaks of.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.chain import devnet
from ledger.chain.client import ChainClient
from ledger.chain.keystore import devnet_account
from ledger.chain.layout import root_slot
from ledger.proofs.evidence import Evidence
from ledger.proofs.receipt import Receipt
from ledger.proofs.trust import ChainTrust, TrustRoot
from tests.samples import ORIGIN, TRUST, SampleLog, simple_log

FOLDER = Path(__file__).resolve().parent.parent / "vectors" / "evidence"


@dataclass(frozen=True)
class Anchored:
    """A receipt of the sample log, the evidence of its anchor, and the trust root that names the contract."""

    receipt: Receipt
    evidence: Evidence
    trust: TrustRoot

    @classmethod
    def load(cls) -> Anchored:
        """The committed sample, made by :func:`main` on a real devnet."""
        return cls(
            receipt=Receipt.parse((FOLDER / "sample.receipt.json").read_bytes()),
            evidence=Evidence.parse((FOLDER / "anchor-6.evidence.json").read_bytes()),
            trust=TrustRoot.parse((FOLDER / "trust.json").read_bytes()),
        )

    def write(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "sample.receipt.json").write_bytes(self.receipt.encode())
        (FOLDER / f"anchor-{self.evidence.size}.evidence.json").write_bytes(self.evidence.encode())
        (FOLDER / "trust.json").write_bytes(self.trust.encode())


def anchor_sample(url: str, log: SampleLog | None = None) -> Anchored:
    """Deploy the contract, open the log, anchor it, and take the evidence, as the anchor worker does."""
    log = log or simple_log()
    size = len(log.entries)
    checkpoint = log.checkpoint(size)
    client = ChainClient(url)
    account = devnet_account(client.chain_id())
    client = client.deploy(account)
    client = client.open_log(
        account,
        origin=ORIGIN,
        anchorer=account.address,
        max_growth=1000,
        trust_root=bytes.fromhex(TRUST.fingerprint),
    )
    client.send(account, client.anchor_data(0, size, checkpoint.root, []))
    slot = root_slot(client.log_key, size)
    proof = client.state_proof("latest", slot)
    assert proof is not None
    chain = ChainTrust(
        chain_id=client.chain_id(),
        genesis=client.genesis(),
        contract=client.contract,
        code_hash=client.code_hash(),
        log_id=client.log_key,
        finality="instant",
        grade="devnet",
    )
    client.close()
    evidence = Evidence(
        origin=ORIGIN,
        chain=chain.binding,
        size=size,
        root=checkpoint.root,
        block_number=proof.block.number,
        block_hash=proof.block.hash,
        header=proof.header,
        account_proof=proof.account_proof,
        storage_key=slot,
        storage_proof=proof.storage_proof,
        checkpoint=log.note(size),
    )
    return Anchored(
        receipt=log.receipt(1, chain=chain.binding), evidence=evidence, trust=replace(TRUST, chain=chain)
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, devnet.running(Path(directory)) as chain:
        anchor_sample(chain.url).write()


if __name__ == "__main__":
    main()
