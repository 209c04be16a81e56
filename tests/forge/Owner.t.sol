// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "../../contracts/interfaces/IAnchorRegistry.sol";
import {Fixture} from "./Fixture.sol";

/// @dev Opening a log: what it names, and each reason to refuse it.
contract OpenTest is Fixture {
    function test_opens() public {
        string memory origin = "other.example/log";
        bytes32 id = keccak256(abi.encode(keccak256("poolproof/log/v1"), STRANGER, origin));
        same(registry.logKey(STRANGER, origin), id, "id");
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.LogOpened(id, STRANGER, origin, ANCHORER, 9, FINGERPRINT, 0);
        same(openAs(STRANGER, origin, 0), id, "returned id");

        IAnchorRegistry.LogInfo memory info = registry.logInfo(id);
        same(info.owner, STRANGER, "owner");
        same(info.anchorer, ANCHORER, "anchorer");
        same(info.pendingAnchorer, address(0), "pending");
        same(info.maxGrowth, 9, "growth");
        same(info.trustRoot, FINGERPRINT, "trust root");
        same(registry.trustRoot(id), FINGERPRINT, "trust root");
        same(info.size + info.time + info.blockNumber + info.pausedUntil + info.lastGoodSize, 0, "head");
        same(info.root | info.predecessor | info.successor, 0, "root, predecessor, successor");
        check(!info.closed, "closed");
    }

    function test_an_origin_cannot_be_squatted() public {
        check(openAs(STRANGER, ORIGIN, 0) != log, "the same id for another owner");
    }

    function test_once_only() public {
        vm.expectRevert(errorOf(IAnchorRegistry.LogExists.selector));
        openAs(OWNER, ORIGIN, 0);
    }

    function test_not_again_after_its_end() public {
        closeAs(OWNER, log, 0, 0);
        vm.expectRevert(errorOf(IAnchorRegistry.LogExists.selector));
        openAs(OWNER, ORIGIN, 0);
    }

    function test_origin_forms() public {
        openAs(STRANGER, "!", 0);
        openAs(STRANGER, string(filled(255, "~")), 0);
        refusedOrigin("");
        refusedOrigin(string(filled(256, "a")));
        refusedOrigin("with space");
        refusedOrigin("with+plus");
        refusedOrigin("with\ttab");
        refusedOrigin(unicode"分期乐.example/log");
        refusedOrigin(string(abi.encodePacked("delete", bytes1(0x7f))));
    }

    function test_needs_an_anchorer() public {
        vm.expectRevert(IAnchorRegistry.ZeroAddress.selector);
        registry.open("a", address(0), 9, FINGERPRINT, 0);
    }

    function test_needs_growth() public {
        vm.expectRevert(IAnchorRegistry.ZeroGrowth.selector);
        registry.open("a", ANCHORER, 0, FINGERPRINT, 0);
    }

    function test_needs_a_trust_root() public {
        vm.expectRevert(IAnchorRegistry.ZeroTrustRoot.selector);
        registry.open("a", ANCHORER, 9, 0, 0);
    }

    function test_follows_an_open_log_of_its_owner() public {
        bytes32 next = openAs(OWNER, "next", log);
        same(registry.logInfo(next).predecessor, log, "predecessor");
        closeAs(OWNER, log, 0, next);
        same(registry.logInfo(log).successor, next, "successor");
    }

    function test_follows_a_closed_log_that_names_it() public {
        bytes32 next = registry.logKey(STRANGER, "next");
        closeAs(OWNER, log, 0, next);
        same(openAs(STRANGER, "next", log), next, "a successor of another owner");
    }

    function test_invalid_predecessor() public {
        refusedPredecessor(STRANGER, log); // a stranger's log
        refusedPredecessor(OWNER, keccak256("no log"));
        closeAs(OWNER, log, 0, registry.logKey(OWNER, "another"));
        refusedPredecessor(OWNER, log); // which names another
    }

    function test_a_log_without_successor_has_none() public {
        closeAs(OWNER, log, 0, 0);
        refusedPredecessor(OWNER, log);
    }

    function openAs(address owner, string memory origin, bytes32 predecessor) internal returns (bytes32) {
        vm.prank(owner);
        return registry.open(origin, ANCHORER, 9, FINGERPRINT, predecessor);
    }

    function closeAs(address owner, bytes32 which, uint64 lastGood, bytes32 successor) internal {
        vm.prank(owner);
        registry.close(which, lastGood, successor);
    }

    function refusedOrigin(string memory origin) internal {
        vm.expectRevert(IAnchorRegistry.InvalidOrigin.selector);
        openAs(STRANGER, origin, 0);
    }

    function refusedPredecessor(address owner, bytes32 predecessor) internal {
        bytes32 next = registry.logKey(owner, "next");
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.InvalidPredecessor.selector, next, predecessor));
        openAs(owner, "next", predecessor);
    }

    function filled(uint256 length, bytes1 char) internal pure returns (bytes memory text) {
        text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = char;
        }
    }
}

/// @dev The owner's powers: trust root, rotation, pause and close, and that nobody else has them.
contract OwnerTest is Fixture {
    function test_trust_root_changes_with_an_event() public {
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.TrustRootChanged(log, FINGERPRINT, keccak256("next"));
        vm.prank(OWNER);
        registry.setTrustRoot(log, keccak256("next"));
        same(registry.trustRoot(log), keccak256("next"), "trust root");
    }

    function test_trust_root_is_not_zero() public {
        vm.expectRevert(IAnchorRegistry.ZeroTrustRoot.selector);
        vm.prank(OWNER);
        registry.setTrustRoot(log, 0);
    }

    function test_rotation_takes_two_steps() public {
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.AnchorerProposed(log, STRANGER);
        vm.prank(OWNER);
        registry.proposeAnchorer(log, STRANGER);
        same(registry.logInfo(log).pendingAnchorer, STRANGER, "pending");
        anchorTo(5); // the old one until the new one has accepted

        vm.expectEmit(address(registry));
        emit IAnchorRegistry.AnchorerChanged(log, ANCHORER, STRANGER);
        vm.prank(STRANGER);
        registry.acceptAnchorer(log);
        same(registry.logInfo(log).anchorer, STRANGER, "anchorer");
        same(registry.logInfo(log).pendingAnchorer, address(0), "pending");

        bytes32 root = rootOf(6);
        bytes32[] memory proof = proofOf(5, 6);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.NotAnchorer.selector, log, ANCHORER));
        vm.prank(ANCHORER);
        registry.anchor(log, 5, 6, root, proof);
        vm.prank(STRANGER);
        registry.anchor(log, 5, 6, root, proof);
    }

    function test_only_the_proposed_accepts() public {
        bytes memory reason = abi.encodeWithSelector(IAnchorRegistry.NotProposed.selector, log, STRANGER);
        vm.expectRevert(reason);
        vm.prank(STRANGER);
        registry.acceptAnchorer(log);
        vm.prank(OWNER);
        registry.proposeAnchorer(log, address(0xBEEF));
        vm.expectRevert(reason);
        vm.prank(STRANGER);
        registry.acceptAnchorer(log);
    }

    function test_a_withdrawn_proposal_is_void() public {
        vm.prank(OWNER);
        registry.proposeAnchorer(log, STRANGER);
        vm.prank(OWNER);
        registry.proposeAnchorer(log, address(0));
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.NotProposed.selector, log, STRANGER));
        vm.prank(STRANGER);
        registry.acceptAnchorer(log);
    }

    function test_a_pause_ends_by_itself() public {
        uint64 latest = uint64(block.timestamp) + registry.MAX_PAUSE();
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.Paused(log, latest);
        vm.prank(OWNER);
        registry.pause(log, latest);
        same(registry.logInfo(log).pausedUntil, latest, "until");
        vm.warp(latest);
        anchorTo(5);
    }

    function test_a_pause_ends_on_request() public {
        vm.prank(OWNER);
        registry.pause(log, uint64(block.timestamp) + 1 days);
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.Unpaused(log);
        vm.prank(OWNER);
        registry.unpause(log);
        anchorTo(5);
    }

    function test_a_pause_has_bounds() public {
        uint64 now_ = uint64(block.timestamp);
        uint64 latest = now_ + 30 days;
        uint64[4] memory wrong = [now_, now_ - 1, latest + 1, type(uint64).max];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.InvalidPause.selector, wrong[i], latest));
            vm.prank(OWNER);
            registry.pause(log, wrong[i]);
        }
    }

    function test_nothing_to_unpause() public {
        vm.expectRevert(errorOf(IAnchorRegistry.NotPaused.selector));
        vm.prank(OWNER);
        registry.unpause(log);
        vm.prank(OWNER);
        registry.pause(log, uint64(block.timestamp) + 1);
        vm.warp(block.timestamp + 1);
        vm.expectRevert(errorOf(IAnchorRegistry.NotPaused.selector));
        vm.prank(OWNER);
        registry.unpause(log);
    }

    function test_close_is_final() public {
        anchorTo(5);
        anchorTo(9);
        vm.prank(OWNER);
        registry.proposeAnchorer(log, STRANGER);
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.Closed(log, 5, 0);
        vm.prank(OWNER);
        registry.close(log, 5, 0);

        (uint64 size,,, bool closed) = registry.head(log);
        check(closed, "not closed");
        same(size, 9, "size");
        same(registry.logInfo(log).lastGoodSize, 5, "last good size");
        same(registry.rootAt(log, 9), rootOf(9), "what was anchored stays to be seen");

        bytes memory reason = errorOf(IAnchorRegistry.LogIsClosed.selector);
        bytes[5] memory calls = [
            abi.encodeCall(registry.setTrustRoot, (log, FINGERPRINT)),
            abi.encodeCall(registry.proposeAnchorer, (log, STRANGER)),
            abi.encodeCall(registry.pause, (log, uint64(block.timestamp) + 1)),
            abi.encodeCall(registry.unpause, (log)),
            abi.encodeCall(registry.close, (log, 9, 0))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            refusedCall(OWNER, calls[i], reason);
        }
        refusedCall(STRANGER, abi.encodeCall(registry.acceptAnchorer, (log)), reason);
    }

    function test_close_while_paused() public {
        vm.prank(OWNER);
        registry.pause(log, uint64(block.timestamp) + 1 days);
        vm.prank(OWNER);
        registry.close(log, 0, 0);
    }

    function test_last_good_size_was_anchored() public {
        anchorTo(5);
        bytes memory reason = abi.encodeWithSelector(IAnchorRegistry.SizeNotAnchored.selector, log, 4);
        refusedCall(OWNER, abi.encodeCall(registry.close, (log, 4, 0)), reason);
    }

    function test_invalid_successor() public {
        vm.prank(STRANGER);
        bytes32 other = registry.open("another", ANCHORER, 9, FINGERPRINT, 0);
        bytes32[2] memory wrong = [log, other];
        for (uint256 i = 0; i < wrong.length; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(IAnchorRegistry.InvalidSuccessor.selector, log, wrong[i]);
            refusedCall(OWNER, abi.encodeCall(registry.close, (log, 0, wrong[i])), reason);
        }
    }

    function test_nobody_but_the_owner() public {
        bytes[5] memory calls = [
            abi.encodeCall(registry.setTrustRoot, (log, FINGERPRINT)),
            abi.encodeCall(registry.proposeAnchorer, (log, STRANGER)),
            abi.encodeCall(registry.pause, (log, uint64(block.timestamp) + 1)),
            abi.encodeCall(registry.unpause, (log)),
            abi.encodeCall(registry.close, (log, 0, 0))
        ];
        address[2] memory others = [STRANGER, ANCHORER];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IAnchorRegistry.NotOwner.selector, log, others[i]);
            for (uint256 j = 0; j < calls.length; ++j) {
                refusedCall(others[i], calls[j], reason);
            }
        }
    }

    function test_nothing_on_an_unknown_log() public {
        bytes32 other = keccak256("no log");
        bytes memory reason = abi.encodeWithSelector(IAnchorRegistry.UnknownLog.selector, other);
        refusedCall(OWNER, abi.encodeCall(registry.setTrustRoot, (other, FINGERPRINT)), reason);
        refusedCall(OWNER, abi.encodeCall(registry.proposeAnchorer, (other, STRANGER)), reason);
        refusedCall(OWNER, abi.encodeCall(registry.pause, (other, uint64(block.timestamp) + 1)), reason);
        refusedCall(OWNER, abi.encodeCall(registry.unpause, (other)), reason);
        refusedCall(OWNER, abi.encodeCall(registry.close, (other, 0, 0)), reason);
        refusedCall(OWNER, abi.encodeCall(registry.acceptAnchorer, (other)), reason);
        // Nobody has proposed the zero address, though an unknown log's proposal reads as zero.
        refusedCall(address(0), abi.encodeCall(registry.acceptAnchorer, (other)), reason);
    }

    function refusedCall(address caller, bytes memory data, bytes memory reason) internal {
        vm.prank(caller);
        (bool ok, bytes memory answer) = address(registry).call(data);
        check(!ok, "accepted");
        same(keccak256(answer), keccak256(reason), "reason");
    }
}
