// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

import {ConsentLedger} from "../src/ConsentLedger.sol";
import {IConsentLedger} from "../src/IConsentLedger.sol";
import {Reference, VM, Vm} from "./Reference.sol";

/// @title Three logs, their sealers, the owner and a stranger, who do what they may and try what they may not
/// @dev Keeps beside the contract what must be true of it. `broken` names the first thing that should not have happened.
contract Handler {
    address public constant OWNER = address(0xA11CE);
    address private constant STRANGER = address(0xBAD);
    uint256 private constant MOST = 150;
    uint256 public constant LOGS = 3;
    bytes32 private constant ANCHORED = IConsentLedger.Anchored.selector;

    ConsentLedger public immutable ledger;
    string public broken;
    uint256 public anchors;
    uint256 public refusals;

    mapping(uint256 => bytes32[]) private _entries;
    mapping(uint256 => bool) public frozen;
    /// The head that the newest event of each log named.
    mapping(uint256 => bytes32) public lastRoot;
    mapping(uint256 => uint256) public lastSize;

    constructor() {
        ledger = new ConsentLedger(OWNER);
        for (uint256 log = 0; log < LOGS; ++log) {
            VM.prank(OWNER, OWNER);
            ledger.registerLog(idOf(log), sealerOf(log));
            lastRoot[log] = sha256("");
        }
    }

    function idOf(uint256 log) public pure returns (bytes32) {
        return keccak256(abi.encode("log", log));
    }

    function sealerOf(uint256 log) public pure returns (address) {
        return address(uint160(0x5EA1E4000 + log));
    }

    function entriesOf(uint256 log) external view returns (bytes32[] memory) {
        return _entries[log];
    }

    /// The sealer anchors a batch, in either mode.
    function grow(uint256 log, uint8 count, bytes32 seed, bool rootOnly) external {
        log %= LOGS;
        uint256 before = _entries[log].length;
        uint256 added = 1 + count % 17;
        if (before + added > MOST) return;
        bytes32[] memory more = Reference.entriesOf(seed, added);
        bytes memory data = _call(log, _with(_entries[log], more), before, rootOnly);
        bool taken = _send(log, sealerOf(log), data);
        if (taken == frozen[log]) _break("a frozen log moved, or a right anchor was refused");
        if (!taken) return;
        ++anchors;
        for (uint256 i = 0; i < added; ++i) {
            _entries[log].push(more[i]);
        }
    }

    /// The sealer tries another history: an entry before the head is changed, or some are left out.
    function fork(uint256 log, uint8 count, bytes32 seed, uint256 place, bool rootOnly, bool shorter) external {
        log %= LOGS;
        bytes32[] memory now_ = _entries[log];
        if (now_.length < 2) return;
        uint256 before = shorter ? now_.length - 1 : now_.length;
        bytes32[] memory other = Reference.range(now_, 0, before);
        other[place % before] = keccak256(abi.encode(seed));
        bytes32[] memory all = _with(other, Reference.entriesOf(seed, 2 + count % 17));
        if (_send(log, sealerOf(log), _call(log, all, before, rootOnly))) _break("a fork was taken");
    }

    /// The sealer sends a right anchor with one word of its calldata changed. Left alone are what may be another and
    /// mean the same, the offsets of lists, and what no proof shows alone: the size, and any head of an empty log.
    function spoil(uint256 log, uint8 count, bytes32 seed, uint256 place, bytes32 word, bool rootOnly) external {
        log %= LOGS;
        uint256 before = _entries[log].length;
        if (before == 0 && rootOnly) return;
        bytes32[] memory all = _with(_entries[log], Reference.entriesOf(seed, 1 + count % 17));
        bytes memory data = _call(log, all, before, rootOnly);
        place %= (data.length - 4) / 32;
        if (place == 4 || place == (rootOnly ? 2 : 5)) return;
        place = 36 + 32 * place;
        bytes32 old;
        assembly ("memory-safe") {
            old := mload(add(data, place))
            mstore(add(data, place), word)
        }
        if (old != word && _send(log, sealerOf(log), data)) _break("a spoilt anchor was taken");
    }

    /// Somebody else sends what would be right from the sealer: the owner, a stranger, another log's sealer.
    function impersonate(uint256 log, uint8 who, bytes32 seed, bool rootOnly) external {
        log %= LOGS;
        uint256 before = _entries[log].length;
        bytes memory data = _call(log, _with(_entries[log], Reference.entriesOf(seed, 3)), before, rootOnly);
        address by = who % 3 == 0 ? OWNER : who % 3 == 1 ? STRANGER : sealerOf((log + 1) % LOGS);
        if (_send(log, by, data)) _break("another key moved a head");
    }

    /// The sealer repeats the head.
    function repeat(uint256 log, uint64 prevSize, bytes32[] calldata list, bool rootOnly) external {
        log %= LOGS;
        (bytes32 id, uint64 size, bytes32 root) = (idOf(log), uint64(_entries[log].length), lastRoot[log]);
        bytes memory data = rootOnly
            ? abi.encodeCall(IConsentLedger.anchorRoot, (id, prevSize, size, root, list))
            : abi.encodeCall(IConsentLedger.anchor, (id, prevSize, size, root, list, list));
        VM.recordLogs();
        VM.prank(sealerOf(log), sealerOf(log));
        (bool success,) = address(ledger).call(data);
        if (!success || VM.getRecordedLogs().length != 0) _break("a repeat reverted or emitted something");
    }

    /// Rarely, because it is for good.
    function freeze(uint256 log, uint8 who, uint8 chance) external {
        log %= LOGS;
        if (chance % 8 != 0) return;
        address by = who % 4 == 0 ? OWNER : who % 4 == 1 ? sealerOf(log) : who % 4 == 2 ? STRANGER : sealerOf(log + 1);
        bool may = by == OWNER || by == sealerOf(log);
        VM.prank(by, by);
        try ledger.freezeLog(idOf(log)) {
            if (!may) _break("somebody else froze a log");
            frozen[log] = true;
        } catch {
            if (may) _break("freezing was refused");
        }
    }

    /// The owner and a stranger try to give a log another sealer, or a sealer another log.
    function register(uint256 log, uint8 who, bool newLog) external {
        log %= LOGS;
        address by = who % 2 == 0 ? OWNER : STRANGER;
        VM.prank(by, by);
        (bytes32 id, address sealer) = newLog ? (keccak256("new"), sealerOf(log)) : (idOf(log), address(0xABC));
        try ledger.registerLog(id, sealer) {
            _break("a registration was taken");
        } catch {}
    }

    /// A call of either mode from `before` entries to all of them.
    function _call(uint256 log, bytes32[] memory all, uint256 before, bool rootOnly) private pure returns (bytes memory) {
        (bytes32 id, uint64 prevSize, uint64 size) = (idOf(log), uint64(before), uint64(all.length));
        bytes32 root = Reference.root(all, all.length);
        if (rootOnly) {
            bytes32[] memory proof = Reference.proof(all, before, all.length);
            return abi.encodeCall(IConsentLedger.anchorRoot, (id, prevSize, size, root, proof));
        }
        bytes32[] memory added = Reference.range(all, before, all.length);
        bytes32[] memory peaks = Reference.frontier(all, before);
        return abi.encodeCall(IConsentLedger.anchor, (id, prevSize, size, root, peaks, added));
    }

    /// Send it; follow the events; return whether the head moved.
    function _send(uint256 log, address by, bytes memory data) private returns (bool) {
        IConsentLedger.Head memory before = ledger.head(idOf(log));
        VM.recordLogs();
        VM.prank(by, by);
        (bool success,) = address(ledger).call(data);
        Vm.Log[] memory logs = VM.getRecordedLogs();
        IConsentLedger.Head memory now_ = ledger.head(idOf(log));
        bool moved = now_.size != before.size || now_.root != before.root;
        if (!success) ++refusals;
        if (!success && (moved || logs.length != 0)) _break("a refused call changed something");
        if (moved != (logs.length == 1)) _break("a head and its events differ");
        if (moved) _follow(log, logs[0], now_, bytes4(data) == IConsentLedger.anchorRoot.selector);
        return moved;
    }

    function _follow(uint256 log, Vm.Log memory entry, IConsentLedger.Head memory now_, bool rootOnly) private {
        (uint64 prevSize, bytes32 prevRoot, bytes32 root, uint8 mode) =
            abi.decode(entry.data, (uint64, bytes32, bytes32, uint8));
        bool same = entry.topics[0] == ANCHORED && entry.topics[1] == idOf(log)
            && uint256(entry.topics[2]) == now_.size && root == now_.root;
        if (!same) _break("an event names another head");
        if (prevSize != lastSize[log] || prevRoot != lastRoot[log]) _break("a gap between events");
        if ((mode == 1) != rootOnly) _break("an event names another mode");
        (lastSize[log], lastRoot[log]) = (now_.size, now_.root);
    }

    function _with(bytes32[] memory list, bytes32[] memory more) private pure returns (bytes32[] memory all) {
        all = new bytes32[](list.length + more.length);
        for (uint256 i = 0; i < all.length; ++i) {
            all[i] = i < list.length ? list[i] : more[i - list.length];
        }
    }

    function _break(string memory what) private {
        if (bytes(broken).length == 0) broken = what;
    }
}

/// @title The invariants of `IConsentLedger`, after every call of a random history
/// @dev forge calls the handler, and the contract itself with anything from anybody who has no right in it.
contract ConsentLedgerInvariantsTest {
    Handler private _handler;
    ConsentLedger private _ledger;

    function setUp() public {
        _handler = new Handler();
        _ledger = _handler.ledger();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](2);
        (targets[0], targets[1]) = (address(_handler), address(_ledger));
    }

    /// forge picks senders also from the addresses that it saw: straight from the owner or a sealer, who may freeze a log
    /// or give the ledger away, a call would do what the handler does not know of. As them only the handler calls.
    function excludeSenders() public view returns (address[] memory senders) {
        senders = new address[](1 + _handler.LOGS());
        senders[0] = _handler.OWNER();
        for (uint256 log = 0; log < _handler.LOGS(); ++log) {
            senders[1 + log] = _handler.sealerOf(log);
        }
    }

    /// The handler does what it says: else the invariants would hold of nothing.
    function test_theHandlerAnchorsAndIsRefused() public {
        _handler.grow(0, 4, "a", false);
        _handler.grow(0, 6, "b", true);
        require(_handler.anchors() == 2 && _ledger.head(_handler.idOf(0)).size == 12, "did not grow");
        _handler.fork(0, 3, "c", 1, false, false);
        _handler.fork(0, 3, "c", 1, true, false);
        _handler.spoil(0, 3, "d", 3, "word", true);
        _handler.impersonate(0, 0, "e", true);
        _handler.freeze(0, 1, 0);
        _handler.grow(0, 6, "f", true);
        require(_handler.refusals() == 5 && _handler.frozen(0), "was not refused");
        invariant_3_5_6_8_10_12_nothingBroke();
    }

    /// 1, 2: each log keeps its sealer, each sealer its log.
    function invariant_1_2_sealersNeverChange() public view {
        for (uint256 log = 0; log < _handler.LOGS(); ++log) {
            require(_ledger.head(_handler.idOf(log)).sealer == _handler.sealerOf(log), "another sealer");
            (bytes32 id, bool exists) = _ledger.logOf(_handler.sealerOf(log));
            require(exists && id == _handler.idOf(log), "another log");
        }
    }

    /// 4, 9: each head is the tree head over exactly the commitments that its own sealer anchored.
    function invariant_4_9_headsAreTreesOfAllCommitments() public view {
        for (uint256 log = 0; log < _handler.LOGS(); ++log) {
            bytes32[] memory entries = _handler.entriesOf(log);
            IConsentLedger.Head memory found = _ledger.head(_handler.idOf(log));
            require(found.size == entries.length, "another size");
            require(found.root == Reference.root(entries, entries.length), "another root");
        }
    }

    /// 3, 5, 6, 8, 10, 12: nothing was taken or refused that should not have been.
    function invariant_3_5_6_8_10_12_nothingBroke() public view {
        require(bytes(_handler.broken()).length == 0, _handler.broken());
    }

    /// 7: the newest event of each log names its head.
    function invariant_7_eventsLeadToTheHead() public view {
        for (uint256 log = 0; log < _handler.LOGS(); ++log) {
            IConsentLedger.Head memory found = _ledger.head(_handler.idOf(log));
            require(found.size == _handler.lastSize(log) && found.root == _handler.lastRoot(log), "a gap");
        }
    }

    /// 11: frozen is what was frozen, for good; that its head stays is seen in each attempt to grow it.
    function invariant_11_frozenStaysFrozen() public view {
        for (uint256 log = 0; log < _handler.LOGS(); ++log) {
            require(_ledger.head(_handler.idOf(log)).frozen == _handler.frozen(log), "thawed, or frozen by nobody");
        }
    }
}
