// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The register: its entry in the log, and its path-compressed Merkle Patricia map
/// @notice
///
///     register entry  "PPR1" || uint64 index || uint64 count || register root (32) || 00      53 bytes
///     map leaf        H(00 || 20 || key (32) || 40 || value (64))
///     map inner       H(01 || uvarint(bit) || left || right)
///     empty map       H("")
///     encumbrance     nonce (16) || uint64 version || history (32) || uint8 n || n × (holder (32) || uint32 share)
///
/// The map is torchwood's `mpt` for keys of 32 and values of 64 bytes. A lookup follows the key's own bits from
/// the root: there is one way for a key, so that no root, not even of a map built wrongly on purpose, can prove
/// a key present and absent, or with two values.
library RegisterMap {
    bytes32 internal constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    /// @notice The hash of the register entry as a leaf of the log: `H(00 || entry)`.
    function entryHash(uint64 index, uint64 count, bytes32 root) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), "PPR1", index, count, root, bytes1(0x00)));
    }

    /// @notice The digest of the encumbrance of a claim that nobody holds.
    function unencumbered(bytes16 nonce, uint64 version, bytes32 history) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(nonce, version, history, bytes1(0x00)));
    }

    function leafHash(bytes32 key, bytes32[2] memory value) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes2(0x0020), key, bytes1(0x40), value[0], value[1]));
    }

    function innerHash(uint8 bit, bytes32 left, bytes32 right) internal pure returns (bytes32) {
        if (bit < 128) return sha256(abi.encodePacked(bytes1(0x01), bit, left, right));
        return sha256(abi.encodePacked(bytes1(0x01), bit, bytes1(0x01), left, right)); // uvarint of 128 to 255
    }

    /// @notice Whether the map with `root` has `value` under `key`.
    function has(
        bytes32 root,
        bytes32 key,
        bytes32[2] memory value,
        bytes calldata bits,
        bytes32[] calldata siblings
    ) internal pure returns (bool) {
        (bool wellFormed, bytes32 result) = _climb(key, key, value, bits, siblings);
        return wellFormed && result == root;
    }

    /// @notice Whether the map with `root` has nothing under `key`, where looking it up ends at `otherKey`.
    function lacks(
        bytes32 root,
        bytes32 key,
        bytes32 otherKey,
        bytes32[2] memory otherValue,
        bytes calldata bits,
        bytes32[] calldata siblings
    ) internal pure returns (bool) {
        if (root == EMPTY_ROOT) {
            return bits.length == 0 && siblings.length == 0 && otherKey == 0 && otherValue[0] == 0
                && otherValue[1] == 0;
        }
        if (key == otherKey) return false;
        (bool wellFormed, bytes32 result) = _climb(key, otherKey, otherValue, bits, siblings);
        return wellFormed && result == root;
    }

    /// @dev From the leaf (met, value) up, turning at each node as a lookup of `key` turns; ill-formed when the
    /// bits do not fall strictly or `met` would have turned otherwise.
    function _climb(
        bytes32 key,
        bytes32 met,
        bytes32[2] memory value,
        bytes calldata bits,
        bytes32[] calldata siblings
    ) private pure returns (bool wellFormed, bytes32 result) {
        if (bits.length != siblings.length) return (false, 0);
        result = leafHash(met, value);
        uint256 above = 256;
        for (uint256 i = 0; i < siblings.length; ++i) {
            uint8 bit = uint8(bits[i]);
            if (bit >= above) return (false, 0);
            above = bit;
            uint256 turn = (uint256(key) >> (255 - bit)) & 1;
            if (turn != (uint256(met) >> (255 - bit)) & 1) return (false, 0);
            result = turn == 1 ? innerHash(bit, siblings[i], result) : innerHash(bit, result, siblings[i]);
        }
        return (true, result);
    }
}
