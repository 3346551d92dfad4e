// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

import {Approvals} from "./Approvals.sol";
import {ITrustRegistry} from "./ITrustRegistry.sol";

/// @title Who may do what, decided by members and accepted by those concerned
/// @dev Who decides is in `Approvals`; here is what a change may be. No function calls other code.
contract TrustRegistry is Approvals {
    /// @notice The most bytes of details in one change.
    uint256 public constant MAX_DETAILS = 4096;

    /// An administration's entry is found without its account, which may change.
    bytes32 private constant ANY_ACCOUNT = 0;

    mapping(bytes32 entryId => Entry) private _entries;
    mapping(bytes32 administration => address) private _accounts;
    /// The entry that a key belongs to for good.
    mapping(bytes32 thumbprint => bytes32 entryId) private _keys;
    /// How often an entry was ended.
    mapping(bytes32 entryId => uint256) private _ends;
    /// How often an administration was added, each time with an account.
    mapping(bytes32 administration => uint256) private _additions;

    /// @param first the first members, in ascending order
    /// @param threshold how many of them must approve
    constructor(address[] memory first, uint256 threshold) Approvals(first, threshold) {}

    /// @inheritdoc ITrustRegistry
    function approve(Change[] calldata changes) external {
        for (uint256 i = 0; i < changes.length; ++i) {
            _approveChange(changes[i]);
        }
    }

    /// @inheritdoc ITrustRegistry
    function accept(Change[] calldata changes) external {
        for (uint256 i = 0; i < changes.length; ++i) {
            _acceptChange(changes[i]);
        }
    }

    /// @inheritdoc ITrustRegistry
    function accountOf(bytes32 administration) external view returns (address) {
        return _accounts[administration];
    }

    /// @inheritdoc ITrustRegistry
    function entry(Kind kind, Role role, bytes32 administration, bytes32 what)
        external
        view
        returns (Entry memory)
    {
        return _entries[_entryId(kind, role, administration, what)];
    }

    /// @inheritdoc ITrustRegistry
    function changeId(Change calldata change) external view returns (bytes32) {
        return _changeId(change);
    }

    function _approveChange(Change calldata change) private {
        _checkForm(change);
        bytes32 id = _changeId(change);
        if (!_approve(id) || change.action == Action.Add) return;
        _useApproval(id);
        bytes32 entryId = _entryId(change.kind, change.role, change.administration, change.what);
        if (change.action == Action.End) _end(change, entryId);
        else _compromise(change, entryId);
    }

    function _acceptChange(Change calldata change) private {
        _checkForm(change);
        bool isNew = change.kind == Kind.Administration;
        address account = isNew ? address(uint160(uint256(change.what))) : _accounts[change.administration];
        if (account == address(0)) revert UnknownAdministration(change.administration);
        if (msg.sender != account) revert NotAdministration(change.administration, account, msg.sender);
        _useApproval(_changeId(change));
        _add(change, _entryId(change.kind, change.role, change.administration, change.what));
        if (!isNew) return;
        _accounts[change.administration] = account;
        ++_additions[change.administration];
    }

    /// An administration that is there may be added again: with another account, or with other names.
    function _add(Change calldata change, bytes32 entryId) private {
        Entry storage found = _entries[entryId];
        bool isAgain = change.kind == Kind.Administration;
        if (!isAgain && found.end > block.timestamp) revert EntryExists(entryId, found.end);
        uint64 start = _notBefore(change.start);
        if (change.end <= start) revert EmptyInterval(start, change.end);
        if (change.kind == Kind.Key) {
            bytes32 known = _keys[change.what];
            if (known != 0 && known != entryId) revert KeyInUse(change.what, known);
            if (found.compromisedSince != 0) revert KeyCompromised(change.what, found.compromisedSince);
            _keys[change.what] = entryId;
        }
        (found.start, found.end) = (start, change.end);
        _record(change, start, change.end);
    }

    /// An administration that has ended has no account: it accepts nothing more, and its rights end with it.
    function _end(Change calldata change, bytes32 entryId) private {
        Entry storage found = _entries[entryId];
        if (found.end <= block.timestamp) revert NoEntry(entryId, found.end);
        uint64 end = _notBefore(change.end);
        if (end >= found.end) revert NotEarlier(entryId, found.end, end);
        found.end = end;
        ++_ends[entryId];
        if (change.kind == Kind.Administration) delete _accounts[change.administration];
        _record(change, found.start, end);
    }

    /// Also a key that has ended may turn out to have been compromised before.
    function _compromise(Change calldata change, bytes32 entryId) private {
        Entry storage found = _entries[entryId];
        if (found.end == 0) revert NoEntry(entryId, 0);
        uint64 since = change.start;
        uint64 current = found.compromisedSince == 0 ? uint64(block.timestamp) + 1 : found.compromisedSince;
        if (since >= current) revert NotEarlier(entryId, current, since);
        found.compromisedSince = since;
        _record(change, since, found.end);
    }

    /// Nothing that was true yesterday can be made untrue today.
    function _notBefore(uint64 moment) private view returns (uint64) {
        return moment < block.timestamp ? uint64(block.timestamp) : moment;
    }

    function _checkForm(Change calldata change) private pure {
        bool isParty = change.kind == Kind.Administration;
        bool hasRole = change.kind == Kind.Right || change.kind == Kind.Key;
        bool isUsable = hasRole == (change.role != Role.None);
        bool isAudit = change.kind == Kind.Right && change.role == Role.Auditor;
        bool isUnnamed = isAudit || (isParty && change.action == Action.End);
        isUsable = isUsable && isUnnamed == (change.what == 0);
        isUsable = isUsable && (!isParty || uint256(change.what) <= type(uint160).max);
        // only keys are compromised, and 0 stands for never
        bool isReport = change.action == Action.Compromise;
        isUsable = isUsable && (!isReport || (change.kind == Kind.Key && change.start != 0));
        if (!isUsable) revert UnusableChange(change.action, change.kind, change.role, change.what);
        if (change.details.length > MAX_DETAILS) revert DetailsLength(change.details.length, MAX_DETAILS);
    }

    function _entryId(Kind kind, Role role, bytes32 administration, bytes32 what) private pure returns (bytes32) {
        bytes32 named = kind == Kind.Administration ? ANY_ACCOUNT : what;
        return keccak256(abi.encode(kind, role, administration, named));
    }

    /// What was approved before an end is not what is added after it, nor is an account that was approved before another
    /// one was accepted: it would take the administration back from it. An `End` or `Compromise` gives nothing and takes
    /// effect with its last approval, so it counts no ends: one that follows another in a list must not be lost.
    function _changeId(Change calldata change) private view returns (bytes32) {
        if (change.action != Action.Add) return keccak256(abi.encode(change));
        bytes32 party = _entryId(Kind.Administration, Role.None, change.administration, ANY_ACCOUNT);
        if (change.kind == Kind.Administration) {
            return keccak256(abi.encode(change, _ends[party], _additions[change.administration]));
        }
        bytes32 entryId = _entryId(change.kind, change.role, change.administration, change.what);
        return keccak256(abi.encode(change, _ends[entryId], _ends[party]));
    }
}
