"""The committed vectors are what the script makes, and every implementation at hand agrees with them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
import rfc8785

from ledger.errors import MalformedError, PoolproofError, VerificationError
from ledger.proofs import canonical, checkpoint, entries, merkle, mpt, note, seal, sumtree, tiles
from scripts import vectors
from scripts.vector_sets import MAKERS
from tests.oracles import patricia, rfc9162, signed_note
from tests.oracles import sumtree as sumtree_oracle

unhex = bytes.fromhex


@cache
def load(name: str) -> Any:
    return json.loads((vectors.FOLDER / f"{name}.json").read_bytes())


def cases(name: str, *members: str) -> list[Any]:
    found = [case for member in members for case in load(name)[member]]
    return [pytest.param(case, id=f"{i}-{case.get('case', '')}") for i, case in enumerate(found)]


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_committed_vectors_are_what_the_script_makes(name: str) -> None:
    assert (vectors.FOLDER / f"{name}.json").read_bytes() == vectors.build(name), (
        "run scripts/vectors.py and look at the difference"
    )


def test_no_vector_file_without_a_maker() -> None:
    assert {path.stem for path in vectors.FOLDER.glob("*.json")} == set(MAKERS)


class TestMerkle:
    def test_hashes_and_nodes(self) -> None:
        for case in load("merkle")["hashes"]:
            entry = unhex(case["entry"])
            assert merkle.leaf_hash(entry).hex() == rfc9162.leaf(entry).hex() == case["leaf_hash"]
        for case in load("merkle")["nodes"]:
            assert merkle.node_hash(unhex(case["left"]), unhex(case["right"])).hex() == case["hash"]

    def test_roots(self) -> None:
        for case in load("merkle")["roots"]:
            hashes = [rfc9162.leaf(f"leaf {i}".encode()) for i in range(case["size"])]
            assert merkle.root(hashes).hex() == rfc9162.mth(hashes).hex() == case["root"]

    @pytest.mark.parametrize("case", cases("merkle", "inclusion"))
    def test_inclusion(self, case: Any) -> None:
        arguments = (
            case["index"],
            case["size"],
            unhex(case["leaf_hash"]),
            [unhex(value) for value in case["proof"]],
            unhex(case["root"]),
        )
        assert rfc9162.inclusion_holds(*arguments) is case["good"]
        if case["good"]:
            merkle.verify_inclusion(*arguments)
        else:
            with pytest.raises(VerificationError) as caught:
                merkle.verify_inclusion(*arguments)
            assert caught.value.step == "inclusion"

    @pytest.mark.parametrize("case", cases("merkle", "consistency"))
    def test_consistency(self, case: Any) -> None:
        arguments = (
            case["size1"],
            case["size2"],
            unhex(case["root1"]),
            unhex(case["root2"]),
            [unhex(value) for value in case["proof"]],
        )
        assert rfc9162.consistency_holds(*arguments) is case["good"]
        if case["good"]:
            merkle.verify_consistency(*arguments)
        else:
            with pytest.raises(VerificationError) as caught:
                merkle.verify_consistency(*arguments)
            assert caught.value.step == "consistency"


class TestTiles:
    def test_paths(self) -> None:
        for case in load("tiles")["paths"]:
            tile = tiles.TilePath(case["level"], case["n"], case["width"])
            assert str(tile) == case["path"]
            assert tiles.parse_path(case["path"]) == tile

    @pytest.mark.parametrize("path", load("tiles")["bad_paths"])
    def test_bad_paths(self, path: str) -> None:
        with pytest.raises(MalformedError):
            tiles.parse_path(path)

    def test_tiles_of_whole_trees(self) -> None:
        for case in load("tiles")["trees"]:
            size = case["size"]
            hashes = [rfc9162.leaf(f"leaf {i}".encode()) for i in range(size)]
            expected: dict[str, str] = {}
            for tile in tiles.tiles_for(size):
                assert tile.level is not None
                span = 256**tile.level
                first = tile.n * 256
                data = b"".join(
                    rfc9162.mth(hashes[i * span : (i + 1) * span]) for i in range(first, first + tile.width)
                )
                expected[str(tile)] = rfc9162.sha256(data).hex()
            assert expected == case["tiles"]

    def test_bundles(self) -> None:
        for case in load("tiles")["bundles"]:
            found = [unhex(entry) for entry in case["entries"]]
            assert tiles.bundle(found).hex() == case["bundle"]
            assert tiles.parse_bundle(unhex(case["bundle"]), len(found)) == found

    @pytest.mark.parametrize("case", cases("tiles", "bad_bundles"))
    def test_bad_bundles(self, case: Any) -> None:
        with pytest.raises(MalformedError):
            tiles.parse_bundle(unhex(case["bundle"]), case["width"])


class TestEntries:
    def test_records(self) -> None:
        for case in load("entries")["records"]:
            assert entries.record_entry(unhex(case["digest"])).hex() == case["entry"]
            assert entries.parse_entry(unhex(case["entry"])) == unhex(case["digest"])
            assert merkle.leaf_hash(unhex(case["entry"])).hex() == case["leaf_hash"]

    def test_registers(self) -> None:
        for case in load("entries")["registers"]:
            entry = entries.RegisterEntry(case["index"], case["count"], unhex(case["root"]))
            assert entry.encode().hex() == case["entry"]
            assert entries.parse_entry(unhex(case["entry"])) == entry
            assert merkle.leaf_hash(unhex(case["entry"])).hex() == case["leaf_hash"]

    @pytest.mark.parametrize("case", cases("entries", "bad"))
    def test_bad(self, case: Any) -> None:
        with pytest.raises(MalformedError):
            entries.parse_entry(unhex(case["entry"]))


class TestNotes:
    keys = load("notes")["keys"]

    def test_keys(self) -> None:
        for vkey in self.keys:
            assert note.parse_verifier(vkey).vkey == vkey
            assert signed_note.key(vkey).id == note.parse_verifier(vkey).key_id

    @pytest.mark.parametrize("case", cases("notes", "bad_keys"))
    def test_bad_keys(self, case: Any) -> None:
        with pytest.raises(MalformedError):
            note.parse_verifier(case["key"])

    @pytest.mark.parametrize("case", cases("notes", "notes"))
    def test_notes(self, case: Any) -> None:
        opened = note.open_note(case["note"].encode(), [note.parse_verifier(vkey) for vkey in self.keys])
        assert opened.body == case["text"]
        assert [verifier.vkey for verifier, _ in opened.verified] == case["verified"]

    @pytest.mark.parametrize("case", cases("notes", "bad_notes"))
    def test_bad_notes(self, case: Any) -> None:
        with pytest.raises(PoolproofError) as caught:
            note.open_note(case["note"].encode(), [note.parse_verifier(vkey) for vkey in self.keys])
        assert caught.value.code == case["error"]

    @pytest.mark.parametrize(
        "case",
        [
            c for c in cases("notes", "notes", "bad_notes") if "hundred and one" not in c.id
        ],  # that cap is ours
    )
    def test_the_oracle_agrees(self, case: Any) -> None:
        keys = [signed_note.key(vkey) for vkey in self.keys]
        if "error" in case:
            with pytest.raises(signed_note.RefusedError):
                signed_note.open_note(case["note"].encode(), keys)
        else:
            body, signed = signed_note.open_note(case["note"].encode(), keys)
            assert body == case["text"]
            assert signed == [signed_note.key(vkey) for vkey in case["verified"]]

    @pytest.mark.parametrize("case", cases("notes", "checkpoints"))
    def test_checkpoints(self, case: Any) -> None:
        expected = checkpoint.Checkpoint(case["origin"], case["size"], unhex(case["root"]))
        assert checkpoint.parse_body(case["text"]) == expected
        assert expected.body() == case["text"]
        tree = signed_note.checkpoint(case["text"])
        assert (tree.origin, tree.size, tree.root) == (expected.origin, expected.size, expected.root)

    @pytest.mark.parametrize("case", cases("notes", "bad_checkpoints"))
    def test_bad_checkpoints(self, case: Any) -> None:
        with pytest.raises(MalformedError):
            checkpoint.parse_body(case["text"])


class TestMaps:
    def test_roots(self) -> None:
        for case in load("mpt")["maps"]:
            mapping = {unhex(key): unhex(value) for key, value in case["map"].items()}
            assert mpt.root(mapping).hex() == patricia.root(mapping).hex() == case["root"]

    @pytest.mark.parametrize("case", cases("mpt", "proofs"))
    def test_proofs(self, case: Any) -> None:
        root, key = unhex(case["root"]), unhex(case["key"])
        value = None if case["value"] is None else unhex(case["value"])
        other = None if case["other"] is None else (unhex(case["other"][0]), unhex(case["other"][1]))
        steps = [(bit, unhex(sibling)) for bit, sibling in case["steps"]]
        assert patricia.holds(root, key, value, other, steps) is case["good"]

        def verify() -> None:
            proof = mpt.Proof(tuple(steps), other)
            if value is None:
                mpt.verify_absence(root, key, proof)
            else:
                mpt.verify_presence(root, key, value, proof)

        if case["good"]:
            verify()
        else:
            with pytest.raises((VerificationError, MalformedError)):
                verify()


class TestSeals:
    @staticmethod
    def leaf(case: Any) -> sumtree.Leaf:
        return sumtree.Leaf(
            key=unhex(case["key"]),
            share=case["share"],
            receivable=int(case["receivable"]),
            credit=int(case["credit"]),
            state=unhex(case["state"]),
        )

    @staticmethod
    def plain(case: Any) -> sumtree_oracle.Leaf:
        amounts = int(case["receivable"]), int(case["credit"])
        return unhex(case["key"]), case["share"], *amounts, unhex(case["state"])

    @staticmethod
    def total(case: Any) -> sumtree.Node:
        return sumtree.Node(unhex(case["root"]), case["count"], int(case["receivable"]), int(case["credit"]))

    def test_leaves(self) -> None:
        for case in load("sumtree")["leaves"]:
            leaf = self.leaf(case)
            assert leaf.encode() == unhex(case["bytes"])
            assert sumtree.Leaf.parse(unhex(case["bytes"])) == leaf
            assert leaf.node().hash == sumtree_oracle.leaf(self.plain(case))[0] == unhex(case["hash"])

    def test_trees(self) -> None:
        for case in load("sumtree")["trees"]:
            assert sumtree.root(map(self.leaf, case["leaves"])) == self.total(case)
            assert sumtree_oracle.tree([*map(self.plain, case["leaves"])]) == self.total(case)

    @pytest.mark.parametrize("case", cases("sumtree", "bad_trees"))
    def test_bad_trees(self, case: Any) -> None:
        with pytest.raises(MalformedError):
            sumtree.root(map(self.leaf, case["leaves"]))
        with pytest.raises(ValueError, match=r"order|uint128"):
            sumtree_oracle.tree([*map(self.plain, case["leaves"])])

    @pytest.mark.parametrize("case", cases("sumtree", "places"))
    def test_places(self, case: Any) -> None:
        total = self.total(case)
        path = [
            sumtree.Sibling(unhex(one["hash"]), int(one["receivable"]), int(one["credit"]))
            for one in case["path"]
        ]
        holds = sumtree_oracle.place_holds(tuple(total), self.plain(case["leaf"]), case["index"], path)
        assert holds is case["good"]
        if case["good"]:
            sumtree.verify_place(total, self.leaf(case["leaf"]), case["index"], path)
            return
        with pytest.raises(VerificationError) as caught:
            sumtree.verify_place(total, self.leaf(case["leaf"]), case["index"], path)
        assert caught.value.step == "place"

    def test_headers(self) -> None:
        for case in load("sumtree")["headers"]:
            header = seal.SealHeader.parse(case["header"])
            assert header.encode().decode() == case["header"]
            oracle = sumtree_oracle.seal(json.loads(case["header"]))
            assert header.seal == oracle == unhex(case["seal"])

    def test_last_seals(self) -> None:
        for case in load("sumtree")["last_seals"]:
            seals = {currency: unhex(one) for currency, one in case["seals"].items()}
            oracle = sumtree_oracle.last_seal(case["seals"])
            assert seal.last_seal(seals) == oracle == unhex(case["last_seal"])


class TestCanonical:
    def test_values(self) -> None:
        for case in load("canonical")["values"]:
            data = case["bytes"].encode()
            assert canonical.encode(case["value"]) == rfc8785.dumps(case["value"]) == data
            assert canonical.decode_canonical(data) == case["value"]

    def test_other_spellings(self) -> None:
        for case in load("canonical")["other_spellings"]:
            assert canonical.encode(canonical.decode(case["text"])) == case["bytes"].encode()
            with pytest.raises(MalformedError, match="canonical form"):
                canonical.decode_canonical(case["text"])

    @pytest.mark.parametrize("case", cases("canonical", "bad"))
    def test_bad(self, case: Any) -> None:
        with pytest.raises(MalformedError):
            canonical.decode(case["text"])
        with pytest.raises(MalformedError):
            canonical.decode(case["text"].encode())
