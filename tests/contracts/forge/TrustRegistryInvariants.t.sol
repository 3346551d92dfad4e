// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

import {ITrustRegistry} from "../src/ITrustRegistry.sol";
import {TrustRegistry} from "../src/TrustRegistry.sol";
import {VM, Vm} from "./Reference.sol";

/// @title Five possible members and two administrations, who decide what they may and try what they may not
/// @dev Counts beside the contract who approved and accepted what, and computes the running hash from the events as
/// `ITrustRegistry` describes it. `broken` names the first thing that should not have happened.
contract RegistryHandler {
    uint256 public constant PEOPLE = 5;
    uint256 private constant CHANGES = 48;
    uint256 private constant COUNCILS = 6;

    TrustRegistry public immutable registry;
    string public broken;
    uint256 public effects;
    uint256 public councils;
    uint256 public refusals;

    /// What the events said, in order: kind of event, and what the running hash takes of it.
    struct Said {
        uint256 kind;
        uint256 recordedAt;
        bytes32 content;
        bytes32 runningHash;
    }

    Said[] private _said;
    uint256 private _term;
    uint256 private _threshold;
    mapping(uint256 term => mapping(address => bool)) private _sits;
    mapping(uint256 term => mapping(bytes32 id => mapping(address => bool))) private _approved;
    mapping(uint256 term => mapping(bytes32 id => mapping(address => bool))) private _accepted;
    mapping(bytes32 id => bool) private _inEffect;
    /// When somebody approved these words last, and when an entry was ended last, by a clock of approvals and ends.
    mapping(bytes32 words => mapping(address => uint256)) private _givenAt;
    mapping(bytes32 entryId => uint256) private _endedAt;
    mapping(bytes32 entryId => uint256) private _ends;
    /// How often and when an administration's account was accepted.
    mapping(bytes32 entryId => uint256) private _additions;
    mapping(bytes32 entryId => uint256) private _addedAt;
    uint256 private _clock;
    mapping(bytes32 administration => address) private _accounts;
    mapping(bytes32 thumbprint => bytes32 owner) private _owners;

    constructor() {
        VM.warp(1_800_000_000);
        (address[] memory first, uint256 threshold) = councilOf(0);
        VM.recordLogs();
        registry = new TrustRegistry(first, threshold);
        _follow(VM.getRecordedLogs(), bytes32(0), address(0));
    }

    function person(uint256 number) public pure returns (address) {
        return address(uint160(0xA0000 + number % PEOPLE));
    }

    function accountOf(uint256 number) public pure returns (address) {
        return address(uint160(0xB0000 + number % 3));
    }

    /// Some of the people, in ascending order, with a threshold of more than half.
    function councilOf(uint256 seed) public pure returns (address[] memory members, uint256 threshold) {
        seed %= COUNCILS;
        uint256 count = seed == 5 ? 1 : 3 - seed % 2;
        members = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            members[i] = person(seed / 2 + i);
        }
        threshold = count / 2 + 1;
    }

    /// One of a few changes, so that several people approve the same one; some of them mean nothing.
    function changeOf(uint256 seed) public pure returns (ITrustRegistry.Change memory change) {
        seed %= CHANGES;
        uint256 administration = seed % 2;
        uint256 about = seed / 2 % 4;
        uint256 action = seed / 8 % 3;
        change.action = ITrustRegistry.Action(action);
        change.kind = ITrustRegistry.Kind(about);
        change.role = about == 1 || about == 2 ? ITrustRegistry.Role.Issuer : ITrustRegistry.Role.None;
        change.administration = sha256(abi.encode(administration));
        // both administrations have the same key in mind
        change.what = about == 0
            ? bytes32(action == 0 ? uint256(uint160(accountOf(administration + seed / 24))) : 0)
            : keccak256(abi.encode(about));
        change.end = action == 1 ? 0 : type(uint64).max;
        change.start = action == 2 ? uint64(1_700_000_000 - seed) : 0;
        change.details = abi.encode(seed / 24);
    }

    /// A member approves one change or two together; so does who is no member.
    function approve(uint256 who, uint256 first, uint256 second, bool both) external {
        _send(person(who), _list(first, second, both), true);
    }

    /// An administration's account accepts one change or two together; so does somebody else.
    function accept(uint256 who, uint256 first, uint256 second, bool both) external {
        _send(who % 4 == 3 ? person(who) : accountOf(who), _list(first, second, both), false);
    }

    /// Four changes, most of them additions, with all steps: else long histories would be rare.
    function carryThrough(uint256 seed) external {
        for (uint256 i = 0; i < 4; ++i) {
            uint256 chosen = seed % 12 < 9 ? (seed / 12) % 8 : seed / 12;
            _carryThrough(chosen);
            seed = uint256(keccak256(abi.encode(seed)));
        }
    }

    /// All people approve a change and its administration accepts it.
    function carryOut(uint256 seed) external {
        _carryThrough(seed);
    }

    function _carryThrough(uint256 seed) private {
        ITrustRegistry.Change[] memory list = _list(seed, seed, false);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _send(person(i), list, true);
        }
        for (uint256 i = 0; i < 3; ++i) {
            _send(accountOf(i), list, false);
        }
    }

    function withdraw(uint256 who, uint256 seed) external {
        (address by, bytes32 id) = (person(who), _idOf(changeOf(seed)));
        VM.recordLogs();
        VM.prank(by, by);
        try registry.withdraw(id) {
            if (!_approved[_term][id][by] || _inEffect[id]) _break("an approval was withdrawn that nobody had given");
            _approved[_term][id][by] = false;
            delete _givenAt[keccak256(abi.encode(changeOf(seed)))][by];
        } catch {
            ++refusals;
        }
        _follow(VM.getRecordedLogs(), bytes32(0), address(0));
    }

    function approveMembers(uint256 who, uint256 seed) external {
        _sendCouncil(person(who), seed, true);
    }

    function acceptMembers(uint256 who, uint256 seed) external {
        _sendCouncil(person(who), seed, false);
    }

    /// Other members come in, with all steps.
    function replaceCouncil(uint256 seed, uint8 chance) external {
        if (chance % 4 != 0) return;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _sendCouncil(person(i), seed, true);
        }
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _sendCouncil(person(i), seed, false);
        }
    }

    function wait(uint16 time) external {
        VM.warp(block.timestamp + time);
    }

    function count() external view returns (uint256) {
        return _said.length;
    }

    function council() external view returns (uint256 threshold, uint256 seated) {
        threshold = _threshold;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (_sits[_term][person(i)]) ++seated;
        }
    }

    function account(bytes32 administration) external view returns (address) {
        return _accounts[administration];
    }

    /// The running hash over everything that was ever said, from the chain and the contract on.
    function recomputed() external view returns (bytes32 runningHash) {
        runningHash = sha256(abi.encode(block.chainid, address(registry)));
        for (uint256 i = 0; i < _said.length; ++i) {
            Said storage said = _said[i];
            runningHash = sha256(abi.encode(runningHash, i + 1, said.recordedAt, said.kind, said.content));
            require(runningHash == said.runningHash, "an event has another running hash");
        }
    }

    function _list(uint256 first, uint256 second, bool both)
        private
        pure
        returns (ITrustRegistry.Change[] memory list)
    {
        list = new ITrustRegistry.Change[](both ? 2 : 1);
        list[0] = changeOf(first);
        if (both) list[1] = changeOf(second);
    }

    function _send(address by, ITrustRegistry.Change[] memory list, bool approving) private {
        VM.recordLogs();
        VM.prank(by, by);
        (bool taken,) = address(registry).call(
            approving ? abi.encodeCall(ITrustRegistry.approve, (list)) : abi.encodeCall(ITrustRegistry.accept, (list))
        );
        Vm.Log[] memory logs = VM.getRecordedLogs();
        if (!taken) {
            // forge also records what a refused call took back
            ++refusals;
            _compare(list);
            return;
        }
        uint256 at = 0;
        for (uint256 i = 0; i < list.length; ++i) {
            bytes32 id = _idOf(list[i]);
            if (approving) {
                if (!_sits[_term][by] || _approved[_term][id][by]) _break("an approval counted that may not");
                _approved[_term][id][by] = true;
                _givenAt[keccak256(abi.encode(list[i]))][by] = ++_clock;
                ++at;
            }
            bool effective = !approving || (list[i].action != ITrustRegistry.Action.Add && _approvals(id) == _threshold);
            if (effective) _takeEffect(list[i], id, by, approving, logs, at++);
        }
        if (at != logs.length) _break("more or fewer events than effects");
        _compare(list);
    }

    /// The contract says what was seen to happen, and nothing else happened.
    function _compare(ITrustRegistry.Change[] memory list) private {
        (uint64 sequence, bytes32 runningHash) = registry.newest();
        if (sequence != _said.length || runningHash != _said[sequence - 1].runningHash) {
            _break("the history moved without an event, or otherwise");
        }
        for (uint256 i = 0; i < list.length; ++i) {
            bytes32 id = _idOf(list[i]);
            if (registry.changeId(list[i]) != id) _break("a change is approved under another identifier");
            if (registry.approvals(id) != _approvals(id)) _break("approvals are counted otherwise");
        }
    }

    function _takeEffect(
        ITrustRegistry.Change memory change,
        bytes32 id,
        address by,
        bool approving,
        Vm.Log[] memory logs,
        uint256 at
    ) private {
        ++effects;
        if (_inEffect[id]) _break("a change took effect twice");
        if (_approvals(id) < _threshold) _break("a change took effect with too few approvals");
        _inEffect[id] = true;
        bool isParty = change.kind == ITrustRegistry.Kind.Administration;
        if (change.action == ITrustRegistry.Action.Add) {
            address concerned = isParty ? address(uint160(uint256(change.what))) : _accounts[change.administration];
            if (approving || by != concerned || by == address(0)) _break("something was given to who did not accept it");
            if (_givenSinceEnd(change) < _threshold) _break("what was ended or replaced came back by approvals from before");
            if (isParty) {
                _accounts[change.administration] = concerned;
                ++_additions[_partyOf(change)];
                _addedAt[_partyOf(change)] = ++_clock;
            }
            if (change.kind == ITrustRegistry.Kind.Key) {
                bytes32 owner = _owners[change.what];
                if (owner != 0 && owner != change.administration) _break("a key went to another administration");
                _owners[change.what] = change.administration;
            }
        } else if (isParty) {
            delete _accounts[change.administration];
        }
        if (change.action == ITrustRegistry.Action.End) {
            ++_ends[_entryOf(change)];
            _endedAt[_entryOf(change)] = ++_clock;
        }
        if (at >= logs.length) _break("an effect without its event");
        else _record(logs[at], change);
    }

    function _record(Vm.Log memory entry, ITrustRegistry.Change memory change) private {
        (
            uint8 action,
            uint8 kind,
            uint8 role,
            uint64 recordedAt,
            uint64 start,
            uint64 end,
            bytes memory details,
            bytes32 runningHash
        ) = abi.decode(entry.data, (uint8, uint8, uint8, uint64, uint64, uint64, bytes, bytes32));
        bool same = entry.topics[0] == ITrustRegistry.Recorded.selector && action == uint8(change.action)
            && kind == uint8(change.kind) && role == uint8(change.role) && entry.topics[2] == change.administration
            && entry.topics[3] == change.what && sha256(details) == sha256(change.details);
        if (!same) _break("an event says another change");
        bool reported = change.action == ITrustRegistry.Action.Compromise;
        bool inTime = reported || (change.action == ITrustRegistry.Action.Add ? start : end) >= block.timestamp;
        if (!inTime || recordedAt != block.timestamp) _break("a right began or ended before its block");
        bytes32 content = sha256(
            abi.encode(action, kind, role, change.administration, change.what, start, end, sha256(details))
        );
        _say(entry, 0, recordedAt, content, runningHash);
    }

    function _say(Vm.Log memory entry, uint256 kind, uint256 recordedAt, bytes32 content, bytes32 runningHash) private {
        if (uint256(entry.topics[1]) != _said.length + 1) _break("a gap between sequence numbers");
        _said.push(Said(kind, recordedAt, content, runningHash));
    }

    function _sendCouncil(address by, uint256 seed, bool approving) private {
        (address[] memory next, uint256 threshold) = councilOf(seed);
        bytes32 id = keccak256(abi.encode("members", next, threshold));
        uint256 term = _term;
        VM.recordLogs();
        VM.prank(by, by);
        bytes memory data = approving
            ? abi.encodeCall(ITrustRegistry.approveMembers, (next, threshold))
            : abi.encodeCall(ITrustRegistry.acceptMembers, (next, threshold));
        (bool taken,) = address(registry).call(data);
        Vm.Log[] memory logs = VM.getRecordedLogs();
        if (!taken) {
            ++refusals;
            _compare(new ITrustRegistry.Change[](0));
            return;
        }
        if (approving) {
            if (!_sits[term][by] || _approved[term][id][by]) _break("an approval counted that may not");
            _approved[term][id][by] = true;
            return;
        }
        if (_approvals(id) < _threshold) _break("members were accepted that too few approved");
        _accepted[term][id][by] = true;
        _follow(logs, id, by);
    }

    /// The events of a change of members, which needs as many of the new ones as their threshold.
    function _follow(Vm.Log[] memory logs, bytes32 id, address by) private {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != ITrustRegistry.MembersChanged.selector) continue;
            (address[] memory next, uint256 threshold, uint64 recordedAt, bytes32 runningHash) =
                abi.decode(logs[i].data, (address[], uint256, uint64, bytes32));
            uint256 accepted = 0;
            for (uint256 k = 0; k < next.length; ++k) {
                if (_accepted[_term][id][next[k]]) ++accepted;
                _sits[_term + 1][next[k]] = true;
            }
            if (by != address(0) && accepted != threshold) _break("members took over that did not accept");
            ++councils;
            ++_term;
            _threshold = threshold;
            _say(logs[i], 1, recordedAt, sha256(abi.encodePacked(threshold, next)), runningHash);
        }
    }

    /// How many members approved these words after the last end of the entry and of its administration; those of an
    /// account also after the last that was accepted.
    function _givenSinceEnd(ITrustRegistry.Change memory change) private view returns (uint256 given) {
        bytes32 words = keccak256(abi.encode(change));
        (uint256 ended, uint256 partyEnded) = (_endedAt[_entryOf(change)], _endedAt[_partyOf(change)]);
        uint256 added = change.kind == ITrustRegistry.Kind.Administration ? _addedAt[_partyOf(change)] : 0;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            uint256 at = _givenAt[words][person(i)];
            if (_sits[_term][person(i)] && at > ended && at > partyEnded && at > added) ++given;
        }
    }

    function _idOf(ITrustRegistry.Change memory change) private view returns (bytes32) {
        if (change.action != ITrustRegistry.Action.Add) return keccak256(abi.encode(change));
        bool isParty = change.kind == ITrustRegistry.Kind.Administration;
        uint256 second = isParty ? _additions[_partyOf(change)] : _ends[_partyOf(change)];
        return keccak256(abi.encode(change, _ends[_entryOf(change)], second));
    }

    function _entryOf(ITrustRegistry.Change memory change) private pure returns (bytes32) {
        if (change.kind == ITrustRegistry.Kind.Administration) return _partyOf(change);
        return sha256(abi.encode(change.kind, change.role, change.administration, change.what));
    }

    function _partyOf(ITrustRegistry.Change memory change) private pure returns (bytes32) {
        return change.administration;
    }

    function _approvals(bytes32 id) private view returns (uint256 given) {
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (_sits[_term][person(i)] && _approved[_term][id][person(i)]) ++given;
        }
    }

    function _break(string memory what) private {
        if (bytes(broken).length == 0) broken = what;
    }
}

/// @title The invariants of `ITrustRegistry`, after every call of a random history
/// @dev forge calls the handler, and the contract itself with anything from anybody who has no say in it.
contract TrustRegistryInvariantsTest {
    RegistryHandler private _handler;
    TrustRegistry private _registry;

    function setUp() public {
        _handler = new RegistryHandler();
        _registry = _handler.registry();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](2);
        (targets[0], targets[1]) = (address(_handler), address(_registry));
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory chosen = new bytes4[](8);
        chosen[0] = RegistryHandler.approve.selector;
        chosen[1] = RegistryHandler.accept.selector;
        chosen[2] = RegistryHandler.carryThrough.selector;
        chosen[3] = RegistryHandler.withdraw.selector;
        chosen[4] = RegistryHandler.approveMembers.selector;
        chosen[5] = RegistryHandler.acceptMembers.selector;
        chosen[6] = RegistryHandler.replaceCouncil.selector;
        chosen[7] = RegistryHandler.wait.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), chosen);
    }

    /// forge picks senders also from the addresses that it saw: what a member or an administration sent straight to the
    /// registry the handler would not know of. As them only the handler calls.
    function excludeSenders() public view returns (address[] memory senders) {
        uint256 people = _handler.PEOPLE();
        senders = new address[](people + 3);
        for (uint256 i = 0; i < senders.length; ++i) {
            senders[i] = i < people ? _handler.person(i) : _handler.accountOf(i - people);
        }
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    /// The handler does what it says: else the invariants would hold of nothing.
    function test_theHandlerDecidesAndIsRefused() public {
        // an administration joins, gets a right and a key, and loses them
        _handler.carryOut(0);
        _handler.carryOut(2);
        _handler.carryOut(4);
        _handler.wait(60);
        _handler.carryOut(10);
        _handler.carryOut(20);
        require(_handler.effects() == 5 && _handler.count() == 6, "did not decide");
        require(_handler.account(_handler.changeOf(0).administration) == _handler.accountOf(0), "did not join");
        _handler.replaceCouncil(2, 0);
        require(_handler.councils() == 2, "no other members");
        uint256 before = _handler.refusals();
        _handler.approve(0, 26, 0, false);
        _handler.accept(1, 26, 0, false);
        require(_handler.refusals() == before + 2 && _handler.effects() == 5, "was not refused");
        _check();
    }

    /// What was approved before an end is refused after it, and taken when it was approved anew.
    function test_11_theHandlerHoldsApprovalsInReserve() public {
        _handler.carryOut(0);
        _handler.carryOut(2);
        // the same right with other details, while it lives; then its end
        for (uint256 i = 0; i < 5; ++i) {
            _handler.approve(i, 26, 0, false);
        }
        _handler.carryOut(10);
        require(_handler.effects() == 3, "did not end");
        uint256 before = _handler.refusals();
        _handler.accept(0, 26, 0, false);
        require(_handler.refusals() == before + 1 && _handler.effects() == 3, "came back");
        _handler.carryOut(26);
        require(_handler.effects() == 4, "was not approved anew");
        _check();
    }

    /// 1, 2, 3, 4, 5, 7, 9, 10, 11: nothing was taken or refused that should not have been.
    function invariant_1_2_3_4_5_7_9_10_11_12_nothingBroke() public view {
        require(bytes(_handler.broken()).length == 0, _handler.broken());
    }

    /// 6: as many events as the newest number says, and the running hash over all of them.
    function invariant_6_theRunningHashCoversEverythingThatWasEverSaid() public view {
        (uint64 sequence, bytes32 runningHash) = _registry.newest();
        require(sequence == _handler.count() && runningHash == _handler.recomputed(), "another history");
    }

    /// 4, 5: members and accounts are those of the decisions.
    function invariant_4_5_membersAndAccountsAreThoseOfTheDecisions() public view {
        (address[] memory members, uint256 threshold) = _registry.members();
        (uint256 expected, uint256 seated) = _handler.council();
        require(threshold == expected && members.length == seated && threshold * 2 > seated, "another council");
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 administration = sha256(abi.encode(i));
            require(_registry.accountOf(administration) == _handler.account(administration), "another account");
        }
    }

    function _check() private view {
        invariant_1_2_3_4_5_7_9_10_11_12_nothingBroke();
        invariant_6_theRunningHashCoversEverythingThatWasEverSaid();
        invariant_4_5_membersAndAccountsAreThoseOfTheDecisions();
    }
}
