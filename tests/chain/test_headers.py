"""Block headers of every fork, encoded so that they have the block's hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_hash.auto import keccak

from ledger.chain import devnet
from ledger.chain.headers import header_rlp

#: Block 0 of Ethereum's main network, as every node shows it.
GENESIS: dict[str, Any] = {
    "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
}


def test_the_first_block_of_the_main_network() -> None:
    header = header_rlp(GENESIS)
    assert header is not None
    assert keccak(header).hex() == GENESIS["hash"][2:]
    assert len(rlp.decode(header)) == 15


@pytest.mark.devnet
@pytest.mark.parametrize(
    ("fork", "fields"),
    [("berlin", 15), ("london", 16), ("shanghai", 17), ("cancun", 20), ("prague", 21), ("osaka", 21)],
)
def test_a_block_of_each_fork(tmp_path: Path, fork: str, fields: int) -> None:
    with devnet.running(tmp_path, options=("--hardfork", fork)) as chain:
        devnet.mine(chain.url)
        block = devnet._request(chain.url, "eth_getBlockByNumber", ["0x1", False])
    header = header_rlp(block)
    assert header is not None
    assert keccak(header).hex() == block["hash"][2:]
    assert len(rlp.decode(header)) == fields


@pytest.mark.parametrize("member", [name for name in GENESIS if name != "hash"])
def test_any_other_value_of_a_field_gives_no_header(member: str) -> None:
    changed = GENESIS[member][:-1] + ("1" if GENESIS[member][-1] != "1" else "2")
    assert header_rlp(GENESIS | {member: changed}) is None
    assert header_rlp({name: value for name, value in GENESIS.items() if name != member}) is None


def test_a_field_that_the_block_does_not_have_is_left_out_though_the_node_shows_it() -> None:
    header = header_rlp(GENESIS | {"baseFeePerGas": "0x7", "withdrawalsRoot": "0x" + "00" * 32})
    assert header is not None
    assert len(rlp.decode(header)) == 15
