// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

/// The cheat codes of forge that the tests use.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function prank(address sender, address origin) external;
    function warp(uint256 time) external;
    function expectRevert(bytes calldata) external;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
}

// Where forge puts them.
Vm constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

/// @title RFC 9162 trees, written from the definition (section 2.1.1) and for nothing but tests
library Reference {
    /// MTH over the first `size` of these entries.
    function root(bytes32[] memory entries, uint256 size) internal pure returns (bytes32) {
        return size == 0 ? sha256("") : rangeRoot(entries, 0, size);
    }

    function rangeRoot(bytes32[] memory entries, uint256 start, uint256 end) internal pure returns (bytes32) {
        if (end - start == 1) return sha256(abi.encodePacked(uint8(0), entries[start]));
        uint256 middle = start + split(end - start);
        return sha256(abi.encodePacked(uint8(1), rangeRoot(entries, start, middle), rangeRoot(entries, middle, end)));
    }

    /// PROOF(first, D_second) of section 2.1.4.1; empty from size 0.
    function proof(bytes32[] memory entries, uint256 first, uint256 second) internal pure returns (bytes32[] memory) {
        if (first == 0 || first == second) return new bytes32[](0);
        return subproof(entries, first, 0, second, true);
    }

    function subproof(bytes32[] memory entries, uint256 m, uint256 start, uint256 end, bool whole)
        internal
        pure
        returns (bytes32[] memory path)
    {
        uint256 size = end - start;
        if (m == size) return whole ? new bytes32[](0) : with(new bytes32[](0), rangeRoot(entries, start, end));
        uint256 k = split(size);
        if (m <= k) {
            return with(subproof(entries, m, start, start + k, whole), rangeRoot(entries, start + k, end));
        }
        return with(subproof(entries, m - k, start + k, end, false), rangeRoot(entries, start, start + k));
    }

    /// The heads of the perfect subtrees that the bits of `size` name, largest first.
    function frontier(bytes32[] memory entries, uint256 size) internal pure returns (bytes32[] memory peaks) {
        uint256 start;
        for (uint256 width = 1 << 63; width != 0; width >>= 1) {
            if (size & width == 0) continue;
            peaks = with(peaks, rangeRoot(entries, start, start + width));
            start += width;
        }
    }

    /// The largest power of two below `size`.
    function split(uint256 size) internal pure returns (uint256 k) {
        for (k = 1; k * 2 < size; k *= 2) {}
    }

    function with(bytes32[] memory list, bytes32 last) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = last;
    }

    /// `count` entries that depend on `seed`.
    function entriesOf(bytes32 seed, uint256 count) internal pure returns (bytes32[] memory entries) {
        entries = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            entries[i] = keccak256(abi.encode(seed, i));
        }
    }

    function range(bytes32[] memory entries, uint256 start, uint256 end) internal pure returns (bytes32[] memory part) {
        part = new bytes32[](end - start);
        for (uint256 i = start; i < end; ++i) {
            part[i - start] = entries[i];
        }
    }
}
