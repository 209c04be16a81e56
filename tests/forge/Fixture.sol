// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../../contracts/AnchorRegistry.sol";
import {IAnchorRegistry} from "../../contracts/interfaces/IAnchorRegistry.sol";
import {Reference} from "./Reference.sol";
import {Test} from "./Vm.sol";

/// @dev A registry with one open log, and trees of fifty leaves to anchor.
abstract contract Fixture is Test {
    string internal constant ORIGIN = "fenqile.example/consumer-2026";
    bytes32 internal constant FINGERPRINT = keccak256("trust root");
    uint64 internal constant MAX_GROWTH = 32;

    address internal constant OWNER = address(0xA11CE);
    address internal constant ANCHORER = address(0xA4C408);
    address internal constant STRANGER = address(0x57A46E);

    AnchorRegistry internal registry;
    bytes32 internal log;
    bytes32[] internal leaves;
    bytes32[] internal none;

    function setUp() public virtual {
        vm.warp(1_790_000_000);
        vm.roll(1_000);
        registry = new AnchorRegistry();
        vm.prank(OWNER);
        log = registry.open(ORIGIN, ANCHORER, MAX_GROWTH, FINGERPRINT, 0);
        leaves = Reference.leavesOf(7, 50);
    }

    function rootOf(uint64 size) internal view returns (bytes32) {
        return Reference.root(leaves, size);
    }

    function proofOf(uint64 from, uint64 to) internal view returns (bytes32[] memory) {
        return from == 0 ? none : Reference.consistency(leaves, from, to);
    }

    /// @dev What an honest anchorer does.
    function anchorTo(uint64 size) internal {
        (uint64 from,,,) = registry.head(log);
        bytes32 root = rootOf(size);
        bytes32[] memory proof = proofOf(from, size);
        vm.prank(ANCHORER);
        registry.anchor(log, from, size, root, proof);
    }

    function error0(bytes4 selector) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector);
    }

    function errorOf(bytes4 selector) internal view returns (bytes memory) {
        return abi.encodeWithSelector(selector, log);
    }
}
