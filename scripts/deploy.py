"""Deploy the contracts with Brownie: ``scripts/brownie.sh run deploy --network NAME``.

Without more, both: the AnchorRegistry, and the AttestationRegistry over it. ``POOLPROOF_DEPLOY_ANCHORS`` names an
AnchorRegistry that stands there already; then only the AttestationRegistry is deployed.

What goes on chain is the bytecode of the committed artifacts, not Brownie's own compilation (whose metadata
differs with comments and paths): one source, one code hash, on every chain. The script refuses to deploy when
the sources do not give that code, and prints as JSON what a trust root has to name, and where attestations stand.

On a development network the first account pays; elsewhere the account that Brownie knows by the name in
``POOLPROOF_DEPLOY_ACCOUNT`` (``scripts/brownie.sh accounts new NAME``).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from brownie import AnchorRegistry, AttestationRegistry, Contract, accounts, network, web3

ARTIFACTS = Path(__file__).resolve().parent.parent / "ledger" / "chain" / "contracts"
_WORD = 32


def main() -> None:
    """Deploy what is asked for and print where it is; Brownie's entry point."""
    standing = os.environ.get("POOLPROOF_DEPLOY_ANCHORS")
    document: dict[str, Any] = {
        "network": network.show_active(),
        "chain_id": web3.eth.chain_id,
        "genesis": "0x" + bytes(web3.eth.get_block(0)["hash"]).hex(),
    }
    if standing is None:
        anchors, receipt = anchor_registry()
        document |= description(anchors, receipt)
        standing = anchors.address
    else:
        document |= {"contract": standing.lower()}
    attestations, receipt = attestation_registry(standing)
    print(json.dumps(document | {"attestations": description(attestations, receipt)}))


def anchor_registry() -> tuple[Contract, Any]:
    """Deploy an AnchorRegistry; the contract and the receipt."""
    artifact = committed(AnchorRegistry)
    return put_on_chain(artifact, b"", bytes.fromhex(artifact["deployed_bytecode"][2:]))


def attestation_registry(anchors: str) -> tuple[Contract, Any]:
    """Deploy an AttestationRegistry that counts the roots of the AnchorRegistry at this address."""
    artifact = committed(AttestationRegistry)
    word = bytes.fromhex(anchors[2:]).rjust(_WORD, b"\0")
    code = bytearray.fromhex(artifact["deployed_bytecode"][2:])
    for start in artifact["immutables"]:
        code[start : start + _WORD] = word
    return put_on_chain(artifact, word, bytes(code))


def committed(compiled: Any) -> Any:
    """The committed artifact of the contract that Brownie compiled, if the sources give it."""
    name = compiled._name
    artifact = json.loads((ARTIFACTS / f"{name}.json").read_text())
    ours = bytes.fromhex(compiled._build["deployedBytecode"])
    if without_metadata(ours) != without_metadata(bytes.fromhex(artifact["deployed_bytecode"][2:])):
        raise SystemExit(
            f"the committed artifact of {name} is not what the sources give: run `make contracts`"
        )
    return artifact


def put_on_chain(artifact: Any, arguments: bytes, expected: bytes) -> tuple[Contract, Any]:
    """Deploy, and hold what stands on the chain against the code that is expected there."""
    receipt = paying_account().transfer(data=artifact["bytecode"] + arguments.hex())
    if receipt.status != 1:
        raise SystemExit(f"the deployment failed: {receipt.txid}")
    if bytes(web3.eth.get_code(receipt.contract_address)) != expected:
        raise SystemExit(f"the chain holds other code at {receipt.contract_address}")
    name = artifact["contract_name"]
    return Contract.from_abi(name, receipt.contract_address, artifact["abi"]), receipt


def paying_account() -> Any:
    """The account that deploys."""
    name = os.environ.get("POOLPROOF_DEPLOY_ACCOUNT")
    if name:
        return accounts.load(name)
    if accounts:
        return accounts[0]  # of a development network, or of a node that signs for its accounts
    raise SystemExit("no account: name one of `scripts/brownie.sh accounts list` in POOLPROOF_DEPLOY_ACCOUNT")


def description(contract: Contract, receipt: Any) -> dict[str, Any]:
    """Where a contract is, and what code."""
    return {
        "contract": contract.address.lower(),
        "code_hash": "0x" + bytes(web3.keccak(web3.eth.get_code(contract.address))).hex(),
        "transaction": receipt.txid,
        "block": receipt.block_number,
        "gas_used": receipt.gas_used,
    }


def without_metadata(code: bytes) -> bytes:
    """The code without the CBOR that the compiler appends; its length stands in the last two bytes."""
    return code[: -2 - int.from_bytes(code[-2:], "big")]
