// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The definitions of RFC 9162 section 2.1, word for word and recursive: slow, plain, and written without
/// a look at the contract's own code. MTH, PATH and SUBPROOF are the RFC's names.
library Reference {
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }

    function leaf(bytes memory entry) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), entry));
    }

    /// @dev The largest power of two smaller than n.
    function split(uint256 n) internal pure returns (uint256 k) {
        k = 1;
        while (k * 2 < n) k *= 2;
    }

    function root(bytes32[] memory leaves, uint256 size) internal pure returns (bytes32) {
        return mth(leaves, 0, size);
    }

    function mth(bytes32[] memory leaves, uint256 start, uint256 end) internal pure returns (bytes32) {
        if (end == start) return sha256("");
        if (end - start == 1) return leaves[start];
        uint256 k = split(end - start);
        return node(mth(leaves, start, start + k), mth(leaves, start + k, end));
    }

    function path(bytes32[] memory leaves, uint256 index, uint256 size)
        internal
        pure
        returns (bytes32[] memory)
    {
        return _path(leaves, index, 0, size);
    }

    function _path(bytes32[] memory leaves, uint256 m, uint256 start, uint256 end)
        private
        pure
        returns (bytes32[] memory)
    {
        if (end - start == 1) return new bytes32[](0);
        uint256 k = split(end - start);
        if (m < k) return append(_path(leaves, m, start, start + k), mth(leaves, start + k, end));
        return append(_path(leaves, m - k, start + k, end), mth(leaves, start, start + k));
    }

    function consistency(bytes32[] memory leaves, uint256 size1, uint256 size2)
        internal
        pure
        returns (bytes32[] memory)
    {
        return _subproof(leaves, size1, 0, size2, true);
    }

    function _subproof(bytes32[] memory leaves, uint256 m, uint256 start, uint256 end, bool whole)
        private
        pure
        returns (bytes32[] memory proof)
    {
        if (m == end - start) {
            if (whole) return new bytes32[](0);
            return append(new bytes32[](0), mth(leaves, start, end));
        }
        uint256 k = split(end - start);
        if (m <= k) {
            return append(_subproof(leaves, m, start, start + k, whole), mth(leaves, start + k, end));
        }
        return append(_subproof(leaves, m - k, start + k, end, false), mth(leaves, start, start + k));
    }

    function append(bytes32[] memory list, bytes32 item) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = item;
    }

    function cut(bytes32[] memory list, uint256 length) internal pure returns (bytes32[] memory shorter) {
        shorter = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            shorter[i] = list[i];
        }
    }

    /// @dev `count` different leaves that depend on nothing but `seed`.
    function leavesOf(uint256 seed, uint256 count) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = leaf(abi.encode(seed, i));
        }
    }
}

/// @dev Trees whose leaves are all equal: roots and proofs of any size up to 2^64 in a few steps, for sizes that no
/// list of leaves can reach. What such trees cannot show (left for right) the random ones above do.
library UniformTree {
    bytes32 internal constant LEAF = 0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d;

    function root(uint256 size) internal pure returns (bytes32) {
        uint256 k = 1;
        bytes32 hash = LEAF;
        while (k * 2 <= size) {
            k *= 2;
            hash = Reference.node(hash, hash);
        }
        return k == size ? hash : Reference.node(hash, root(size - k));
    }

    function path(uint256 index, uint256 size) internal pure returns (bytes32[] memory) {
        if (size == 1) return new bytes32[](0);
        uint256 k = Reference.split(size);
        if (index < k) return Reference.append(path(index, k), root(size - k));
        return Reference.append(path(index - k, size - k), root(k));
    }

    function consistency(uint256 size1, uint256 size2) internal pure returns (bytes32[] memory) {
        return _subproof(size1, size2, true);
    }

    function _subproof(uint256 m, uint256 n, bool whole) private pure returns (bytes32[] memory) {
        if (m == n) return whole ? new bytes32[](0) : Reference.append(new bytes32[](0), root(n));
        uint256 k = Reference.split(n);
        if (m <= k) return Reference.append(_subproof(m, k, whole), root(n - k));
        return Reference.append(_subproof(m - k, n - k, false), root(k));
    }
}
