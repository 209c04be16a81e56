// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reference} from "./Reference.sol";

/// @dev The register's map by its definition: split the keys by their bits from the highest down, and make a
/// node only where both sides have keys. Keys of 32 and values of 64 bytes.
library ReferenceMap {
    struct Entry {
        bytes32 key;
        bytes32[2] value;
    }

    function leaf(Entry memory entry) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(hex"0020", entry.key, hex"40", entry.value[0], entry.value[1]));
    }

    function inner(uint256 bit, bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(hex"01", varint(bit), left, right));
    }

    function varint(uint256 number) internal pure returns (bytes memory) {
        if (number < 128) return abi.encodePacked(uint8(number));
        return abi.encodePacked(uint8(number % 128 + 128), varint(number / 128));
    }

    function root(Entry[] memory entries, uint256 bit) internal pure returns (bytes32) {
        if (entries.length == 0) return sha256("");
        if (entries.length == 1) return leaf(entries[0]);
        bit = firstSplit(entries, bit);
        Entry[] memory zeros = side(entries, bit, 0);
        Entry[] memory ones = side(entries, bit, 1);
        return inner(bit, root(zeros, bit + 1), root(ones, bit + 1));
    }

    /// @dev The entry at which looking `key` up ends, and the way from there to the root.
    function look(Entry[] memory entries, bytes32 key, uint256 bit)
        internal
        pure
        returns (Entry memory met, bytes memory bits, bytes32[] memory siblings)
    {
        if (entries.length == 1) return (entries[0], "", new bytes32[](0));
        bit = firstSplit(entries, bit);
        uint256 turn = uint256(key) >> (255 - bit) & 1;
        (met, bits, siblings) = look(side(entries, bit, turn), key, bit + 1);
        bits = abi.encodePacked(bits, uint8(bit));
        siblings = Reference.append(siblings, root(side(entries, bit, 1 - turn), bit + 1));
    }

    /// @dev The first bit from `bit` on in which the keys are not all the same.
    function firstSplit(Entry[] memory entries, uint256 bit) internal pure returns (uint256) {
        uint256 differing = 0;
        for (uint256 i = 1; i < entries.length; ++i) {
            differing |= uint256(entries[i].key ^ entries[0].key);
        }
        while (differing >> (255 - bit) & 1 == 0) ++bit;
        return bit;
    }

    function side(Entry[] memory entries, uint256 bit, uint256 which)
        internal
        pure
        returns (Entry[] memory some)
    {
        uint256 count = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (uint256(entries[i].key) >> (255 - bit) & 1 == which) ++count;
        }
        some = new Entry[](count);
        count = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (uint256(entries[i].key) >> (255 - bit) & 1 == which) some[count++] = entries[i];
        }
    }

    /// @dev Different keys; `near` makes them share all but their last bits, so that the low bits decide.
    function entriesOf(uint256 seed, uint256 count, bool near) internal pure returns (Entry[] memory entries) {
        entries = new Entry[](count);
        bytes32 prefix = keccak256(abi.encode(seed)) & ~bytes32(uint256(0xffff));
        for (uint256 i = 0; i < count; ++i) {
            bytes32 hash = keccak256(abi.encode(seed, i));
            // 40503 is odd, so that i -> i * 40503 mod 2^16 repeats nothing.
            bytes32 key = near ? prefix | bytes32(uint256(uint16(i * 40503 + seed % 65536))) : hash;
            entries[i] = Entry(key, [sha256(abi.encode(hash)), keccak256(abi.encode(hash))]);
        }
    }
}
