// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

/// @title RFC 9162 Merkle trees, SHA-256, over 32-byte entries
/// @notice The two ways to show that a tree extends another: append the new entries to the old tree's peaks, or follow
/// a consistency proof.
/// @dev Internal functions only, so this is compiled into the contract that uses it. A size is a `uint64` at its
/// callers; here `uint256`, which saves the cleaning of upper bits.
library MerkleLog {
    /// SHA-256 of nothing: the tree head of size 0 (RFC 9162, section 2.1.1).
    bytes32 internal constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;
    /// The longest consistency proof between trees of 64-bit sizes: one hash a level, and the old tree's last subtree.
    uint256 internal constant MAX_PROOF = 65;

    /// A tree of a 64-bit size has at most 64 peaks.
    uint256 private constant MAX_PEAKS = 64;
    /// One prefix byte and two digests (RFC 9162, section 2.1.1).
    uint256 private constant NODE_BYTES = 65;
    /// One prefix byte and one entry.
    uint256 private constant LEAF_BYTES = 33;
    uint256 private constant NODE_AT = 64;
    uint256 private constant BUFFER_BYTES = NODE_AT + NODE_BYTES;

    /// @notice The chain's SHA-256 precompile failed, for lack of gas or because there is none.
    error HashFailed();

    /// @notice Revert on a chain without the SHA-256 precompile: a call to an address without code succeeds and
    /// returns nothing, and then nothing here would hold.
    function checkHash() internal pure {
        if (sha256("") != EMPTY_ROOT) revert HashFailed();
    }

    /// @notice The tree head of `frontier`, the peaks of a tree, largest first, and the head after appending `entries`.
    /// @dev The caller owes the check that `frontier` has one peak for each bit set in `size`, and that `before` is the
    /// head it knows; until then `root` means nothing.
    /// @param size number of entries in the old tree
    function grow(uint256 size, bytes32[] calldata frontier, bytes32[] calldata entries)
        internal
        view
        returns (bytes32 before, bytes32 root)
    {
        bytes memory buffer = _newBuffer();
        bytes32[] memory peaks = new bytes32[](MAX_PEAKS);
        uint256 count = frontier.length;
        for (uint256 i = 0; i < count; ++i) {
            peaks[i] = frontier[i];
        }
        before = _fold(buffer, peaks, count);
        root = _fold(buffer, peaks, _append(buffer, peaks, size, count, entries));
    }

    /// @notice Whether `proof` shows that the tree of `first` entries is the beginning of that of `second`
    /// (RFC 9162, section 2.1.4.2; its step numbers below). From size 0 the proof is empty and shows nothing, because
    /// there is nothing to keep.
    /// @dev The caller owes `first < second` and `proof.length <= MAX_PROOF`.
    function isConsistent(
        uint256 first,
        uint256 second,
        bytes32 firstRoot,
        bytes32 secondRoot,
        bytes32[] calldata proof
    ) internal view returns (bool) {
        if (first == 0) return proof.length == 0;
        // (3), (4) both walks begin at the largest complete subtree at the end of the old tree
        uint256 fn = first - 1;
        uint256 sn = second - 1;
        for (; fn & 1 == 1; fn >>= 1) {
            sn >>= 1;
        }
        // (2), (5) which is the old tree itself when its size is a power of two
        bool isWhole = first & (first - 1) == 0;
        if (!isWhole && proof.length == 0) return false; // (1)
        bytes32 fr = isWhole ? firstRoot : proof[0];
        bytes32 sr = fr;
        bytes memory buffer = _newBuffer();
        for (uint256 i = isWhole ? 0 : 1; i < proof.length; ++i) {
            if (sn == 0) return false; // (6.1)
            if (fn & 1 == 1 || fn == sn) {
                // (6.2)
                fr = _node(buffer, proof[i], fr);
                sr = _node(buffer, proof[i], sr);
                for (; fn & 1 == 0 && fn != 0; fn >>= 1) {
                    sn >>= 1;
                }
            } else {
                sr = _node(buffer, sr, proof[i]); // (6.3)
            }
            fn >>= 1;
            sn >>= 1;
        }
        return fr == firstRoot && sr == secondRoot && sn == 0; // (7)
    }

    /// @notice The number of peaks of a tree of this size: one for each bit set in it.
    function peakCount(uint256 size) internal pure returns (uint256 count) {
        for (uint256 rest = size; rest != 0; rest &= rest - 1) {
            ++count;
        }
    }

    /// Append leaves to the peaks in place and return how many peaks there are then. A set bit in a size is a peak,
    /// the largest at the highest bit, so a new leaf merges with one peak for each set bit at the size's low end.
    ///
    /// Memory: writes the 33 bytes of the leaf part and the 65 bytes of the node part of `buffer`; the elements of
    /// `peaks` below `MAX_PEAKS`, because `top` is at most one element past the bits set in a 64-bit size before
    /// each append; and scratch space, where each digest lands and is taken from. A failed hash is noticed at the end:
    /// nothing was stored by then, and the revert undoes the call.
    function _append(
        bytes memory buffer,
        bytes32[] memory peaks,
        uint256 size,
        uint256 count,
        bytes32[] calldata entries
    ) private view returns (uint256 newCount) {
        bool success = true;
        assembly ("memory-safe") {
            let leaf := add(buffer, 32)
            let node := add(buffer, 96)
            let first := add(peaks, 32)
            let top := add(first, shl(5, count))
            let end := add(entries.offset, shl(5, entries.length))
            for { let at := entries.offset } lt(at, end) { at := add(at, 32) } {
                mstore(add(leaf, 1), calldataload(at))
                success := and(success, staticcall(gas(), 2, leaf, LEAF_BYTES, 0, 32))
                for { let bits := size } and(bits, 1) { bits := shr(1, bits) } {
                    top := sub(top, 32)
                    mstore(add(node, 1), mload(top))
                    mstore(add(node, 33), mload(0))
                    success := and(success, staticcall(gas(), 2, node, NODE_BYTES, 0, 32))
                }
                mstore(top, mload(0))
                top := add(top, 32)
                size := add(size, 1)
            }
            newCount := shr(5, sub(top, first))
        }
        if (!success) revert HashFailed();
    }

    /// The tree head of these peaks: they are hashed together from the smallest up.
    function _fold(bytes memory buffer, bytes32[] memory peaks, uint256 count) private view returns (bytes32 root) {
        if (count == 0) return EMPTY_ROOT;
        root = peaks[count - 1];
        for (uint256 i = count - 1; i > 0; --i) {
            root = _node(buffer, peaks[i - 1], root);
        }
    }

    /// Memory for the two kinds of hash input, each with its prefix byte in place: for a leaf in the first 33 bytes,
    /// for a node in the 65 bytes from `NODE_AT` on.
    function _newBuffer() private pure returns (bytes memory buffer) {
        buffer = new bytes(BUFFER_BYTES);
        buffer[NODE_AT] = 0x01;
    }

    /// SHA-256(0x01 ‖ left ‖ right). Memory: writes the node part of `buffer` and scratch space.
    function _node(bytes memory buffer, bytes32 left, bytes32 right) private view returns (bytes32 digest) {
        bool success;
        assembly ("memory-safe") {
            let at := add(buffer, 96)
            mstore(add(at, 1), left)
            mstore(add(at, 33), right)
            success := staticcall(gas(), 2, at, NODE_BYTES, 0, 32)
            digest := mload(0)
        }
        if (!success) revert HashFailed();
    }
}
