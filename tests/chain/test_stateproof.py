"""Evidence against one block hash: the committed sample of a real devnet, a fresh one, and forgeries.

The trie and RLP readers are compared with the packages ``trie`` and ``rlp``, which they stand in for.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from ledger.chain import devnet
from ledger.chain.headers import header_rlp
from ledger.chain.layout import BASE, root_slot
from ledger.chain.sources import EvidenceAnchors
from ledger.chain.stateproof import verify_evidence
from ledger.chain.statetrie import EMPTY_ROOT, decode_rlp, trie_value
from ledger.errors import InconsistencyError, MalformedError, UndeterminedError, VerificationError
from ledger.proofs.checkpoint import Checkpoint
from ledger.proofs.evidence import Evidence
from ledger.proofs.trust import PinnedBlock, TrustRoot
from ledger.proofs.verify import Level, verify_receipt
from tests.chain.anchored import Anchored, anchor_sample
from tests.samples import LOG, STRANGER, WITNESSES, simple_log

SAMPLE = Anchored.load()
EVIDENCE, TRUST = SAMPLE.evidence, SAMPLE.trust
HASH = EVIDENCE.block_hash
PINNED = replace(TRUST, pinned_blocks=(PinnedBlock(number=EVIDENCE.block_number, hash=HASH),))


def refused(evidence: Evidence, trust: TrustRoot = TRUST, block: bytes | None = None) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_evidence(evidence, trust, [evidence.block_hash if block is None else block])
    assert caught.value.step == "anchor"
    return caught.value.reason


class TestSample:
    def test_shows_the_root_by_a_block_hash(self) -> None:
        view = verify_evidence(EVIDENCE, TRUST, [HASH])
        assert view.root == simple_log().checkpoint(6).root
        assert (view.size, view.level, view.block_number) == (6, Level.FINAL, EVIDENCE.block_number)
        assert view.block_time is not None
        assert view.block_time > 1_700_000_000
        assert {"block", "chain_identity"} <= {item.name for item in view.not_checked}

    def test_makes_the_receipt_final_offline(self) -> None:
        for trust, blocks in ((TRUST, [HASH]), (PINNED, [])):
            anchors = EvidenceAnchors(EVIDENCE, trust, blocks)
            verdict = verify_receipt(trust, SAMPLE.receipt.encode(), anchors=anchors, require=Level.FINAL)
            assert verdict.level is Level.FINAL

    def test_shows_nothing_without_a_block_that_the_verifier_knows(self) -> None:
        anchors = EvidenceAnchors(EVIDENCE, TRUST)
        verdict = verify_receipt(TRUST, SAMPLE.receipt.encode(), anchors=anchors)
        assert verdict.level is Level.PUBLISHED
        assert "does not pin" in next(item.says for item in verdict.not_checked if item.name == "anchor")
        with pytest.raises(UndeterminedError, match="--block"):
            verify_receipt(TRUST, SAMPLE.receipt.encode(), anchors=anchors, require=Level.ANCHORED)
        with pytest.raises(UndeterminedError, match="--block"):
            verify_evidence(EVIDENCE, TRUST, [bytes(32)])

    def test_speaks_of_its_own_size_only(self) -> None:
        with pytest.raises(UndeterminedError, match="size 7 needs its own"):
            EvidenceAnchors(EVIDENCE, TRUST, [HASH]).root_at(7)

    def test_needs_a_chain_in_the_trust_root(self) -> None:
        with pytest.raises(UndeterminedError, match="no chain"):
            verify_evidence(EVIDENCE, replace(TRUST, chain=None), [HASH])

    def test_hands_on_cosignatures(self) -> None:
        lines = tuple(witness.sign(simple_log().checkpoint(6).body(), time=1) for witness in WITNESSES[:2])
        anchors = EvidenceAnchors(replace(EVIDENCE, cosignatures=lines), TRUST, [HASH])
        verdict = verify_receipt(TRUST, SAMPLE.receipt.encode(), anchors=anchors, require=Level.COSIGNED)
        assert Level.COSIGNED in verdict.levels


class TestForgeries:
    def test_of_another_log(self) -> None:
        assert TRUST.chain is not None
        for change in ({"chain_id": 1}, {"contract": bytes(20)}, {"log_id": bytes(32)}):
            other = replace(TRUST, chain=replace(TRUST.chain, **change))
            assert "the trust root names" in refused(EVIDENCE, other)
        assert "the trust root names" in refused(replace(EVIDENCE, origin="other.example/log"))

    def test_of_a_contract_with_other_code(self) -> None:
        assert TRUST.chain is not None
        other = replace(TRUST, chain=replace(TRUST.chain, code_hash=bytes(32)))
        assert "other code" in refused(EVIDENCE, other)

    def test_of_another_block(self) -> None:
        assert "another hash" in refused(replace(EVIDENCE, block_hash=bytes(32)))
        assert "another hash" in refused(replace(EVIDENCE, header=EVIDENCE.header + b"\0"))
        assert "not of 9" in refused(replace(EVIDENCE, block_number=9))
        pinned = replace(TRUST, pinned_blocks=(PinnedBlock(number=9, hash=HASH),))
        assert "as number 9" in refused(EVIDENCE, pinned)

    def test_of_another_state(self) -> None:
        """A header that hashes right but holds another state root fails at the account."""
        fields = rlp.decode(EVIDENCE.header)
        fields[3] = bytes(32)
        header = rlp.encode(fields)
        assert "another hash than the way" in refused(
            replace(EVIDENCE, header=header, block_hash=keccak(header))
        )

    def test_of_a_header_that_is_none(self) -> None:
        for header in (b"", b"\x80", rlp.encode([b""] * 14), rlp.encode([[]] * 15), rlp.encode([b"\0"] * 15)):
            refused(replace(EVIDENCE, header=header, block_hash=keccak(header)))

    def test_of_another_slot(self) -> None:
        assert TRUST.chain is not None
        other = root_slot(TRUST.chain.log_id, 7)
        assert "storage key" in refused(replace(EVIDENCE, storage_key=other))

    def test_of_another_root(self) -> None:
        log = simple_log()
        log.entries[0] = b"\0" * 37
        note = log.note(6)
        root = log.checkpoint(6).root
        assert "holds another root" in refused(replace(EVIDENCE, root=root, checkpoint=note))

    def test_with_a_checkpoint_that_is_not_the_logs(self) -> None:
        log = simple_log()
        refused(replace(EVIDENCE, checkpoint=log.note(6, by=STRANGER)))
        refused(replace(EVIDENCE, checkpoint="hello\n"))
        with pytest.raises(InconsistencyError):
            verify_evidence(replace(EVIDENCE, checkpoint=log.note(5)), TRUST, [HASH])
        assert log.note(6, by=LOG) == EVIDENCE.checkpoint

    @pytest.mark.parametrize("member", ["account_proof", "storage_proof"])
    def test_of_nodes(self, member: str) -> None:
        nodes: tuple[bytes, ...] = getattr(EVIDENCE, member)
        bad = nodes[-1][:-1] + bytes([nodes[-1][-1] ^ 1])
        for changed in (
            (),
            nodes[:-1],
            nodes[1:],
            (*nodes, nodes[-1]),
            (*nodes[:-1], bad),
            (*nodes[::-1], b""),
        ):
            refused(replace(EVIDENCE, **{member: changed}))

    @pytest.mark.parametrize("seed", range(300))
    def test_any_bit(self, seed: int) -> None:
        """No flipped bit of header, nodes, hashes or root leaves evidence that verifies by the true hash."""
        chance = random.Random(seed)
        name = chance.choice(["root", "header", "account_proof", "storage_key", "storage_proof"])
        value: Any = getattr(EVIDENCE, name)
        if isinstance(value, tuple):
            at = chance.randrange(len(value))
            changed: Any = (*value[:at], _flip(value[at], chance), *value[at + 1 :])
        else:
            changed = _flip(value, chance)
        with pytest.raises(VerificationError):
            verify_evidence(replace(EVIDENCE, **{name: changed}), TRUST, [HASH])


def _flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


@pytest.mark.devnet
class TestDevnet:
    def test_a_fresh_anchor(self, tmp_path: Path) -> None:
        with devnet.running(tmp_path) as chain:
            made = anchor_sample(chain.url, simple_log(12))
        data = made.evidence.encode()
        anchors = EvidenceAnchors(Evidence.parse(data), made.trust, [made.evidence.block_hash])
        verdict = verify_receipt(made.trust, made.receipt.encode(), anchors=anchors, require=Level.FINAL)
        assert verdict.level is Level.FINAL
        # The code is the same on every devnet; the blocks, and so the state, are not.
        assert made.trust.chain is not None
        assert TRUST.chain is not None
        assert made.trust.chain.code_hash == TRUST.chain.code_hash
        with pytest.raises(UndeterminedError):
            verify_evidence(made.evidence, made.trust, [HASH])


def test_the_namespace_of_the_contract() -> None:
    """ERC-7201: keccak256(abi.encode(uint256(keccak256(id)) - 1)) & ~bytes32(uint256(0xff))."""
    inner = int.from_bytes(keccak(b"poolproof.storage.AnchorRegistry"), "big") - 1
    assert keccak(inner.to_bytes(32, "big"))[:31] + b"\0" == BASE
    source = Path(__file__).parents[2] / "contracts" / "AnchorRegistry.sol"
    assert BASE.hex() in source.read_text()


def test_a_header_that_cannot_be_rebuilt_is_no_header() -> None:
    assert header_rlp({"hash": "0x" + "00" * 32}) is None


class TestTrie:
    """``trie`` and ``rlp`` as oracles."""

    @given(
        st.dictionaries(st.binary(min_size=1, max_size=8), st.binary(min_size=1, max_size=40), max_size=40)
    )
    def test_presence_and_absence(self, mapping: dict[bytes, bytes]) -> None:
        tree = HexaryTrie({})
        for key, value in mapping.items():
            tree.set(keccak(key), value)
        for key in [*mapping, b"", b"another key"]:
            nodes = [rlp.encode(node) for node in tree.get_proof(keccak(key))]
            # Nodes of less than 32 bytes stand inside their parents; get_proof repeats them.
            nodes = [nodes[0], *[node for node in nodes[1:] if len(node) >= 32]] if mapping else []
            assert trie_value(tree.root_hash, key, nodes) == mapping.get(key)
            if nodes:
                for bad in (nodes[:-1], [*nodes, b"\x80"], [b"\xc0", *nodes[1:]]):
                    with pytest.raises((VerificationError, MalformedError)):
                        trie_value(tree.root_hash, key, bad)

    def test_the_empty_trie(self) -> None:
        assert HexaryTrie({}).root_hash == EMPTY_ROOT
        assert trie_value(EMPTY_ROOT, b"k", []) is None
        with pytest.raises(VerificationError, match="not on the way"):
            trie_value(EMPTY_ROOT, b"k", [b"\x80"])

    @pytest.mark.parametrize(
        "node",
        [
            [b"\x40", b"v"],
            [b"\x01", b"v"],
            [b"", b"v"],
            [b"\x00", b"v" * 32],
            [b"\x20"],
            [b""] * 16,
            [[], b"v"],
            [b""] * 18,
        ],
    )
    def test_nodes_that_there_are_not(self, node: Any) -> None:
        data = rlp.encode(node)
        with pytest.raises(VerificationError):
            trie_value(keccak(data), b"k", [data])

    def test_a_leaf_holds_bytes(self) -> None:
        path = keccak(b"k")
        data = rlp.encode([b"\x20" + path, [b"x"]])
        with pytest.raises(VerificationError, match="holds a list"):
            trie_value(keccak(data), b"k", [data])

    @given(st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=6), max_leaves=10))
    def test_rlp(self, item: Any) -> None:
        assert decode_rlp(rlp.encode(item)) == item

    @given(st.binary(max_size=80))
    def test_rlp_of_anything(self, data: bytes) -> None:
        try:
            expected = rlp.decode(data, strict=True)
        except rlp.DecodingError:
            with pytest.raises(MalformedError):
                decode_rlp(data)
        else:
            assert decode_rlp(data) == expected

    @pytest.mark.parametrize(
        "data", ["", "8100", "b800", "b801ff", "b90001", "c1", "c0c0", "f80181", "bfffffffffffffffff", "c181"]
    )
    def test_rlp_in_other_spellings(self, data: str) -> None:
        with pytest.raises(MalformedError):
            decode_rlp(bytes.fromhex(data))

    def test_rlp_too_deep(self) -> None:
        with pytest.raises(MalformedError, match="nested deeper"):
            decode_rlp(rlp.encode([[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]))


def test_a_word_with_leading_zeros_is_padded() -> None:
    """The trie holds RLP of an integer: a root that begins with zeros is stored shorter."""
    assert TRUST.chain is not None
    root = bytes(3) + b"\x11" * 29
    slot = root_slot(TRUST.chain.log_id, 6)
    storage = HexaryTrie({})
    storage.set(keccak(slot), rlp.encode(int.from_bytes(root, "big").to_bytes(29, "big")))
    account = HexaryTrie({})
    account.set(
        keccak(TRUST.chain.contract), rlp.encode([b"", b"", storage.root_hash, TRUST.chain.code_hash])
    )
    fields = rlp.decode(EVIDENCE.header)
    fields[3] = account.root_hash
    header = rlp.encode(fields)
    evidence = replace(
        EVIDENCE,
        root=root,
        checkpoint=Checkpoint(TRUST.origin, 6, root).sign([LOG]).decode(),
        header=header,
        block_hash=keccak(header),
        account_proof=tuple(rlp.encode(node) for node in account.get_proof(keccak(TRUST.chain.contract))),
        storage_proof=tuple(rlp.encode(node) for node in storage.get_proof(keccak(slot))),
    )
    assert verify_evidence(evidence, TRUST, [evidence.block_hash]).root == root
