// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "../../contracts/interfaces/IAnchorRegistry.sol";
import {Fixture} from "./Fixture.sol";
import {Reference} from "./Reference.sol";

/// @dev What an anchor is and when it is refused: one test for each revert of `anchor`.
contract AnchorTest is Fixture {
    function test_first_anchor_is_unproven() public {
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.Anchored(log, 5, rootOf(5), 0, false);
        anchorTo(5);
        same(registry.rootAt(log, 5), rootOf(5), "root");
        (uint64 size, uint64 time, uint64 blockNumber, bool closed) = registry.head(log);
        same(size, 5, "size");
        same(time, block.timestamp, "time");
        same(blockNumber, block.number, "block");
        check(!closed, "closed");
    }

    function test_next_anchor_is_proven_and_keeps_the_last() public {
        anchorTo(5);
        vm.warp(block.timestamp + 60);
        vm.roll(block.number + 3);
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.Anchored(log, 13, rootOf(13), 5, true);
        anchorTo(13);
        same(registry.rootAt(log, 5), rootOf(5), "old root");
        same(registry.rootAt(log, 13), rootOf(13), "new root");
        same(registry.rootAt(log, 9), 0, "a size between");
        IAnchorRegistry.LogInfo memory info = registry.logInfo(log);
        same(info.size, 13, "size");
        same(info.root, rootOf(13), "root");
        same(info.time, block.timestamp, "time");
        same(info.blockNumber, block.number, "block");
        same(info.maxGrowth, MAX_GROWTH, "growth");
    }

    function test_unknown_log() public {
        bytes32 other = keccak256("no log");
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.UnknownLog.selector, other));
        vm.prank(ANCHORER);
        registry.anchor(other, 0, 1, rootOf(1), none);
    }

    function test_closed() public {
        anchorTo(5);
        vm.prank(OWNER);
        registry.close(log, 5, 0);
        bytes32[] memory proof = proofOf(5, 6);
        bytes32 root = rootOf(6);
        vm.expectRevert(errorOf(IAnchorRegistry.LogIsClosed.selector));
        vm.prank(ANCHORER);
        registry.anchor(log, 5, 6, root, proof);
    }

    function test_not_by_a_stranger() public {
        bytes32 root = rootOf(5);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.NotAnchorer.selector, log, STRANGER));
        vm.prank(STRANGER);
        registry.anchor(log, 0, 5, root, none);
    }

    function test_not_by_the_owner() public {
        bytes32 root = rootOf(5);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.NotAnchorer.selector, log, OWNER));
        vm.prank(OWNER);
        registry.anchor(log, 0, 5, root, none);
    }

    function test_paused() public {
        uint64 until = uint64(block.timestamp) + 1 hours;
        vm.prank(OWNER);
        registry.pause(log, until);
        refused(0, 5, rootOf(5), none, abi.encodeWithSelector(IAnchorRegistry.LogIsPaused.selector, log, until));
        vm.warp(until);
        anchorTo(5);
    }

    function test_wrong_expected_size() public {
        anchorTo(5);
        bytes4 selector = IAnchorRegistry.WrongPrevSize.selector;
        refused(4, 6, rootOf(6), proofOf(4, 6), abi.encodeWithSelector(selector, log, 5, 4));
        refused(0, 6, rootOf(6), none, abi.encodeWithSelector(selector, log, 5, 0));
        refused(6, 7, rootOf(7), proofOf(6, 7), abi.encodeWithSelector(selector, log, 5, 6));
    }

    function test_not_growing() public {
        bytes4 selector = IAnchorRegistry.NotGrowing.selector;
        refused(0, 0, rootOf(5), none, abi.encodeWithSelector(selector, log, 0, 0));
        anchorTo(5);
        refused(5, 5, rootOf(5), none, abi.encodeWithSelector(selector, log, 5, 5));
        refused(5, 4, rootOf(4), none, abi.encodeWithSelector(selector, log, 5, 4));
    }

    function test_growth_above_limit() public {
        bytes4 selector = IAnchorRegistry.GrowthAboveLimit.selector;
        refused(0, 33, rootOf(33), none, abi.encodeWithSelector(selector, log, 33, 32));
        anchorTo(5);
        refused(5, 38, rootOf(38), proofOf(5, 38), abi.encodeWithSelector(selector, log, 33, 32));
        refused(
            5,
            type(uint64).max,
            rootOf(6),
            none,
            abi.encodeWithSelector(selector, log, type(uint64).max - 5, 32)
        );
        anchorTo(37);
    }

    function test_zero_root() public {
        refused(0, 5, 0, none, error0(IAnchorRegistry.ZeroRoot.selector));
        anchorTo(5);
        refused(5, 6, 0, proofOf(5, 6), error0(IAnchorRegistry.ZeroRoot.selector));
    }

    function test_first_anchor_with_a_proof() public {
        refused(0, 5, rootOf(5), proofOf(4, 5), error0(IAnchorRegistry.InvalidConsistencyProof.selector));
    }

    function test_invalid_proof() public {
        anchorTo(5);
        bytes memory reason = error0(IAnchorRegistry.InvalidConsistencyProof.selector);
        bytes32[] memory proof = proofOf(5, 13);
        bytes32 root = rootOf(13);
        refused(5, 13, root, none, reason);
        refused(5, 13, root, Reference.cut(proof, proof.length - 1), reason);
        refused(5, 13, root, Reference.append(proof, root), reason);
        refused(5, 8, root, proof, reason);
        refused(5, 17, root, proof, reason);
        refused(5, 13, rootOf(14), proof, reason);
        for (uint256 i = 0; i < proof.length; ++i) {
            proof[i] ^= bytes32(uint256(1) << 255 >> i);
            refused(5, 13, root, proof, reason);
            proof[i] ^= bytes32(uint256(1) << 255 >> i);
        }
        anchorTo(13);
    }

    function test_a_rewritten_tree_with_its_own_proof() public {
        anchorTo(8);
        bytes32[] memory changed = Reference.leavesOf(7, 50);
        changed[3] = keccak256("another record");
        bytes memory reason = error0(IAnchorRegistry.InvalidConsistencyProof.selector);
        refused(8, 20, Reference.root(changed, 20), Reference.consistency(changed, 8, 20), reason);
        refused(8, 20, Reference.root(changed, 20), proofOf(8, 20), reason);
    }

    /// @dev An RFC 9162 root does not say how many leaves are under it: sizes whose trees have the same outline
    /// on the way of the proof share it. The contract keeps one root for a size; that the tree has the size is
    /// shown by its last leaf, the register entry, which carries its own index. See contracts/README.md.
    function test_a_size_is_bound_by_the_last_leaf_only() public {
        anchorTo(5);
        bytes32[] memory proof = proofOf(5, 13);
        bytes32 root = rootOf(13);
        vm.prank(ANCHORER);
        registry.anchor(log, 5, 14, root, proof);
        bytes32[] memory path = Reference.path(leaves, 13, 14);
        vm.expectRevert(IAnchorRegistry.InvalidInclusionProof.selector);
        registry.verifyInclusion(log, 14, 13, leaves[13], path);
        refused(14, 15, rootOf(15), proofOf(14, 15), error0(IAnchorRegistry.InvalidConsistencyProof.selector));
    }

    function refused(uint64 expected, uint64 size, bytes32 root, bytes32[] memory proof, bytes memory reason)
        internal
    {
        vm.expectRevert(reason);
        vm.prank(ANCHORER);
        registry.anchor(log, expected, size, root, proof);
    }
}

/// @dev The storage layout that state proofs rely on, read word by word.
contract StorageTest is Fixture {
    bytes32 internal constant BASE = bytes32(
        uint256(keccak256(abi.encode(uint256(keccak256("poolproof.storage.AnchorRegistry")) - 1)))
            & ~uint256(0xff)
    );

    function test_namespace() public pure {
        same(BASE, 0x0f311a3c4c6cc2f779e07a64ac08996504388d7d01ee5f839ea0517f0542dd00, "ERC-7201");
    }

    function test_words() public {
        bytes32 successor = registry.logKey(OWNER, "next.example/log");
        anchorTo(5);
        vm.prank(OWNER);
        registry.proposeAnchorer(log, STRANGER);
        uint64 until = uint64(block.timestamp) + 1 days;
        vm.prank(OWNER);
        registry.pause(log, until);
        vm.prank(OWNER);
        registry.close(log, 5, successor);

        same(word(keccak256(abi.encode(uint256(5), keccak256(abi.encode(log, BASE))))), rootOf(5), "rootAt");
        uint256 slot = uint256(keccak256(abi.encode(log, uint256(BASE) + 1)));
        uint256 packed = 5 | uint256(MAX_GROWTH) << 64 | block.timestamp << 128 | block.number << 168
            | uint256(until) << 208 | uint256(2) << 248;
        same(word(bytes32(slot)), bytes32(packed), "head");
        same(word(bytes32(slot + 1)), bytes32(uint256(uint160(ANCHORER))), "anchorer");
        same(word(bytes32(slot + 2)), bytes32(uint256(uint160(STRANGER))), "pending anchorer");
        same(
            word(bytes32(slot + 3)),
            bytes32(uint256(uint160(OWNER)) | uint256(5) << 160),
            "owner, last good size"
        );
        same(word(bytes32(slot + 4)), FINGERPRINT, "trust root");
        same(word(bytes32(slot + 5)), 0, "predecessor");
        same(word(bytes32(slot + 6)), successor, "successor");
    }

    function word(bytes32 slot) internal view returns (bytes32) {
        return vm.load(address(registry), slot);
    }
}
