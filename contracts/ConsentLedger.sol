// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IConsentLedger} from "./IConsentLedger.sol";

/// @title Heads of append-only consent logs
/// @dev The owner only registers logs. `Ownable2Step` is taken because that one right must be able to pass, in two
/// steps that a typing error cannot complete, from the key that deployed to a contract by which the members decide.
contract ConsentLedger is IConsentLedger, Ownable2Step {
    /// @notice The most commitments in one anchor.
    uint256 public constant MAX_COMMITMENTS = 1000;

    /// SHA-256 of nothing: the tree head of size 0 (RFC 9162, section 2.1.1).
    bytes32 private constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;
    /// A tree of a 64-bit size has at most 64 peaks.
    uint256 private constant MAX_PEAKS = 64;
    /// One prefix byte and two digests (RFC 9162, section 2.1.1).
    uint256 private constant NODE_BYTES = 65;
    /// One prefix byte and one commitment.
    uint256 private constant LEAF_BYTES = 33;
    uint256 private constant NODE_AT = 64;
    uint256 private constant BUFFER_BYTES = NODE_AT + NODE_BYTES;

    mapping(bytes32 logId => Head) private _heads;
    mapping(address sealer => bytes32 logId) private _logs;

    /// @param owner who may register logs
    constructor(address owner) Ownable(owner) {
        // A call to an address without a precompile succeeds and returns nothing; then nothing here would hold.
        if (sha256("") != EMPTY_ROOT) revert HashFailed();
    }

    /// @inheritdoc IConsentLedger
    function registerLog(bytes32 logId, address sealer) external onlyOwner {
        Head storage log = _heads[logId];
        if (log.sealer != address(0)) revert LogAlreadyRegistered(logId, log.sealer);
        if (sealer == address(0) || sealer.code.length != 0) revert UnusableSealer(sealer);
        (bytes32 other, bool exists) = logOf(sealer);
        if (exists) revert SealerInUse(sealer, other);
        log.sealer = sealer;
        log.root = EMPTY_ROOT;
        _logs[sealer] = logId;
        emit LogRegistered(logId, sealer);
    }

    /// @inheritdoc IConsentLedger
    function anchor(
        bytes32 logId,
        uint64 prevSize,
        uint64 size,
        bytes32 root,
        bytes32[] calldata frontier,
        bytes32[] calldata commitments
    ) external {
        Head storage log = _heads[logId];
        _checkCaller(logId, log.sealer);
        (uint64 currentSize, bytes32 currentRoot) = (log.size, log.root);
        if (size == currentSize && root == currentRoot) return;
        if (prevSize != currentSize) revert NotCurrentSize(logId, currentSize, prevSize);
        if (commitments.length == 0 || commitments.length > MAX_COMMITMENTS) {
            revert BatchSize(commitments.length, MAX_COMMITMENTS);
        }
        if (uint256(prevSize) + commitments.length != size) {
            revert NotSum(uint256(prevSize) + commitments.length, size);
        }
        bytes32 computed = _grow(prevSize, currentRoot, frontier, commitments);
        if (computed != root) revert RootMismatch(computed, root);
        log.size = size;
        log.root = root;
        emit Anchored(logId, prevSize, size, currentRoot, root, Mode.Calldata);
    }

    /// @inheritdoc IConsentLedger
    function head(bytes32 logId) external view returns (Head memory) {
        return _heads[logId];
    }

    /// @inheritdoc IConsentLedger
    function logOf(address sealer) public view returns (bytes32 logId, bool exists) {
        logId = _logs[sealer];
        exists = sealer != address(0) && _heads[logId].sealer == sealer;
    }

    /// The sealer's code is looked at too: an account that delegated to code (EIP-7702) could otherwise call here
    /// from inside a transaction to itself, and the commitments would not be that transaction's calldata.
    function _checkCaller(bytes32 logId, address sealer) private view {
        if (sealer == address(0)) revert UnknownLog(logId);
        if (msg.sender != sealer) revert NotSealer(logId, sealer, msg.sender);
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert NotCalledDirectly(msg.sender, tx.origin);
    }

    /// The root after appending `commitments` to the tree whose peaks are `frontier`, after checking that these
    /// are the peaks of the tree that `root` is the head of.
    function _grow(uint64 size, bytes32 root, bytes32[] calldata frontier, bytes32[] calldata commitments)
        private
        view
        returns (bytes32)
    {
        uint256 count = _popcount(size);
        if (frontier.length != count) revert FrontierLength(count, frontier.length);
        bytes memory buffer = _newBuffer();
        bytes32[] memory peaks = new bytes32[](MAX_PEAKS);
        for (uint256 i = 0; i < count; ++i) {
            peaks[i] = frontier[i];
        }
        bytes32 folded = _fold(buffer, peaks, count);
        if (folded != root) revert FrontierMismatch(root, folded);
        return _fold(buffer, peaks, _append(buffer, peaks, size, count, commitments));
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
        bytes32[] calldata commitments
    ) private view returns (uint256 newCount) {
        bool success = true;
        assembly ("memory-safe") {
            let leaf := add(buffer, 32)
            let node := add(buffer, 96)
            let first := add(peaks, 32)
            let top := add(first, shl(5, count))
            let end := add(commitments.offset, shl(5, commitments.length))
            for { let at := commitments.offset } lt(at, end) { at := add(at, 32) } {
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

    /// Memory for the two kinds of hash input, each with its prefix byte in place: for a leaf in the first 33 bytes, for
    /// a node in the 65 bytes from `NODE_AT` on.
    function _newBuffer() private pure returns (bytes memory buffer) {
        buffer = new bytes(BUFFER_BYTES);
        buffer[NODE_AT] = 0x01;
    }

    /// SHA-256(0x01 ‖ left ‖ right)
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

    function _popcount(uint64 size) private pure returns (uint256 count) {
        for (uint64 rest = size; rest != 0; rest &= rest - 1) {
            ++count;
        }
    }
}
