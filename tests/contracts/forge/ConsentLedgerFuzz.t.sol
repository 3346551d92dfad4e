// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

import {ConsentLedger} from "../src/ConsentLedger.sol";
import {IConsentLedger} from "../src/IConsentLedger.sol";
import {Reference, VM} from "./Reference.sol";

/// @title One log from any size to any other, with right and with wrong arguments
contract ConsentLedgerFuzzTest {
    address private constant OWNER = address(0xA11CE);
    address private constant SEALER = address(0x5EA1E4);
    bytes32 private constant LOG = keccak256("log");
    uint256 private constant MOST = 64;

    ConsentLedger private _ledger;

    function setUp() public {
        _ledger = new ConsentLedger(OWNER);
        _register(LOG, SEALER);
    }

    /// Every pair of sizes up to 64 in both modes, each on a log of its own.
    function test_everyPairOfSizesInBothModes() public {
        bytes32[] memory entries = Reference.entriesOf("pairs", MOST);
        uint160 next = 0x10000;
        for (uint256 second = 1; second <= MOST; ++second) {
            bytes32 root = Reference.root(entries, second);
            for (uint256 first = 0; first < second; ++first) {
                for (uint256 mode = 0; mode < 2; ++mode) {
                    (bytes32 log, address sealer) = (bytes32(uint256(++next)), address(next));
                    _register(log, sealer);
                    if (first != 0) {
                        _anchorRoot(log, sealer, 0, first, Reference.root(entries, first), new bytes32[](0));
                    }
                    if (mode == 0) {
                        bytes32[] memory added = Reference.range(entries, first, second);
                        _anchor(log, sealer, first, second, root, Reference.frontier(entries, first), added);
                    } else {
                        _anchorRoot(log, sealer, first, second, root, Reference.proof(entries, first, second));
                    }
                    _expectHead(log, second, root);
                }
            }
        }
    }

    function testFuzz_bothModesGiveTheTreeHeadOfTheDefinition(bytes32 seed, uint8 a, uint8 b, uint8 c) public {
        (uint256 first, uint256 second) = (a, uint256(a) + 1 + b);
        uint256 third = second + 1 + c;
        bytes32[] memory entries = Reference.entriesOf(seed, third);
        _grow(entries, 0, first);
        bytes32 root = Reference.root(entries, second);
        _anchorRoot(LOG, SEALER, first, second, root, Reference.proof(entries, first, second));
        _expectHead(LOG, second, root);
        _grow(entries, second, third);
        _expectHead(LOG, third, Reference.root(entries, third));
    }

    function testFuzz_aProofWithOneOtherHashIsRefused(bytes32 seed, uint8 a, uint8 b, uint8 place, bytes32 other) public {
        (uint256 first, uint256 second) = (uint256(a) + 1, uint256(a) + 2 + b);
        bytes32[] memory entries = Reference.entriesOf(seed, second);
        _grow(entries, 0, first);
        bytes32[] memory proof = Reference.proof(entries, first, second);
        uint256 index = place % proof.length;
        if (proof[index] == other) return;
        proof[index] = other;
        _expectNotConsistent(first, second, Reference.root(entries, first), Reference.root(entries, second), proof);
    }

    function testFuzz_aProofForAnotherSizeIsRefused(bytes32 seed, uint8 a, uint8 b, uint8 c) public {
        (uint256 first, uint256 second) = (uint256(a) + 1, uint256(a) + 2 + b);
        uint256 other = second + 1 + c;
        bytes32[] memory entries = Reference.entriesOf(seed, other);
        _grow(entries, 0, first);
        bytes32 root = Reference.root(entries, other);
        _expectNotConsistent(
            first, second, Reference.root(entries, first), root, Reference.proof(entries, first, second)
        );
    }

    /// The other history shares its beginning with the anchored one up to an entry before `first`.
    function testFuzz_aForkIsRefusedInBothModes(bytes32 seed, uint8 a, uint8 b, uint8 place, bytes32 other) public {
        (uint256 first, uint256 second) = (uint256(a) + 1, uint256(a) + 2 + b);
        bytes32[] memory entries = Reference.entriesOf(seed, second);
        bytes32 current = Reference.root(entries, first);
        _grow(entries, 0, first);
        if (entries[place % first] == other) return;
        entries[place % first] = other;
        bytes32 root = Reference.root(entries, second);
        _expectNotConsistent(first, second, current, root, Reference.proof(entries, first, second));
        bytes32[] memory peaks = Reference.frontier(entries, first);
        bytes32[] memory added = Reference.range(entries, first, second);
        bytes32 folded = Reference.root(entries, first);
        VM.expectRevert(abi.encodeWithSelector(IConsentLedger.FrontierMismatch.selector, current, folded));
        _anchor(LOG, SEALER, first, second, root, peaks, added);
        _expectHead(LOG, first, current);
    }

    function testFuzz_noProofMadeOfAnythingIsTaken(uint8 a, uint64 size, bytes32 root, bytes32[] calldata proof) public {
        bytes32[] memory entries = Reference.entriesOf("any", uint256(a) + 1);
        bytes32 current = Reference.root(entries, entries.length);
        _grow(entries, 0, entries.length);
        if (size == entries.length && root == current) return;
        VM.prank(SEALER, SEALER);
        try _ledger.anchorRoot(LOG, uint64(entries.length), size, root, proof) {
            revert("taken");
        } catch {}
        _expectHead(LOG, entries.length, current);
    }

    function testFuzz_aProofFromAnEmptyLogIsRefused(uint64 size, bytes32 root, bytes32 only) public {
        if (size == 0) return;
        _expectNotConsistent(0, size, sha256(""), root, Reference.with(new bytes32[](0), only));
    }

    /// From a power of two the proof starts at the old root itself: alone it leads to no larger tree.
    function testFuzz_theOldRootIsThatOfNoLargerTree(uint8 exponent, uint64 size) public {
        bytes32[] memory entries = Reference.entriesOf("power", 1 << (exponent % 8));
        if (size <= entries.length) return;
        bytes32 current = Reference.root(entries, entries.length);
        _grow(entries, 0, entries.length);
        _expectNotConsistent(entries.length, size, current, current, new bytes32[](0));
    }

    function testFuzz_noCallOfAnybodyElseMovesAHead(
        address caller,
        uint64 prevSize,
        uint64 size,
        bytes32 root,
        bytes32[] calldata list,
        bytes32[] calldata commitments
    ) public {
        if (caller == SEALER) return;
        VM.prank(caller, caller);
        VM.expectRevert(abi.encodeWithSelector(IConsentLedger.NotSealer.selector, LOG, SEALER, caller));
        _ledger.anchor(LOG, prevSize, size, root, list, commitments);
        VM.prank(caller, caller);
        VM.expectRevert(abi.encodeWithSelector(IConsentLedger.NotSealer.selector, LOG, SEALER, caller));
        _ledger.anchorRoot(LOG, prevSize, size, root, list);
        VM.prank(SEALER, caller == address(0) ? OWNER : caller);
        try _ledger.anchorRoot(LOG, 0, size, root, new bytes32[](0)) {
            revert("taken");
        } catch {}
        _expectHead(LOG, 0, sha256(""));
    }

    function testFuzz_aRepeatNeverRevertsAndEmitsNothing(
        uint8 a,
        bool frozen,
        uint64 prevSize,
        bytes32[] calldata list,
        bytes32[] calldata commitments
    ) public {
        bytes32[] memory entries = Reference.entriesOf("repeat", a);
        bytes32 root = Reference.root(entries, a);
        _grow(entries, 0, a);
        if (frozen) {
            VM.prank(SEALER, SEALER);
            _ledger.freezeLog(LOG);
        }
        VM.recordLogs();
        VM.prank(SEALER, SEALER);
        _ledger.anchor(LOG, prevSize, a, root, list, commitments);
        VM.prank(SEALER, SEALER);
        _ledger.anchorRoot(LOG, prevSize, a, root, list);
        require(VM.getRecordedLogs().length == 0, "a repeat emitted an event");
        _expectHead(LOG, a, root);
    }

    function _grow(bytes32[] memory entries, uint256 first, uint256 second) private {
        if (first == second) return;
        bytes32[] memory added = Reference.range(entries, first, second);
        bytes32[] memory peaks = Reference.frontier(entries, first);
        _anchor(LOG, SEALER, first, second, Reference.root(entries, second), peaks, added);
    }

    function _register(bytes32 log, address sealer) private {
        VM.prank(OWNER, OWNER);
        _ledger.registerLog(log, sealer);
    }

    function _anchor(
        bytes32 log,
        address sealer,
        uint256 first,
        uint256 second,
        bytes32 root,
        bytes32[] memory peaks,
        bytes32[] memory added
    ) private {
        VM.prank(sealer, sealer);
        _ledger.anchor(log, uint64(first), uint64(second), root, peaks, added);
    }

    function _anchorRoot(
        bytes32 log,
        address sealer,
        uint256 first,
        uint256 second,
        bytes32 root,
        bytes32[] memory proof
    ) private {
        VM.prank(sealer, sealer);
        _ledger.anchorRoot(log, uint64(first), uint64(second), root, proof);
    }

    function _expectNotConsistent(
        uint256 first,
        uint256 second,
        bytes32 current,
        bytes32 root,
        bytes32[] memory proof
    ) private {
        VM.expectRevert(abi.encodeWithSelector(IConsentLedger.NotConsistent.selector, current, root));
        _anchorRoot(LOG, SEALER, first, second, root, proof);
        _expectHead(LOG, first, current);
    }

    function _expectHead(bytes32 log, uint256 size, bytes32 root) private view {
        IConsentLedger.Head memory found = _ledger.head(log);
        require(found.size == size && found.root == root, "another head");
    }
}
