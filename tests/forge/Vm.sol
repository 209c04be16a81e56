// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The cheat codes that these tests use; a whole test library for them is not worth a dependency.
interface Vm {
    function prank(address sender) external;
    function warp(uint256 time) external;
    function roll(uint256 number) external;
    function chainId(uint256 id) external;
    function etch(address target, bytes calldata code) external;
    function assume(bool condition) external pure;
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function expectRevert(bytes calldata reason) external;
    function expectRevert(bytes4 selector) external;
    function expectEmit(address emitter) external;
    function mockCall(address callee, bytes calldata data, bytes calldata answer) external;
    function load(address target, bytes32 slot) external view returns (bytes32);
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonTypeArray(string calldata json, string calldata key, string calldata typeDescription)
        external
        pure
        returns (bytes memory);
    function toString(uint256 value) external pure returns (string memory);
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
}

abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error Unequal(string what, bytes32 got, bytes32 wanted);
    error Untrue(string what);

    function check(bool condition, string memory what) internal pure {
        if (!condition) revert Untrue(what);
    }

    function same(bytes32 got, bytes32 wanted, string memory what) internal pure {
        if (got != wanted) revert Unequal(what, got, wanted);
    }

    function same(uint256 got, uint256 wanted, string memory what) internal pure {
        if (got != wanted) revert Unequal(what, bytes32(got), bytes32(wanted));
    }

    function same(address got, address wanted, string memory what) internal pure {
        if (got != wanted) {
            revert Unequal(what, bytes32(uint256(uint160(got))), bytes32(uint256(uint160(wanted))));
        }
    }
}
