// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../../contracts/AnchorRegistry.sol";
import {IAnchorRegistry} from "../../contracts/interfaces/IAnchorRegistry.sol";
import {Test} from "./Vm.sol";

/// @dev Proofs made by the Python prover, good ones and spoiled ones, given to the registry's views:
/// tests/vectors/contract.json, written by scripts/vectors.py.
contract VectorsTest is Test {
    struct Consistency {
        string name;
        bool good;
        bytes32[] proof;
        bytes32 root1;
        bytes32 root2;
        uint64 size1;
        uint64 size2;
    }

    struct Inclusion {
        string name;
        bool good;
        uint64 index;
        bytes32 leafHash;
        bytes32[] proof;
        bytes32 root;
        uint64 size;
    }

    struct Register {
        bool absent;
        bytes bits;
        string name;
        uint64 count;
        bool good;
        bytes32[] inclusion;
        bytes32 key;
        bytes32 other;
        bytes32 registerRoot;
        bytes32[] siblings;
        uint64 size;
        bytes32 treeRoot;
        bytes32[] value;
    }

    // The members as they stand in the file; `case` is a word of Solidity's.
    string private constant CONSISTENCY =
        "Case(string case,bool good,bytes32[] proof,bytes32 root1,bytes32 root2,uint64 size1,uint64 size2)";
    string private constant INCLUSION =
        "Case(string case,bool good,uint64 index,bytes32 leaf_hash,bytes32[] proof,bytes32 root,uint64 size)";
    string private constant REGISTER =
        "Case(bool absent,bytes bits,string case,uint64 count,bool good,bytes32[] inclusion,bytes32 key,bytes32 other,bytes32 register_root,bytes32[] siblings,uint64 size,bytes32 tree_root,bytes32[] value)";

    AnchorRegistry private registry;
    string private json;
    uint256 private opened;

    function setUp() public {
        registry = new AnchorRegistry();
        json = vm.readFile("tests/vectors/contract.json");
    }

    function test_consistency() public {
        Consistency[] memory cases =
            abi.decode(vm.parseJsonTypeArray(json, ".consistency", CONSISTENCY), (Consistency[]));
        check(cases.length > 50, "too few cases");
        for (uint256 i = 0; i < cases.length; ++i) {
            Consistency memory c = cases[i];
            bytes32 log = anchored(c.size1, c.root1);
            bytes memory data =
                abi.encodeCall(registry.verifyConsistency, (log, c.size1, c.size2, c.root2, c.proof));
            answered(data, c.good, c.name);
        }
    }

    function test_inclusion() public {
        Inclusion[] memory cases =
            abi.decode(vm.parseJsonTypeArray(json, ".inclusion", INCLUSION), (Inclusion[]));
        check(cases.length > 50, "too few cases");
        for (uint256 i = 0; i < cases.length; ++i) {
            Inclusion memory c = cases[i];
            bytes32 log = anchored(c.size, c.root);
            bytes memory data =
                abi.encodeCall(registry.verifyInclusion, (log, c.size, c.index, c.leafHash, c.proof));
            answered(data, c.good, c.name);
        }
    }

    function test_register() public {
        Register[] memory cases = abi.decode(vm.parseJsonTypeArray(json, ".register", REGISTER), (Register[]));
        check(cases.length > 50, "too few cases");
        for (uint256 i = 0; i < cases.length; ++i) {
            Register memory c = cases[i];
            bytes32 log = anchored(c.size, c.treeRoot);
            IAnchorRegistry.RegisterProof memory proof =
                IAnchorRegistry.RegisterProof(c.count, c.registerRoot, c.inclusion, c.bits, c.siblings);
            bytes32[2] memory value = [c.value[0], c.value[1]];
            bytes memory data = c.absent
                ? abi.encodeCall(registry.verifyAbsence, (log, c.size, c.key, c.other, value, proof))
                : abi.encodeCall(registry.verifyPresence, (log, c.size, c.key, value, proof));
            answered(data, c.good, c.name);
        }
    }

    function anchored(uint64 size, bytes32 root) private returns (bytes32 log) {
        log = registry.open(vm.toString(opened++), address(this), type(uint64).max, keccak256("trust"), 0);
        registry.anchor(log, 0, size, root, new bytes32[](0));
    }

    /// @dev A spoiled proof is refused as a proof, not by running out of something.
    function answered(bytes memory data, bool good, string memory name) private view {
        (bool ok, bytes memory answer) = address(registry).staticcall(data);
        check(ok == good, name);
        if (ok) return;
        bytes4 reason = bytes4(answer);
        check(
            reason == IAnchorRegistry.InvalidConsistencyProof.selector
                || reason == IAnchorRegistry.InvalidInclusionProof.selector
                || reason == IAnchorRegistry.InvalidMapProof.selector,
            string.concat("refused otherwise: ", name)
        );
    }
}
