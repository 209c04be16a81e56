"""The client against a real contract: what it asks, what it sends, and each way in which a chain is not the one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.chain import devnet
from ledger.chain.client import ChainClient
from ledger.chain.keystore import ChainAccount, devnet_account
from ledger.chain.layout import root_slot
from ledger.chain.model import Sending
from ledger.errors import (
    ConfigurationError,
    NotFoundError,
    UnauthorisedError,
    UnavailableError,
    VerificationError,
)

pytestmark = pytest.mark.devnet

ORIGIN = "fenqile.example/consumer-2026"
FINGERPRINT = b"\x07" * 32
ROOT = b"\x00" + b"\x05" * 31


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChainClient]:
    with devnet.running(tmp_path_factory.mktemp("devnet")) as chain:
        client = ChainClient(chain.url)
        yield client
        client.close()


@pytest.fixture(scope="module")
def owner() -> ChainAccount:
    return devnet_account(31337, 0)


@pytest.fixture(scope="module")
def anchorer() -> ChainAccount:
    return devnet_account(31337, 1)


@pytest.fixture(scope="module")
def contract(node: ChainClient, owner: ChainAccount) -> ChainClient:
    return node.deploy(owner)


@pytest.fixture
def log(
    request: pytest.FixtureRequest, contract: ChainClient, owner: ChainAccount, anchorer: ChainAccount
) -> ChainClient:
    """A log of the test's own."""
    origin = f"{ORIGIN}/{request.node.name}"[:200].replace("[", "/").replace("]", "")
    return contract.open_log(
        owner, origin=origin, anchorer=anchorer.address, max_growth=1000, trust_root=FINGERPRINT
    )


def test_a_log_is_opened_and_tells_all_about_itself(
    log: ChainClient, owner: ChainAccount, anchorer: ChainAccount
) -> None:
    info = log.log_info()
    assert (info.owner, info.anchorer, info.max_growth) == (owner.address, anchorer.address, 1000)
    assert (info.size, info.time, info.closed, info.successor) == (0, 0, False, None)
    assert info.trust_root == log.trust_root() == FINGERPRINT
    assert log.root_at(5) is None


def test_an_anchor_is_found_by_its_event_and_proved_by_the_state(
    log: ChainClient, anchorer: ChainAccount
) -> None:
    receipt = log.send(anchorer, log.anchor_data(0, 5, ROOT, []))
    assert log.root_at(5) == ROOT
    assert log.root_at(5, receipt.block_number - 1) is None
    block = log.anchored_in(5, log.latest())
    assert block is not None
    assert (block.number, block.hash) == (receipt.block_number, receipt.block_hash)
    info = log.log_info()
    assert (info.size, info.root, info.block_number, info.time) == (5, ROOT, block.number, block.time)
    assert log.anchor_times(log.latest()) == [(5, block.time)]
    # The hint where to begin leaves none out.
    assert log.anchor_times(log.latest(), first_block=block.number + 1) == [(5, block.time)]
    proof = log.state_proof(block.number, root_slot(log.log_key, 5))
    assert proof is not None
    assert proof.block == block


def test_the_trust_roots_fingerprint_is_the_owners_to_change(
    log: ChainClient, owner: ChainAccount, anchorer: ChainAccount
) -> None:
    log.set_trust_root(owner, b"\x08" * 32)
    assert log.trust_root() == b"\x08" * 32
    with pytest.raises(UnauthorisedError, match="NotOwner"):
        log.set_trust_root(anchorer, FINGERPRINT)


def test_the_anchorer_is_changed_in_two_steps(log: ChainClient, owner: ChainAccount) -> None:
    next_one = devnet_account(31337, 2)
    log.execute(owner, "proposeAnchorer", log.log_key, next_one.address)
    assert log.log_info().pending_anchorer == next_one.address
    log.execute(next_one, "acceptAnchorer", log.log_key)
    assert (log.log_info().anchorer, log.log_info().pending_anchorer) == (next_one.address, None)


def test_each_refusal_of_an_anchor_has_its_error(
    log: ChainClient, owner: ChainAccount, anchorer: ChainAccount
) -> None:
    log.send(anchorer, log.anchor_data(0, 5, ROOT, []))
    with pytest.raises(VerificationError, match="WrongPrevSize") as caught:
        log.send(anchorer, log.anchor_data(0, 6, ROOT, []))
    assert caught.value.step == "contract"
    assert caught.value.evidence == {
        "error": "WrongPrevSize", "log": "0x" + log.log_key.hex(), "head": 5, "expectedPrevSize": 0,
    }  # fmt: skip
    with pytest.raises(VerificationError, match="NotGrowing"):
        log.send(anchorer, log.anchor_data(5, 5, ROOT, []))
    with pytest.raises(VerificationError, match="InvalidConsistencyProof"):
        log.send(anchorer, log.anchor_data(5, 6, ROOT, []))
    with pytest.raises(ConfigurationError, match=r"GrowthAboveLimit.*growth=1001"):
        log.send(anchorer, log.anchor_data(5, 1006, ROOT, []))
    with pytest.raises(UnauthorisedError, match="NotAnchorer"):
        log.send(owner, log.anchor_data(5, 6, ROOT, []))
    with pytest.raises(ConfigurationError, match="LogExists"):
        log.execute(
            owner,
            "open",
            f"{ORIGIN}/test_each_refusal_of_an_anchor_has_its_error",
            anchorer.address,
            1,
            FINGERPRINT,
            bytes(32),
        )


def test_nothing_is_sent_when_the_contract_would_refuse(log: ChainClient, owner: ChainAccount) -> None:
    before = log.nonce(owner.address)
    with pytest.raises(UnauthorisedError):
        log.send(owner, log.anchor_data(0, 5, ROOT, []))
    assert log.nonce(owner.address, "pending") == before


def test_a_log_that_was_never_opened(contract: ChainClient) -> None:
    with pytest.raises(NotFoundError, match="has no log 0x0909"):
        contract.at(contract.contract, b"\x09" * 32).log_info()


def test_the_right_chain_and_contract_pass(contract: ChainClient) -> None:
    contract.check(chain_id=31337, genesis=contract.genesis(), code_hash=contract.code_hash())


def test_a_wrong_chain_id(contract: ChainClient) -> None:
    with pytest.raises(ConfigurationError, match="serves chain id 31337, expected is 1"):
        contract.check(chain_id=1, genesis=contract.genesis())


def test_a_wrong_genesis_block(contract: ChainClient) -> None:
    with pytest.raises(ConfigurationError, match=r"has genesis block 0x.*expected is 0x0101"):
        contract.check(chain_id=31337, genesis=b"\x01" * 32)


def test_an_address_without_code(contract: ChainClient) -> None:
    elsewhere = contract.at(b"\x33" * 20, b"\x09" * 32)
    for ask in (elsewhere.code_hash, elsewhere.log_info, lambda: elsewhere.root_at(5)):
        with pytest.raises(VerificationError, match="no contract at 0x3333") as caught:
            ask()
        assert caught.value.step == "contract"


def test_an_address_with_other_code(contract: ChainClient) -> None:
    with pytest.raises(VerificationError, match=r"has code 0x.*expected is 0x0101"):
        contract.check(chain_id=31337, genesis=contract.genesis(), code_hash=b"\x01" * 32)


def test_a_contract_of_another_kind(contract: ChainClient) -> None:
    # PUSH1 1, PUSH1 0, RETURN: whatever it is asked, it answers one byte.
    devnet._request(_url(contract), "anvil_setCode", ["0x" + "44" * 20, "0x60016000f3"])
    with pytest.raises(VerificationError, match="is another one than expected"):
        contract.at(b"\x44" * 20, b"\x09" * 32).root_at(5)


def test_a_client_without_contract_or_log_says_so(node: ChainClient, contract: ChainClient) -> None:
    with pytest.raises(ConfigurationError, match="no contract"):
        node.code_hash()
    with pytest.raises(ConfigurationError, match="no log on this contract"):
        contract.log_info()


def test_blocks_that_are_not_there(node: ChainClient) -> None:
    assert node.block(10**9) is None
    with pytest.raises(UnavailableError):
        node.state_proof(10**9, bytes(32))


def test_an_account_without_money_is_told_to_be_funded(log: ChainClient) -> None:
    poor = devnet_account(31337, 3)
    devnet._request(_url(log), "anvil_setBalance", ["0x" + poor.address.hex(), "0x0"])
    transaction = log.transaction(
        nonce=0, gas=21_000, fees=log.fees(), chain_id=31337, data=b"", to=log.contract
    )
    assert log.broadcast(poor.sign(transaction).raw) is Sending.UNFUNDED
    with pytest.raises(ConfigurationError, match=f"account 0x{poor.address.hex()} has 0 wei"):
        log.send(poor, b"", to=b"\x55" * 20)


def _url(client: ChainClient) -> str:
    return client._rpc._url
