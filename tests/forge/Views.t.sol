// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "../../contracts/interfaces/IAnchorRegistry.sol";
import {Fixture} from "./Fixture.sol";
import {Reference} from "./Reference.sol";
import {ReferenceMap} from "./ReferenceMap.sol";

/// @dev The verifying views: what they accept, each of their reverts, and what a closed log still shows.
contract ViewsTest is Fixture {
    ReferenceMap.Entry[] private entries;
    bytes32 private registerRoot;

    /// @dev Leaf 19 is the register entry of a tree of 20.
    function setUp() public override {
        super.setUp();
        ReferenceMap.Entry[] memory made = ReferenceMap.entriesOf(3, 9, false);
        made[4].value[0] =
            sha256(abi.encodePacked(bytes16("a nonce"), uint64(6), keccak256("history"), uint8(0)));
        for (uint256 i = 0; i < made.length; ++i) {
            entries.push(made[i]);
        }
        registerRoot = ReferenceMap.root(made, 0);
        leaves[19] = Reference.leaf(abi.encodePacked("PPR1", uint64(19), uint64(9), registerRoot, bytes1(0)));
        anchorTo(12);
        anchorTo(20);
    }

    function test_inclusion() public {
        registry.verifyInclusion(log, 20, 3, leaves[3], Reference.path(leaves, 3, 20));
        bytes32[] memory path = Reference.path(leaves, 4, 20);
        vm.expectRevert(IAnchorRegistry.InvalidInclusionProof.selector);
        registry.verifyInclusion(log, 20, 3, leaves[3], path);
    }

    function test_consistency() public {
        registry.verifyConsistency(log, 12, 20, rootOf(20), proofOf(12, 20));
        registry.verifyConsistency(log, 20, 44, rootOf(44), proofOf(20, 44)); // not anchored yet
        registry.verifyConsistency(log, 20, 20, rootOf(20), none);
        bytes32 root = rootOf(44);
        bytes32[] memory proof = proofOf(20, 44);
        vm.expectRevert(IAnchorRegistry.InvalidConsistencyProof.selector);
        registry.verifyConsistency(log, 12, 44, root, proof);
    }

    function test_a_size_that_is_not_anchored() public {
        bytes memory reason = abi.encodeWithSelector(IAnchorRegistry.SizeNotAnchored.selector, log, 13);
        bytes32[] memory path = Reference.path(leaves, 3, 13);
        vm.expectRevert(reason);
        registry.verifyInclusion(log, 13, 3, leaves[3], path);
        bytes32 root = rootOf(20);
        bytes32[] memory proof = proofOf(13, 20);
        vm.expectRevert(reason);
        registry.verifyConsistency(log, 13, 20, root, proof);
        IAnchorRegistry.RegisterProof memory empty;
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.SizeNotAnchored.selector, log, 0));
        registry.verifyPresence(log, 0, 0, [bytes32(0), 0], empty);
    }

    function test_a_size_that_is_disowned() public {
        vm.prank(OWNER);
        registry.close(log, 12, 0);
        registry.verifyInclusion(log, 12, 3, leaves[3], Reference.path(leaves, 3, 12));
        bytes32[] memory path = Reference.path(leaves, 3, 20);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.SizeDisowned.selector, log, 20, 12));
        registry.verifyInclusion(log, 20, 3, leaves[3], path);
    }

    function test_presence() public {
        (ReferenceMap.Entry memory entry, IAnchorRegistry.RegisterProof memory proof) = looked(entries[2].key);
        registry.verifyPresence(log, 20, entry.key, entry.value, proof);
        vm.expectRevert(IAnchorRegistry.InvalidMapProof.selector);
        registry.verifyAbsence(log, 20, entry.key, entry.key, entry.value, proof);
        entry.value[1] = 0;
        vm.expectRevert(IAnchorRegistry.InvalidMapProof.selector);
        registry.verifyPresence(log, 20, entry.key, entry.value, proof);
    }

    function test_absence() public {
        bytes32 key = keccak256("no claim");
        (ReferenceMap.Entry memory met, IAnchorRegistry.RegisterProof memory proof) = looked(key);
        registry.verifyAbsence(log, 20, key, met.key, met.value, proof);
        vm.expectRevert(IAnchorRegistry.InvalidMapProof.selector);
        registry.verifyPresence(log, 20, key, met.value, proof);
    }

    function test_unencumbered() public {
        (ReferenceMap.Entry memory entry, IAnchorRegistry.RegisterProof memory proof) = looked(entries[4].key);
        bytes32 history = keccak256("history");
        registry.verifyUnencumbered(log, 20, entry.key, "a nonce", 6, history, entry.value[1], proof);
        vm.expectRevert(IAnchorRegistry.InvalidMapProof.selector);
        registry.verifyUnencumbered(log, 20, entry.key, "a nonce", 5, history, entry.value[1], proof);

        (ReferenceMap.Entry memory pledged, IAnchorRegistry.RegisterProof memory other) = looked(entries[5].key);
        vm.expectRevert(IAnchorRegistry.InvalidMapProof.selector);
        registry.verifyUnencumbered(log, 20, pledged.key, "a nonce", 6, history, pledged.value[1], other);
    }

    function test_a_register_that_the_tree_does_not_end_in() public {
        (ReferenceMap.Entry memory entry, IAnchorRegistry.RegisterProof memory proof) = looked(entries[2].key);
        bytes4 reason = IAnchorRegistry.InvalidInclusionProof.selector;
        proof.count = 8;
        vm.expectRevert(reason);
        registry.verifyPresence(log, 20, entry.key, entry.value, proof);
        proof.count = 9;
        proof.root = keccak256("another register");
        vm.expectRevert(reason);
        registry.verifyPresence(log, 20, entry.key, entry.value, proof);
        proof.root = registerRoot;
        // A register entry that is a leaf, but not the last of the tree.
        anchorTo(21);
        proof.inclusion = Reference.path(leaves, 19, 21);
        vm.expectRevert(reason);
        registry.verifyPresence(log, 21, entry.key, entry.value, proof);
    }

    function test_plain_readers_of_nothing_return_zeros() public view {
        bytes32 other = keccak256("no log");
        (uint64 size, uint64 time, uint64 blockNumber, bool closed) = registry.head(other);
        same(size + time + blockNumber, 0, "head");
        check(!closed, "closed");
        same(registry.rootAt(other, 1), 0, "root");
        same(registry.trustRoot(other), 0, "trust root");
        same(registry.logInfo(other).owner, address(0), "owner");
    }

    function looked(bytes32 key)
        internal
        view
        returns (ReferenceMap.Entry memory met, IAnchorRegistry.RegisterProof memory proof)
    {
        bytes memory bits;
        bytes32[] memory siblings;
        (met, bits, siblings) = ReferenceMap.look(entries, key, 0);
        bytes32[] memory inclusion = Reference.path(leaves, 19, 20);
        proof = IAnchorRegistry.RegisterProof(9, registerRoot, inclusion, bits, siblings);
    }
}
