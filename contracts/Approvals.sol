// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

import {ITrustRegistry} from "./ITrustRegistry.sol";

/// @title Approvals by members, and the running hash over what they decided
/// @dev Members are kept by term: with new members a new term begins, in which no approval has been given. So nobody's
/// approval outlives their membership, and a call costs the same for three members and for a hundred.
abstract contract Approvals is ITrustRegistry {
    /// @notice The most members.
    uint256 public constant MAX_MEMBERS = 100;

    /// Kinds of event in the running hash.
    uint256 private constant RECORDED = 0;
    uint256 private constant MEMBERS_CHANGED = 1;
    /// SHA-256 of nothing.
    bytes32 private constant EMPTY_HASH = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    address[] private _members;
    uint256 private _threshold;
    uint256 private _term;
    uint64 private _sequence;
    bytes32 private _runningHash;
    /// Each member's bit in `_given`, by term.
    mapping(uint256 term => mapping(address member => uint256 bit)) private _bits;
    /// Who approved a change, by term.
    mapping(uint256 term => mapping(bytes32 changeId => uint256 bits)) private _given;
    /// Who of the new members accepted, one bit each in their order, by term.
    mapping(uint256 term => mapping(bytes32 changeId => uint256 bits)) private _accepted;
    mapping(bytes32 changeId => bool) private _inEffect;

    /// @param first the first members, in ascending order
    /// @param threshold how many of them must approve
    constructor(address[] memory first, uint256 threshold) {
        // A call to an address without a precompile succeeds and returns nothing; then nothing here would hold.
        if (sha256("") != EMPTY_HASH) revert HashFailed();
        _checkMembers(first, threshold);
        _runningHash = sha256(abi.encode(block.chainid, address(this)));
        _seat(first, threshold);
    }

    /// @inheritdoc ITrustRegistry
    function approveMembers(address[] calldata next, uint256 threshold) external {
        _checkMembers(next, threshold);
        _approve(_membersId(next, threshold));
    }

    /// @inheritdoc ITrustRegistry
    function acceptMembers(address[] calldata next, uint256 threshold) external {
        _checkMembers(next, threshold);
        uint256 bit = 0;
        for (uint256 i = 0; i < next.length; ++i) {
            if (next[i] == msg.sender) bit = 1 << i;
        }
        if (bit == 0) revert NotMember(msg.sender);
        bytes32 id = _membersId(next, threshold);
        _checkApproved(id);
        uint256 accepted = _accepted[_term][id];
        if (accepted & bit != 0) revert AlreadyApproved(id, msg.sender);
        accepted |= bit;
        _accepted[_term][id] = accepted;
        if (_count(accepted) >= threshold) _seat(next, threshold);
    }

    /// @inheritdoc ITrustRegistry
    function withdraw(bytes32 id) external {
        uint256 bit = _bitOfCaller();
        uint256 given = _given[_term][id];
        if (given & bit == 0 || _inEffect[id]) revert NoApproval(id, msg.sender);
        _given[_term][id] = given ^ bit;
        emit ApprovalWithdrawn(id, msg.sender);
    }

    /// @inheritdoc ITrustRegistry
    function newest() external view returns (uint64 sequence, bytes32 runningHash) {
        return (_sequence, _runningHash);
    }

    /// @inheritdoc ITrustRegistry
    function members() external view returns (address[] memory accounts, uint256 threshold) {
        return (_members, _threshold);
    }

    /// @inheritdoc ITrustRegistry
    function approvals(bytes32 id) public view returns (uint256) {
        return _count(_given[_term][id]);
    }

    /// Count the caller's approval and say whether there are enough.
    function _approve(bytes32 id) internal returns (bool isEnough) {
        uint256 bit = _bitOfCaller();
        if (_inEffect[id]) revert AlreadyInEffect(id);
        uint256 given = _given[_term][id];
        if (given & bit != 0) revert AlreadyApproved(id, msg.sender);
        given |= bit;
        _given[_term][id] = given;
        uint256 count = _count(given);
        emit Approved(id, msg.sender, count);
        return count >= _threshold;
    }

    /// Let a change take effect, once.
    function _useApproval(bytes32 id) internal {
        if (_inEffect[id]) revert AlreadyInEffect(id);
        _checkApproved(id);
        _inEffect[id] = true;
    }

    /// Put a change into the history.
    function _record(Change calldata change, uint64 start, uint64 end) internal {
        bytes32 content = sha256(
            abi.encode(
                change.action,
                change.kind,
                change.role,
                change.administration,
                change.what,
                start,
                end,
                sha256(change.details)
            )
        );
        (uint64 sequence, bytes32 runningHash) = _advance(RECORDED, content);
        emit Recorded(
            sequence,
            change.administration,
            change.what,
            change.action,
            change.kind,
            change.role,
            uint64(block.timestamp),
            start,
            end,
            change.details,
            runningHash
        );
    }

    function _seat(address[] memory next, uint256 threshold) private {
        uint256 term = ++_term;
        for (uint256 i = 0; i < next.length; ++i) {
            _bits[term][next[i]] = 1 << i;
        }
        (_members, _threshold) = (next, threshold);
        bytes32 content = sha256(abi.encodePacked(threshold, next));
        (uint64 sequence, bytes32 runningHash) = _advance(MEMBERS_CHANGED, content);
        emit MembersChanged(sequence, next, threshold, uint64(block.timestamp), runningHash);
    }

    function _advance(uint256 kind, bytes32 content) private returns (uint64 sequence, bytes32 runningHash) {
        sequence = ++_sequence;
        runningHash = sha256(abi.encode(_runningHash, sequence, block.timestamp, kind, content));
        _runningHash = runningHash;
    }

    function _checkApproved(bytes32 id) private view {
        uint256 count = approvals(id);
        if (count < _threshold) revert NotApproved(id, count, _threshold);
    }

    function _bitOfCaller() private view returns (uint256 bit) {
        bit = _bits[_term][msg.sender];
        if (bit == 0) revert NotMember(msg.sender);
    }

    /// More than half, so that no two groups can decide against each other; in ascending order, so that nobody is twice.
    function _checkMembers(address[] memory next, uint256 threshold) private pure {
        bool isUsable = next.length > 0 && next.length <= MAX_MEMBERS;
        isUsable = isUsable && threshold <= next.length && threshold > next.length / 2;
        address before = address(0);
        for (uint256 i = 0; isUsable && i < next.length; ++i) {
            isUsable = next[i] > before;
            before = next[i];
        }
        if (!isUsable) revert UnusableMembers(next.length, threshold, MAX_MEMBERS);
    }

    function _membersId(address[] memory next, uint256 threshold) private pure returns (bytes32) {
        return keccak256(abi.encode("members", next, threshold));
    }

    function _count(uint256 bits) private pure returns (uint256 count) {
        for (uint256 rest = bits; rest != 0; rest &= rest - 1) {
            ++count;
        }
    }
}
