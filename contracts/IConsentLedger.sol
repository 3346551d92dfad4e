// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

/// @title Heads of append-only consent logs
/// @notice Each log is a Merkle tree (RFC 9162, SHA-256) over 32-byte commitments, the salted digests of consent
/// records. The contract holds each log's newest head and lets it grow only: a fork, a rewrite, or a head that
/// the commitments or the proof sent with it do not give is refused by everybody who runs the chain.
/// @dev Nothing here says anything about a person: no argument is a citizen's address, key or identifier.
/// There is no upgrade path, no pause and no way to correct a head.
///
/// Invariants (each has a test of its number in tests/contracts):
/// 1. Only the owner registers logs; a registered log's sealer never changes.
/// 2. A key seals at most one log.
/// 3. Only a log's sealer moves its head, and only by a transaction of its own that calls this contract directly,
///    so the arguments of every anchor are the calldata of a transaction in a block.
/// 4. Every head extends every earlier one: its tree (RFC 9162) begins with theirs. A head anchored in calldata mode is
///    its predecessor with exactly the commitments of its calldata appended, so while no anchor was root-only, the root
///    is the tree head over all commitments anchored so far, in order, and the size their number.
/// 5. A call that names the current head changes nothing, emits nothing and does not revert, in either mode, frozen or
///    not.
/// 6. A call that reverts changes nothing.
/// 7. `Anchored` events of a log form a chain without gaps: each one's previous head is the last one's head, the
///    first one's is the empty tree.
/// 8. An anchor in calldata mode carries between 1 and `MAX_COMMITMENTS` commitments; a root-only anchor grows the log
///    by at least one entry with at most `MAX_PROOF` hashes.
/// 9. No anchor or freezing of one log touches another log.
/// 10. The owner cannot move a head.
/// 11. A frozen log's head never moves again, and it stays frozen. Only its sealer and the owner can freeze a log.
/// 12. The mode in an event is the one whose check that anchor passed.
interface IConsentLedger {
    /// @notice How an anchor showed that the new head extends the old one.
    enum Mode {
        /// All new commitments were in the calldata, and the contract computed the root from them.
        Calldata,
        /// A consistency proof was in the calldata, and the contract followed it to both roots. The chain then does not
        /// carry the commitments: whoever wants the entries needs a mirror of the log's tiles.
        RootOnly
    }

    /// @notice The state of one log.
    struct Head {
        /// The only address whose anchors are taken; zero for a log that is not registered.
        address sealer;
        /// Number of commitments in the tree.
        uint64 size;
        /// Whether the log takes no more anchors, for good.
        bool frozen;
        /// Tree head (RFC 9162, section 2.1.1); SHA-256 of nothing for size 0.
        bytes32 root;
    }

    /// @notice A log was registered with its sealer.
    /// @param logId SHA-256 of the log's origin line
    /// @param sealer the only address whose anchors will be taken
    event LogRegistered(bytes32 indexed logId, address indexed sealer);

    /// @notice A log grew.
    /// @param logId the log
    /// @param prevSize size before
    /// @param size size after, always larger
    /// @param prevRoot tree head of `prevSize`
    /// @param root tree head of `size`
    /// @param mode how the contract was shown that one extends the other
    event Anchored(
        bytes32 indexed logId, uint64 prevSize, uint64 indexed size, bytes32 prevRoot, bytes32 root, Mode mode
    );

    /// @notice A log was frozen for good.
    /// @param logId the log
    /// @param size its last size
    /// @param root its last tree head
    /// @param by who froze it: the log's sealer or the owner
    event LogFrozen(bytes32 indexed logId, uint64 size, bytes32 root, address indexed by);

    /// @notice No such log is registered.
    error UnknownLog(bytes32 logId);
    /// @notice The log has a sealer already.
    error LogAlreadyRegistered(bytes32 logId, address sealer);
    /// @notice This address cannot seal: it is zero or has code.
    error UnusableSealer(address sealer);
    /// @notice This address seals another log.
    error SealerInUse(address sealer, bytes32 logId);
    /// @notice The caller is not the log's sealer.
    error NotSealer(bytes32 logId, address sealer, address caller);
    /// @notice The sealer's call came through code, its own included, instead of being the transaction itself.
    error NotCalledDirectly(address caller, address origin);
    /// @notice Only the log's sealer and the owner may freeze it.
    error NotSealerOrOwner(bytes32 logId, address caller);
    /// @notice The log is frozen and this anchor would move its head.
    error LogIsFrozen(bytes32 logId);
    /// @notice The anchor does not start from the current head.
    error NotCurrentSize(bytes32 logId, uint64 current, uint64 given);
    /// @notice An anchor carries 1 to `maximum` commitments.
    error BatchSize(uint256 given, uint256 maximum);
    /// @notice The new size is not the old one plus the number of commitments.
    error NotSum(uint256 expected, uint64 given);
    /// @notice A tree of this size has another number of peaks.
    error FrontierLength(uint256 expected, uint256 given);
    /// @notice The peaks do not fold to the current root.
    error FrontierMismatch(bytes32 expected, bytes32 given);
    /// @notice The commitments give another root.
    error RootMismatch(bytes32 expected, bytes32 given);
    /// @notice A root-only anchor must make the log larger.
    error NotLarger(uint64 prevSize, uint64 size);
    /// @notice No consistency proof has more than `maximum` hashes.
    error ProofLength(uint256 given, uint256 maximum);
    /// @notice The proof does not show that the tree of `root` begins with that of `prevRoot`.
    error NotConsistent(bytes32 prevRoot, bytes32 root);

    /// @notice Register a log with its sealer, for good.
    /// @dev Only the owner. Reverts with `LogAlreadyRegistered`, `UnusableSealer`, `SealerInUse`.
    /// @param logId SHA-256 of the log's origin line
    /// @param sealer a key that seals no other log
    function registerLog(bytes32 logId, address sealer) external;

    /// @notice Freeze a log for good: it keeps its head and takes no anchor that would move it.
    /// @dev The log's sealer may, because a log ends with its year, or because its key may have been copied. The owner
    /// may, because a stolen or lost sealer key, or an operator that is gone, must not leave a log that somebody can
    /// still anchor: a log is never given another sealer, it is frozen and a new one opened. Neither gains anything by
    /// freezing: the head stays where it is, and everybody sees who froze it. A repeat is a no-op, as a repeated anchor
    /// is. Reverts with `UnknownLog`, `NotSealerOrOwner`.
    /// @param logId the log
    function freezeLog(bytes32 logId) external;

    /// @notice Move a log's head forward by a batch of commitments (calldata mode).
    /// @dev Only the log's sealer, directly. A repeat of the current head (same size and root) returns at once,
    /// whatever the other arguments are: a reverted transaction could block the sender's later ones.
    /// Checks, in this order: `UnknownLog`, `NotSealer`, `NotCalledDirectly`, (repeat), `LogIsFrozen`,
    /// `NotCurrentSize`, `BatchSize`, `NotSum`, `FrontierLength`, `FrontierMismatch`, `RootMismatch`.
    /// @param logId the log
    /// @param prevSize current size
    /// @param size new size
    /// @param root new tree head
    /// @param frontier peaks of the tree of `prevSize`, largest first; empty for size 0
    /// @param commitments the new entries in order; a leaf is SHA-256(0x00 ‖ commitment)
    function anchor(
        bytes32 logId,
        uint64 prevSize,
        uint64 size,
        bytes32 root,
        bytes32[] calldata frontier,
        bytes32[] calldata commitments
    ) external;

    /// @notice Move a log's head forward by any number of entries that the chain does not see (root-only mode).
    /// @dev As `anchor`, with the RFC 9162 consistency proof instead of the commitments. From size 0 the proof is empty
    /// and any head is taken. The contract does not learn what the new entries are, nor whether anybody has them, and
    /// the size is the sealer's word where trees of several sizes have the same proof: who has the entries sees whether
    /// they give this root at this size. Use it for volume, and only where at least two independent mirrors hold the
    /// log's tiles.
    /// Checks, in this order: `UnknownLog`, `NotSealer`, `NotCalledDirectly`, (repeat), `LogIsFrozen`,
    /// `NotCurrentSize`, `NotLarger`, `ProofLength`, `NotConsistent`.
    /// @param logId the log
    /// @param prevSize current size
    /// @param size new size
    /// @param root new tree head
    /// @param proof consistency proof from `prevSize` to `size` (RFC 9162, section 2.1.4.1)
    function anchorRoot(bytes32 logId, uint64 prevSize, uint64 size, bytes32 root, bytes32[] calldata proof) external;

    /// @notice The log's current state; all zero when it is not registered.
    function head(bytes32 logId) external view returns (Head memory);

    /// @notice The log that this address seals, and whether there is one.
    function logOf(address sealer) external view returns (bytes32 logId, bool exists);
}
