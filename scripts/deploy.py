"""Deploy the AnchorRegistry with Brownie: ``scripts/brownie.sh run deploy --network NAME``.

What goes on chain is the bytecode of the committed artifact, not Brownie's own compilation (whose metadata
differs with comments and paths): one source, one code hash, on every chain. The script refuses to deploy when
the sources do not give that code, and prints as JSON what a trust root has to name.

On a development network the first account pays; elsewhere the account that Brownie knows by the name in
``POOLPROOF_DEPLOY_ACCOUNT`` (``scripts/brownie.sh accounts new NAME``).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from brownie import AnchorRegistry, Contract, accounts, network, web3

ARTIFACT = Path(__file__).resolve().parent.parent / "ledger" / "chain" / "contracts" / "AnchorRegistry.json"


def main() -> Contract:
    """Deploy and return the contract; Brownie's entry point."""
    artifact = json.loads(ARTIFACT.read_text())
    compiled = bytes.fromhex(AnchorRegistry._build["deployedBytecode"])
    committed = bytes.fromhex(artifact["deployed_bytecode"][2:])
    if without_metadata(compiled) != without_metadata(committed):
        raise SystemExit("the committed artifact is not what the sources give: run `make contracts`")

    receipt = paying_account().transfer(data=artifact["bytecode"])
    if receipt.status != 1:
        raise SystemExit(f"the deployment failed: {receipt.txid}")
    on_chain = bytes(web3.eth.get_code(receipt.contract_address))
    if on_chain != committed:
        raise SystemExit(f"the chain holds other code at {receipt.contract_address}")

    print(json.dumps(description(receipt, on_chain)))
    return Contract.from_abi("AnchorRegistry", receipt.contract_address, artifact["abi"])


def paying_account() -> Any:
    """The account that deploys."""
    name = os.environ.get("POOLPROOF_DEPLOY_ACCOUNT")
    if name:
        return accounts.load(name)
    if accounts:
        return accounts[0]  # of a development network, or of a node that signs for its accounts
    raise SystemExit("no account: name one of `scripts/brownie.sh accounts list` in POOLPROOF_DEPLOY_ACCOUNT")


def description(receipt: Any, code: bytes) -> dict[str, Any]:
    """The chain's part of a trust root."""
    return {
        "network": network.show_active(),
        "chain_id": web3.eth.chain_id,
        "genesis": "0x" + bytes(web3.eth.get_block(0)["hash"]).hex(),
        "contract": receipt.contract_address.lower(),
        "code_hash": "0x" + bytes(web3.keccak(code)).hex(),
        "transaction": receipt.txid,
        "block": receipt.block_number,
        "gas_used": receipt.gas_used,
    }


def without_metadata(code: bytes) -> bytes:
    """The code without the CBOR that the compiler appends; its length stands in the last two bytes."""
    return code[: -2 - int.from_bytes(code[-2:], "big")]
