// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

/// @title Heads of append-only consent logs
/// @notice Each log is a Merkle tree (RFC 9162, SHA-256) over 32-byte commitments, the salted digests of consent
/// records. The contract holds each log's newest head and lets it grow only: a fork, a rewrite, or a head that
/// the commitments sent with it do not give is refused by everybody who runs the chain.
/// @dev Nothing here says anything about a person: no argument is a citizen's address, key or identifier.
/// There is no upgrade path, no pause and no way to correct a head.
///
/// Invariants (each has a test of its number in tests/contracts):
/// 1. Only the owner registers logs; a registered log's sealer never changes.
/// 2. A key seals at most one log.
/// 3. Only a log's sealer moves its head, and only by a transaction of its own that calls this contract directly,
///    so the commitments of every anchor are in the calldata of a transaction in a block.
/// 4. A head's root is the RFC 9162 tree head over all commitments anchored so far, in order, and its size their
///    number; so every head extends every earlier one.
/// 5. A call that names the current head changes nothing, emits nothing and does not revert.
/// 6. A call that reverts changes nothing.
/// 7. `Anchored` events of a log form a chain without gaps: each one's previous head is the last one's head, the
///    first one's is the empty tree.
/// 8. An anchor carries between 1 and `MAX_COMMITMENTS` commitments.
/// 9. No anchor of one log touches another log.
/// 10. The owner cannot move a head.
interface IConsentLedger {
    /// @notice How an anchor showed that the new head extends the old one.
    enum Mode {
        /// All new commitments were in the calldata, and the contract computed the root from them.
        Calldata
    }

    /// @notice The state of one log.
    struct Head {
        /// The only address whose anchors are taken; zero for a log that is not registered.
        address sealer;
        /// Number of commitments in the tree.
        uint64 size;
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
    /// @notice The chain's SHA-256 precompile failed, for lack of gas or because there is none.
    error HashFailed();

    /// @notice Register a log with its sealer, for good.
    /// @dev Only the owner. Reverts with `LogAlreadyRegistered`, `UnusableSealer`, `SealerInUse`.
    /// @param logId SHA-256 of the log's origin line
    /// @param sealer a key that seals no other log
    function registerLog(bytes32 logId, address sealer) external;

    /// @notice Move a log's head forward by a batch of commitments.
    /// @dev Only the log's sealer, directly. A repeat of the current head (same size and root) returns at once,
    /// whatever the other arguments are: a reverted transaction could block the sender's later ones.
    /// Checks, in this order: `UnknownLog`, `NotSealer`, `NotCalledDirectly`, (repeat), `NotCurrentSize`,
    /// `BatchSize`, `NotSum`, `FrontierLength`, `FrontierMismatch`, `RootMismatch`.
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

    /// @notice The log's current state; all zero when it is not registered.
    function head(bytes32 logId) external view returns (Head memory);

    /// @notice The log that this address seals, and whether there is one.
    function logOf(address sealer) external view returns (bytes32 logId, bool exists);
}
