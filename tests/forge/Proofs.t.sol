// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "../../contracts/libraries/MerkleTree.sol";
import {RegisterMap} from "../../contracts/libraries/RegisterMap.sol";
import {Reference, UniformTree} from "./Reference.sol";
import {ReferenceMap} from "./ReferenceMap.sol";
import {Test} from "./Vm.sol";

/// @dev The libraries as a contract, so that proofs come as calldata.
contract Libraries {
    function nodeHash(bytes32 left, bytes32 right) external view returns (bytes32) {
        return MerkleTree.nodeHash(left, right);
    }

    function includes(bytes32 root, uint64 size, uint64 index, bytes32 leaf, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        return MerkleTree.includes(root, size, index, leaf, proof);
    }

    function extends(uint64 size1, uint64 size2, bytes32 root1, bytes32 root2, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        return MerkleTree.extends(size1, size2, root1, root2, proof);
    }

    function has(
        bytes32 root,
        bytes32 key,
        bytes32[2] calldata value,
        bytes calldata bits,
        bytes32[] calldata siblings
    ) external pure returns (bool) {
        return RegisterMap.has(root, key, value, bits, siblings);
    }

    function lacks(
        bytes32 root,
        bytes32 key,
        bytes32 other,
        bytes32[2] calldata value,
        bytes calldata bits,
        bytes32[] calldata siblings
    ) external pure returns (bool) {
        return RegisterMap.lacks(root, key, other, value, bits, siblings);
    }
}

/// @dev The tree's proofs against the plain reference, over random trees and sizes.
contract TreeProofsTest is Test {
    uint64 private constant MOST = 48;

    Libraries private libraries;

    function setUp() public {
        libraries = new Libraries();
    }

    function test_known_answers() public view {
        // The tree of eight entries that the implementations of Certificate Transparency test with.
        bytes32[] memory leaves = new bytes32[](8);
        bytes[8] memory entries = [
            bytes(""),
            hex"00",
            hex"10",
            hex"2021",
            hex"3031",
            hex"40414243",
            hex"5051525354555657",
            hex"606162636465666768696a6b6c6d6e6f"
        ];
        for (uint256 i = 0; i < 8; ++i) {
            leaves[i] = Reference.leaf(entries[i]);
        }
        same(leaves[0], 0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d, "leaf");
        bytes32 half = 0xd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7;
        bytes32 whole = 0x5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328;
        same(Reference.root(leaves, 4), half, "root of four");
        same(Reference.root(leaves, 8), whole, "root of eight");
        check(libraries.extends(4, 8, half, whole, Reference.consistency(leaves, 4, 8)), "extends");
    }

    function testFuzz_node_hash(bytes32 left, bytes32 right) public view {
        same(libraries.nodeHash(left, right), Reference.node(left, right), "node");
    }

    /// @dev The assembly writes behind the free memory pointer and leaves it, and what is before it, alone.
    function testFuzz_node_hash_keeps_memory(bytes calldata before, bytes32 left) public view {
        bytes memory kept = before;
        bytes32 hash = MerkleTree.nodeHash(left, left);
        bytes memory next = abi.encode(left);
        same(keccak256(kept), keccak256(before), "before");
        same(keccak256(next), keccak256(abi.encode(left)), "after");
        same(hash, Reference.node(left, left), "node");
    }

    /// @dev A chain without the precompile answers a call to it with success and nothing.
    function test_node_hash_needs_the_precompile() public {
        vm.mockCall(address(2), "", "");
        (bool ok,) = address(libraries).staticcall(abi.encodeCall(libraries.nodeHash, (0, 0)));
        check(!ok, "a hash of nothing");
    }

    function testFuzz_inclusion(uint256 seed, uint64 size, uint64 index) public view {
        size = 1 + size % MOST;
        index = index % size;
        bytes32[] memory leaves = Reference.leavesOf(seed, size);
        bytes32 root = Reference.root(leaves, size);
        bytes32[] memory proof = Reference.path(leaves, index, size);
        check(libraries.includes(root, size, index, leaves[index], proof), "good");
        check(!libraries.includes(root, size, index, root ^ bytes32(seed | 1), proof), "another leaf");
        check(!libraries.includes(root, size, size, leaves[index], proof), "behind the end");
        check(!libraries.includes(root, 0, 0, leaves[index], proof), "empty tree");
        check(!libraries.includes(root, size, index, leaves[index], Reference.append(proof, root)), "too long");
        if (proof.length == 0) return;
        check(
            !libraries.includes(root, size, index, leaves[index], Reference.cut(proof, proof.length - 1)), "cut"
        );
        proof[seed % proof.length] ^= bytes32(uint256(1) << (seed >> 8) % 256);
        check(!libraries.includes(root, size, index, leaves[index], proof), "a bit changed");
    }

    /// @dev No leaf is shown at an index that is another's.
    function testFuzz_inclusion_at_one_place(uint256 seed, uint64 size, uint64 index, uint64 claimed)
        public
        view
    {
        size = 2 + size % MOST;
        index = index % size;
        claimed = claimed % size;
        bytes32[] memory leaves = Reference.leavesOf(seed, size);
        bytes32[] memory proof = Reference.path(leaves, index, size);
        bool shown = libraries.includes(Reference.root(leaves, size), size, claimed, leaves[index], proof);
        check(shown == (claimed == index), "shown at another place");
    }

    function testFuzz_consistency(uint256 seed, uint64 size1, uint64 size2) public view {
        size2 = 1 + size2 % MOST;
        size1 = 1 + size1 % size2;
        bytes32[] memory leaves = Reference.leavesOf(seed, size2);
        bytes32 root1 = Reference.root(leaves, size1);
        bytes32 root2 = Reference.root(leaves, size2);
        bytes32[] memory proof = Reference.consistency(leaves, size1, size2);
        check(libraries.extends(size1, size2, root1, root2, proof), "good");
        check(!libraries.extends(0, size2, root1, root2, proof), "from nothing");
        check(!libraries.extends(size1, size2, root1, root2, Reference.append(proof, root1)), "too long");
        bytes32 bit = bytes32(uint256(1) << seed % 256);
        check(!libraries.extends(size1, size2, root1 ^ bit, root2, proof), "another first root");
        check(!libraries.extends(size1, size2, root1, root2 ^ bit, proof), "another second root");
        if (size1 < size2) check(!libraries.extends(size2, size1, root2, root1, proof), "shrunk");
        if (proof.length == 0) return;
        check(!libraries.extends(size1, size2, root1, root2, Reference.cut(proof, proof.length - 1)), "cut");
        proof[seed % proof.length] ^= bit;
        check(!libraries.extends(size1, size2, root1, root2, proof), "a bit changed");
    }

    /// @dev A tree in which an old leaf is another has no proof, neither its own nor the honest one.
    function testFuzz_rewritten(uint256 seed, uint64 size1, uint64 size2, uint64 index) public view {
        size2 = 2 + size2 % MOST;
        size1 = 1 + size1 % (size2 - 1);
        bytes32[] memory leaves = Reference.leavesOf(seed, size2);
        bytes32 root1 = Reference.root(leaves, size1);
        bytes32[] memory honest = Reference.consistency(leaves, size1, size2);
        leaves[index % size1] ^= bytes32(uint256(1));
        bytes32 root2 = Reference.root(leaves, size2);
        check(!libraries.extends(size1, size2, root1, root2, honest), "honest proof");
        check(
            !libraries.extends(size1, size2, root1, root2, Reference.consistency(leaves, size1, size2)),
            "its own proof"
        );
    }

    /// @dev What holds for any bytes: junk is answered with no, not with an error.
    function testFuzz_junk(
        uint64 size1,
        uint64 size2,
        uint64 index,
        bytes32 root1,
        bytes32 root2,
        bytes32[] calldata proof
    ) public view {
        vm.assume(root1 != root2);
        check(!libraries.extends(size1, size2, root1, root2, proof), "extends");
        check(size2 == 1 || !libraries.includes(root1, size2, index, root2, proof), "includes");
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_sizes_up_to_the_last(uint64 size1, uint64 size2, uint64 index) public view {
        if (size2 == 0) size2 = type(uint64).max;
        size1 = 1 + size1 % size2;
        if (size1 == 0) size1 = 1;
        index = index % size2;
        bytes32 root1 = UniformTree.root(size1);
        bytes32 root2 = UniformTree.root(size2);
        bytes32[] memory proof = UniformTree.consistency(size1, size2);
        check(proof.length <= 65, "length");
        check(libraries.extends(size1, size2, root1, root2, proof), "extends");
        check(
            libraries.includes(root2, size2, index, UniformTree.LEAF, UniformTree.path(index, size2)),
            "includes"
        );
    }

    function test_uniform_tree_is_the_tree() public pure {
        bytes32[] memory leaves = new bytes32[](20);
        for (uint256 i = 0; i < 20; ++i) {
            leaves[i] = UniformTree.LEAF;
            same(UniformTree.root(i + 1), Reference.root(leaves, i + 1), "root");
        }
    }
}

/// @dev The register's map against the plain reference, with keys far apart and keys that share 240 bits.
contract MapProofsTest is Test {
    Libraries private libraries;

    function setUp() public {
        libraries = new Libraries();
    }

    function testFuzz_presence(uint256 seed, uint8 count, uint8 which, bool near) public view {
        ReferenceMap.Entry[] memory entries = ReferenceMap.entriesOf(seed, 1 + count % 12, near);
        ReferenceMap.Entry memory entry = entries[which % entries.length];
        bytes32 root = ReferenceMap.root(entries, 0);
        (ReferenceMap.Entry memory met, bytes memory bits, bytes32[] memory siblings) =
            ReferenceMap.look(entries, entry.key, 0);
        same(met.key, entry.key, "the reference finds it");
        check(libraries.has(root, entry.key, entry.value, bits, siblings), "good");
        check(!libraries.lacks(root, entry.key, entry.key, entry.value, bits, siblings), "called absent");
        bytes32 flipped = bytes32(uint256(1) << seed % 256);
        check(!libraries.has(root ^ flipped, entry.key, entry.value, bits, siblings), "another root");
        check(!libraries.has(root, entry.key ^ flipped, entry.value, bits, siblings), "another key");
        entry.value[seed & 1] ^= flipped;
        check(!libraries.has(root, entry.key, entry.value, bits, siblings), "another value");
    }

    function testFuzz_absence(uint256 seed, uint8 count, bytes32 key, bool near) public view {
        ReferenceMap.Entry[] memory entries = ReferenceMap.entriesOf(seed, 1 + count % 12, near);
        if (near) key = bytes32(uint256(entries[0].key) ^ uint256(key) % 65536);
        bytes32 root = ReferenceMap.root(entries, 0);
        (ReferenceMap.Entry memory met, bytes memory bits, bytes32[] memory siblings) =
            ReferenceMap.look(entries, key, 0);
        bool absent = met.key != key;
        check(libraries.lacks(root, key, met.key, met.value, bits, siblings) == absent, "absence");
        check(libraries.has(root, key, met.value, bits, siblings) == !absent, "presence");
    }

    /// @dev A leaf on another way, though it is in the map and differs from the key, shows nothing.
    function testFuzz_absence_by_a_leaf_elsewhere(uint256 seed, uint8 count, uint8 which, bool near)
        public
        view
    {
        ReferenceMap.Entry[] memory entries = ReferenceMap.entriesOf(seed, 2 + count % 12, near);
        uint256 victim = which % entries.length;
        bytes32 root = ReferenceMap.root(entries, 0);
        for (uint256 i = 0; i < entries.length; ++i) {
            if (i == victim) continue;
            (ReferenceMap.Entry memory met, bytes memory bits, bytes32[] memory siblings) =
                ReferenceMap.look(entries, entries[i].key, 0);
            check(
                !libraries.lacks(root, entries[victim].key, met.key, met.value, bits, siblings), "called absent"
            );
        }
    }

    /// @dev A map built wrongly on purpose, its nodes not in the order of their bits, proves nothing.
    function test_bits_must_fall() public view {
        bytes32 key = keccak256("key");
        bytes32 other = key ^ bytes32(uint256(1)); // turns as the key does at every bit but the last
        bytes32[2] memory value = [keccak256("a"), keccak256("b")];
        bytes32[] memory siblings = new bytes32[](2);
        for (uint8 first = 8; first <= 10; ++first) {
            bytes memory bits = abi.encodePacked(first, uint8(9));
            bytes32 present = climb(ReferenceMap.leaf(ReferenceMap.Entry(key, value)), key, bits);
            bytes32 absent = climb(ReferenceMap.leaf(ReferenceMap.Entry(other, value)), key, bits);
            check(libraries.has(present, key, value, bits, siblings) == (first > 9), "presence");
            check(libraries.lacks(absent, key, other, value, bits, siblings) == (first > 9), "absence");
        }
    }

    /// @dev A leaf where a lookup of its own key would not end shows nothing about other keys either.
    function test_a_misplaced_leaf() public view {
        bytes32 key = keccak256("key");
        bytes32[2] memory value = [keccak256("a"), keccak256("b")];
        bytes32[] memory siblings = new bytes32[](1);
        bytes memory bits = abi.encodePacked(uint8(9));
        for (uint256 bit = 8; bit <= 10; ++bit) {
            bytes32 other = key ^ bytes32(uint256(1) << (255 - bit));
            bytes32 root = climb(ReferenceMap.leaf(ReferenceMap.Entry(other, value)), key, bits);
            check(libraries.lacks(root, key, other, value, bits, siblings) == (bit != 9), "absence");
        }
    }

    /// @dev The number of a bit takes one byte up to 127 and two from 128 on.
    function test_every_bit() public view {
        for (uint256 bit = 0; bit < 256; ++bit) {
            ReferenceMap.Entry[] memory entries = ReferenceMap.entriesOf(bit, 2, false);
            entries[1].key = entries[0].key ^ bytes32(uint256(1) << (255 - bit));
            bytes32[] memory siblings = new bytes32[](1);
            siblings[0] = ReferenceMap.leaf(entries[1]);
            bytes memory bits = abi.encodePacked(uint8(bit));
            bytes32 root = ReferenceMap.root(entries, 0);
            check(libraries.has(root, entries[0].key, entries[0].value, bits, siblings), "presence");
        }
    }

    function climb(bytes32 hash, bytes32 key, bytes memory bits) private pure returns (bytes32) {
        for (uint256 i = 0; i < bits.length; ++i) {
            bool right = uint256(key) >> (255 - uint8(bits[i])) & 1 == 1;
            hash = ReferenceMap.inner(uint8(bits[i]), right ? bytes32(0) : hash, right ? hash : bytes32(0));
        }
        return hash;
    }

    function test_the_empty_map_has_nothing() public view {
        bytes32 empty = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;
        bytes32[] memory none = new bytes32[](0);
        bytes32[2] memory zeros;
        check(libraries.lacks(empty, keccak256("any"), 0, zeros, "", none), "absent");
        check(!libraries.lacks(empty, keccak256("any"), bytes32(uint256(1)), zeros, "", none), "another leaf");
        check(!libraries.lacks(empty, keccak256("any"), 0, zeros, hex"00", new bytes32[](1)), "steps");
        check(!libraries.has(empty, 0, zeros, "", none), "present");
    }

    function testFuzz_junk(
        bytes32 root,
        bytes32 key,
        bytes32 other,
        bytes32[2] calldata value,
        bytes calldata bits,
        bytes32[] calldata siblings
    ) public view {
        check(!libraries.has(root, key, value, bits, siblings), "has");
        check(!libraries.lacks(root, key, other, value, bits, siblings), "lacks");
    }
}
