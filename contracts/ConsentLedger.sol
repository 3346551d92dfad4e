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

    mapping(bytes32 logId => Head) private _heads;
    mapping(address sealer => bytes32 logId) private _logs;

    /// @param owner who may register logs
    constructor(address owner) Ownable(owner) {}

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

    /// The root after appending `commitments` to the tree whose peaks are `frontier`. A set bit in `size` is a peak,
    /// the largest at the highest bit, so a new leaf merges with one peak for each set bit at the low end.
    function _grow(uint64 size, bytes32 root, bytes32[] calldata frontier, bytes32[] calldata commitments)
        private
        view
        returns (bytes32)
    {
        bytes memory buffer = new bytes(NODE_BYTES);
        bytes32[] memory peaks = new bytes32[](MAX_PEAKS);
        uint256 count = _popcount(size);
        if (frontier.length != count) revert FrontierLength(count, frontier.length);
        for (uint256 i = 0; i < count; ++i) {
            peaks[i] = frontier[i];
        }
        bytes32 folded = _fold(buffer, peaks, count);
        if (folded != root) revert FrontierMismatch(root, folded);
        uint256 next = size;
        for (uint256 i = 0; i < commitments.length; ++i) {
            bytes32 peak = _leaf(buffer, commitments[i]);
            for (uint256 bits = next; bits & 1 == 1; bits >>= 1) {
                --count;
                peak = _node(buffer, peaks[count], peak);
            }
            peaks[count] = peak;
            ++count;
            ++next;
        }
        return _fold(buffer, peaks, count);
    }

    /// The tree head of these peaks: they are hashed together from the smallest up.
    function _fold(bytes memory buffer, bytes32[] memory peaks, uint256 count) private view returns (bytes32 root) {
        if (count == 0) return EMPTY_ROOT;
        root = peaks[count - 1];
        for (uint256 i = count - 1; i > 0; --i) {
            root = _node(buffer, peaks[i - 1], root);
        }
    }

    /// SHA-256(0x00 ‖ commitment). `buffer` has `NODE_BYTES` bytes, of which the first 33 are written.
    function _leaf(bytes memory buffer, bytes32 commitment) private view returns (bytes32) {
        assembly ("memory-safe") {
            mstore8(add(buffer, 32), 0)
            mstore(add(buffer, 33), commitment)
        }
        return _sha256(buffer, LEAF_BYTES);
    }

    /// SHA-256(0x01 ‖ left ‖ right). `buffer` has `NODE_BYTES` bytes, all of which are written.
    function _node(bytes memory buffer, bytes32 left, bytes32 right) private view returns (bytes32) {
        assembly ("memory-safe") {
            mstore8(add(buffer, 32), 1)
            mstore(add(buffer, 33), left)
            mstore(add(buffer, 65), right)
        }
        return _sha256(buffer, NODE_BYTES);
    }

    /// SHA-256 over the buffer's first bytes. Written by hand because the compiler's own `sha256(bytes)` copies its
    /// argument into fresh memory on each call, 2,000 times in a full anchor. The answer lands in scratch space.
    function _sha256(bytes memory buffer, uint256 length) private view returns (bytes32 digest) {
        bool success;
        assembly ("memory-safe") {
            success := staticcall(gas(), 2, add(buffer, 32), length, 0, 32)
            success := and(success, eq(returndatasize(), 32))
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
