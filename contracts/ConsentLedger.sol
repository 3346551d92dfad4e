// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IConsentLedger} from "./IConsentLedger.sol";
import {MerkleLog} from "./MerkleLog.sol";

/// @title Heads of append-only consent logs
/// @dev The owner registers logs and may freeze them. `Ownable2Step` is taken because that right must be able to pass,
/// in two steps that a typing error cannot complete, from the key that deployed to a contract by which the members
/// decide.
contract ConsentLedger is IConsentLedger, Ownable2Step {
    /// @notice The most commitments in one anchor in calldata mode.
    uint256 public constant MAX_COMMITMENTS = 1000;
    /// @notice The most hashes in a consistency proof: what trees of 64-bit sizes can need.
    uint256 public constant MAX_PROOF = MerkleLog.MAX_PROOF;

    mapping(bytes32 logId => Head) private _heads;
    mapping(address sealer => bytes32 logId) private _logs;

    /// @param owner who may register and freeze logs
    constructor(address owner) Ownable(owner) {
        MerkleLog.checkHash();
    }

    /// @inheritdoc IConsentLedger
    function registerLog(bytes32 logId, address sealer) external onlyOwner {
        Head storage log = _heads[logId];
        if (log.sealer != address(0)) revert LogAlreadyRegistered(logId, log.sealer);
        if (sealer == address(0) || sealer.code.length != 0) revert UnusableSealer(sealer);
        (bytes32 other, bool exists) = logOf(sealer);
        if (exists) revert SealerInUse(sealer, other);
        log.sealer = sealer;
        log.root = MerkleLog.EMPTY_ROOT;
        _logs[sealer] = logId;
        emit LogRegistered(logId, sealer);
    }

    /// @inheritdoc IConsentLedger
    function freezeLog(bytes32 logId) external {
        Head storage log = _heads[logId];
        if (log.sealer == address(0)) revert UnknownLog(logId);
        if (msg.sender != log.sealer && msg.sender != owner()) revert NotSealerOrOwner(logId, msg.sender);
        if (log.frozen) return;
        log.frozen = true;
        emit LogFrozen(logId, log.size, log.root, msg.sender);
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
        (bytes32 currentRoot, bool isRepeat) = _checkAnchor(logId, prevSize, size, root);
        if (isRepeat) return;
        if (commitments.length == 0 || commitments.length > MAX_COMMITMENTS) {
            revert BatchSize(commitments.length, MAX_COMMITMENTS);
        }
        if (uint256(prevSize) + commitments.length != size) {
            revert NotSum(uint256(prevSize) + commitments.length, size);
        }
        uint256 count = MerkleLog.peakCount(prevSize);
        if (frontier.length != count) revert FrontierLength(count, frontier.length);
        (bytes32 folded, bytes32 computed) = MerkleLog.grow(prevSize, frontier, commitments);
        if (folded != currentRoot) revert FrontierMismatch(currentRoot, folded);
        if (computed != root) revert RootMismatch(computed, root);
        _move(logId, prevSize, size, currentRoot, root, Mode.Calldata);
    }

    /// @inheritdoc IConsentLedger
    function anchorRoot(bytes32 logId, uint64 prevSize, uint64 size, bytes32 root, bytes32[] calldata proof) external {
        (bytes32 currentRoot, bool isRepeat) = _checkAnchor(logId, prevSize, size, root);
        if (isRepeat) return;
        if (size <= prevSize) revert NotLarger(prevSize, size);
        if (proof.length > MAX_PROOF) revert ProofLength(proof.length, MAX_PROOF);
        if (!MerkleLog.isConsistent(prevSize, size, currentRoot, root, proof)) revert NotConsistent(currentRoot, root);
        _move(logId, prevSize, size, currentRoot, root, Mode.RootOnly);
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

    /// What both kinds of anchor must pass first: the log's sealer calls, directly, and names the current head, as what
    /// it repeats or as what it starts from. Returns the current root.
    ///
    /// The sealer's code is looked at too: an account that delegated to code (EIP-7702) could otherwise call here
    /// from inside a transaction to itself, and the commitments would not be that transaction's calldata.
    function _checkAnchor(bytes32 logId, uint64 prevSize, uint64 size, bytes32 root)
        private
        view
        returns (bytes32 currentRoot, bool isRepeat)
    {
        Head storage log = _heads[logId];
        (address sealer, uint64 currentSize, bool frozen) = (log.sealer, log.size, log.frozen);
        if (sealer == address(0)) revert UnknownLog(logId);
        if (msg.sender != sealer) revert NotSealer(logId, sealer, msg.sender);
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert NotCalledDirectly(msg.sender, tx.origin);
        currentRoot = log.root;
        if (size == currentSize && root == currentRoot) return (currentRoot, true);
        if (frozen) revert LogIsFrozen(logId);
        if (prevSize != currentSize) revert NotCurrentSize(logId, currentSize, prevSize);
    }

    function _move(bytes32 logId, uint64 prevSize, uint64 size, bytes32 prevRoot, bytes32 root, Mode mode) private {
        Head storage log = _heads[logId];
        log.size = size;
        log.root = root;
        emit Anchored(logId, prevSize, size, prevRoot, root, mode);
    }
}
