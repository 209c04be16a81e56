"""What foreign nodes say, and what it means: refusals, outages, and the places where revert data hides."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ledger.chain.client import ChainClient
from ledger.chain.fees import Fees
from ledger.chain.model import Sending
from ledger.chain.rpc import Rpc, RpcRefusal
from ledger.errors import ConfigurationError, UnauthorisedError, UnavailableError, VerificationError
from tests.chain.oddnode import Failure, Raw, odd_node

CONTRACT, LOG = b"\x02" * 20, b"\x04" * 32


@pytest.mark.parametrize(
    "answer",
    [
        Raw(b"<html>bad gateway</html>", 502),
        Raw(b"<html>hello</html>"),
        Raw(b'{"jsonrpc": "2.0"}'),
        Raw(b"[]"),
        Raw(b"slow down", 429),
        Failure(-32005, "limit exceeded"),
    ],
)
def test_a_node_that_does_not_answer_properly_is_unavailable(answer: Exception) -> None:
    with odd_node({"eth_chainId": answer}) as url, pytest.raises(UnavailableError, match="the chain node"):
        ChainClient(url).chain_id()


def test_a_node_that_is_not_there_is_unavailable_and_the_message_keeps_the_urls_secrets() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(UnavailableError) as caught:
        ChainClient(f"http://user:hunter2@127.0.0.1:{port}/v3/my-api-key?token=abc").chain_id()
    message = str(caught.value)
    assert message == f"the chain node http://127.0.0.1:{port} does not answer eth_chainId: no connection"


def test_a_node_that_takes_too_long_is_unavailable() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnavailableError, match="no answer in time"):
            ChainClient(url, timeout=0.05).chain_id()


@pytest.mark.parametrize("url", ["ws://127.0.0.1:8545", "127.0.0.1:8545", "http://", "file:///etc/passwd"])
def test_an_endpoint_that_is_no_http_url_is_a_matter_of_configuration(url: str) -> None:
    with pytest.raises(ConfigurationError, match="chain endpoint"):
        ChainClient(url)


def test_an_error_object_is_read_under_any_http_status() -> None:
    with odd_node({"eth_call": Failure(3, "execution reverted", "0x1234", status=400)}) as url:
        rpc = Rpc(url)
        with pytest.raises(RpcRefusal) as caught:
            rpc.request("eth_call", [{}])
        rpc.close()
    assert (caught.value.code, caught.value.data) == (3, b"\x12\x34")


def not_anchorer() -> str:
    from eth_abi.abi import encode
    from eth_hash.auto import keccak

    selector = keccak(b"NotAnchorer(bytes32,address)")[:4]
    return "0x" + (selector + encode(["bytes32", "address"], [LOG, "0x" + "11" * 20])).hex()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda data: data,
        lambda data: {"data": data, "message": "reverted"},
        lambda data: {"0xdeadbeef": {"error": "revert", "return": 3}, "output": data},
        lambda data: "Reverted " + data,
    ],
    ids=["geth", "nested", "ganache", "parity"],
)
def test_the_contracts_own_error_is_found_wherever_the_node_puts_it(wrap: Any) -> None:
    failure = Failure(3, "execution reverted", wrap(not_anchorer()))
    with odd_node({"eth_estimateGas": failure}) as url:
        client = ChainClient(url, contract=CONTRACT, log_key=LOG)
        with pytest.raises(UnauthorisedError, match=r"NotAnchorer.*caller=0x1111"):
            client.estimate(b"\x11" * 20, b"\x01")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, "Reverted(message=execution reverted)"),
        ("0x", "Reverted"),
        ("0xffffffff", "UnknownError(data=0xffffffff)"),
        ("0x4e487b71" + "11".rjust(64, "0"), "Panic(code=17)"),
        (
            "0x08c379a0" + "20".rjust(64, "0") + "02".rjust(64, "0") + b"no".hex().ljust(64, "0"),
            "Error(message=no)",
        ),
    ],
)
def test_any_revert_is_told_in_words(data: str | None, expected: str) -> None:
    with odd_node({"eth_call": Failure(3, "execution reverted", data)}) as url:
        client = ChainClient(url, contract=CONTRACT, log_key=LOG)
        with pytest.raises(VerificationError) as caught:
            client.root_at(7)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("already known", Sending.TAKEN),
        ("transaction already imported", Sending.TAKEN),
        ("Known transaction", Sending.TAKEN),
        ("AlreadyKnown", Sending.TAKEN),
        ("nonce too low: next nonce 5, tx nonce 4", Sending.NONCE_USED),
        ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", Sending.NONCE_USED),
        ("replacement transaction underpriced", Sending.UNDERPRICED),
        ("Gas price below configured minimum gas price", Sending.UNDERPRICED),
        ("insufficient funds for gas * price + value", Sending.UNFUNDED),
        ("Upfront cost exceeds account balance", Sending.UNFUNDED),
    ],
)
def test_what_nodes_make_of_a_transaction(message: str, outcome: Sending) -> None:
    with odd_node({"eth_sendRawTransaction": Failure(-32000, message)}) as url:
        assert ChainClient(url).broadcast(b"\x02") is outcome


def test_a_transaction_that_no_attempt_can_save_is_a_matter_of_configuration() -> None:
    failure = Failure(-32000, "only replay-protected (EIP-155) transactions allowed over RPC")
    with (
        odd_node({"eth_sendRawTransaction": failure}) as url,
        pytest.raises(ConfigurationError, match="EIP-155"),
    ):
        ChainClient(url).broadcast(b"\x02")


def test_fees_where_there_is_no_fee_market() -> None:
    with odd_node({"eth_gasPrice": "0x3b9aca00"}) as url:
        assert ChainClient(url).fees() == Fees(max_fee=10**9, priority_fee=10**9, market=False)
        legacy = ChainClient(url).transaction(
            nonce=0, gas=21_000, fees=Fees.legacy(5), chain_id=1, data=b"", to=CONTRACT
        )
        assert legacy["gasPrice"] == 5
        assert "type" not in legacy


def test_fees_where_gas_costs_nothing() -> None:
    history = {
        "baseFeePerGas": ["0x0", "0x0"],
        "reward": [["0x0"]],
        "gasUsedRatio": [0],
        "oldestBlock": "0x1",
    }
    with odd_node({"eth_feeHistory": history, "eth_gasPrice": "0x0"}) as url:
        assert ChainClient(url).fees() == Fees(max_fee=0, priority_fee=0, market=True)


def test_a_chain_without_state_proofs_has_no_evidence() -> None:
    # A QBFT block: its extra data is longer than 32 bytes, and its hash leaves the seals in there out.
    block = {"hash": "0x" + "11" * 32, "number": 5, "timestamp": 7, "extraData": "0x" + "00" * 97}
    with odd_node({"eth_getBlockByNumber": block}) as url:
        client = ChainClient(url, contract=CONTRACT, log_key=LOG)
        assert client.latest().number == 5
        assert client.state_proof("latest", b"\x01" * 32) is None
