// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../../contracts/AnchorRegistry.sol";
import {IAnchorRegistry} from "../../contracts/interfaces/IAnchorRegistry.sol";
import {UniformTree} from "./Reference.sol";
import {Test} from "./Vm.sol";

/// @dev What transactions cost, written to tests/forge/snapshots/ and compared there. Isolation makes every
/// call a transaction of its own: base fee of 21,000 and calldata included, storage cold.
/// forge-config: default.isolate = true
contract GasTest is Test {
    /// @dev The design's promise for one anchor at 1,000,000 leaves.
    uint256 private constant PROMISE = 120_000;

    AnchorRegistry private registry;
    bytes32 private log;
    uint256 private opened;

    function setUp() public {
        registry = new AnchorRegistry();
    }

    function test_open() public {
        registry.open("fenqile.example/consumer-2026", address(this), 1_000_000, keccak256("trust"), 0);
        vm.snapshotGasLastCall("AnchorRegistry", "open");
    }

    function test_first_anchor() public {
        anchored(1_000_000);
        vm.snapshotGasLastCall("AnchorRegistry", "anchor first");
    }

    function test_anchors_by_size() public {
        measure(1_000, 1_001, "anchor 1,000 -> 1,001");
        measure(70_000, 90_001, "anchor 70,000 -> 90,001");
        measure(1_000_000, 1_000_001, "anchor 1,000,000 -> 1,000,001");
        measure(1_000_000, 1_010_001, "anchor 1,000,000 -> 1,010,001");
        measure(1_000_000_000, 1_000_100_001, "anchor 1,000,000,000 -> 1,000,100,001");
        measure(type(uint64).max - 1, type(uint64).max, "anchor at the last size");
    }

    /// @dev Shapes with many hashes: old sizes whose bits are set, new ones near and far.
    function test_the_promise() public {
        uint24[7] memory from = [1_000_000, 999_999, 983_039, 917_503, 1_000_001, 786_431, 524_287];
        uint24[7] memory to = [1_000_001, 1_000_000, 1_048_575, 1_000_000, 2_000_000, 1_000_000, 1_000_000];
        for (uint256 i = 0; i < from.length; ++i) {
            string memory name = string.concat("promise ", vm.toString(from[i]), " -> ", vm.toString(to[i]));
            check(measure(from[i], to[i], name) <= PROMISE, "an anchor costs more than promised");
        }
    }

    function test_owner_calls() public {
        anchored(5);
        registry.setTrustRoot(log, keccak256("next"));
        vm.snapshotGasLastCall("AnchorRegistry", "setTrustRoot");
        registry.pause(log, uint64(block.timestamp) + 1);
        vm.snapshotGasLastCall("AnchorRegistry", "pause");
        registry.proposeAnchorer(log, address(1));
        vm.snapshotGasLastCall("AnchorRegistry", "proposeAnchorer");
        registry.close(log, 5, 0);
        vm.snapshotGasLastCall("AnchorRegistry", "close");
    }

    function test_views() public {
        anchored(1_000_000);
        bytes32[] memory path = UniformTree.path(777_777, 1_000_000);
        registry.verifyInclusion(log, 1_000_000, 777_777, UniformTree.LEAF, path);
        vm.snapshotGasLastCall("AnchorRegistry", "verifyInclusion at 1,000,000, as a call");
    }

    function measure(uint64 from, uint64 to, string memory name) private returns (uint256) {
        anchored(from);
        bytes32 root = UniformTree.root(to);
        bytes32[] memory proof = UniformTree.consistency(from, to);
        registry.anchor(log, from, to, root, proof);
        return vm.snapshotGasLastCall("AnchorRegistry", name);
    }

    function anchored(uint64 size) private {
        log = registry.open(vm.toString(opened++), address(this), type(uint64).max, keccak256("trust"), 0);
        bytes32 root = UniformTree.root(size);
        registry.anchor(log, 0, size, root, new bytes32[](0));
    }
}
