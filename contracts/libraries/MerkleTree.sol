// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title RFC 9162 section 2.1: inclusion and consistency of trees over SHA-256
/// @notice Leaf `H(00 || entry)`, node `H(01 || left || right)`. Both checks answer for exact proofs only: a proof
/// with a hash too many or too few is no proof.
library MerkleTree {
    /// @notice SHA-256 of `01 || left || right`.
    /// @dev By the precompile and without a copy in Solidity's memory: half the gas of sha256(abi.encodePacked()).
    /// A chain without the precompile answers with no data, which MUST NOT pass for a hash.
    function nodeHash(bytes32 left, bytes32 right) internal view returns (bytes32 result) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x01)
            mstore(add(free, 0x01), left)
            mstore(add(free, 0x21), right)
            let ok := staticcall(gas(), 0x02, free, 0x41, 0x00, 0x20)
            if iszero(and(ok, eq(returndatasize(), 0x20))) { revert(0x00, 0x00) }
            result := mload(0x00)
        }
    }

    /// @notice Whether `leafHash` is the leaf at `index` of the tree of `size` leaves with `root`.
    /// @dev RFC 9162 section 2.1.3.2.
    function includes(bytes32 root, uint64 size, uint64 index, bytes32 leafHash, bytes32[] calldata proof)
        internal
        view
        returns (bool)
    {
        if (index >= size) return false;
        uint256 node = index;
        uint256 last = uint256(size) - 1;
        bytes32 hash = leafHash;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (last == 0) return false;
            if (node & 1 == 1 || node == last) {
                hash = nodeHash(proof[i], hash);
                while (node & 1 == 0 && node != 0) {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                hash = nodeHash(hash, proof[i]);
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 && hash == root;
    }

    /// @notice Whether the tree (size2, root2) begins with all the leaves of the tree (size1, root1).
    /// @dev RFC 9162 section 2.1.4.2. Nothing extends the empty tree: size1 MUST be above 0.
    function extends(uint64 size1, uint64 size2, bytes32 root1, bytes32 root2, bytes32[] calldata proof)
        internal
        view
        returns (bool)
    {
        if (size1 == 0 || size1 > size2) return false;
        if (size1 == size2) return proof.length == 0 && root1 == root2;
        uint256 node = uint256(size1) - 1;
        uint256 last = uint256(size2) - 1;
        while (node & 1 == 1) {
            node >>= 1;
            last >>= 1;
        }
        // node is 0 exactly when size1 is a power of two: then the first root begins the path, unsent.
        uint256 i = 0;
        bytes32 old = root1;
        if (node != 0) {
            if (proof.length == 0) return false;
            old = proof[0];
            i = 1;
        }
        bytes32 new_ = old;
        for (; i < proof.length; ++i) {
            if (last == 0) return false;
            bytes32 sibling = proof[i];
            if (node & 1 == 1 || node == last) {
                old = nodeHash(sibling, old);
                new_ = nodeHash(sibling, new_);
                while (node & 1 == 0 && node != 0) {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                new_ = nodeHash(new_, sibling);
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 && old == root1 && new_ == root2;
    }
}
