// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

/// @title Who may do what, decided by members and accepted by those concerned
/// @notice A history that only grows: administrations, what each may do, with which keys, and the page code that it
/// serves. A trust list is derived from the events; each carries a sequence number and a running hash, so that the
/// newest one proves that the history is whole. The contract keeps what it needs to decide; names and
/// particulars are in the events alone.
/// @dev Nothing here says anything about a person: accounts, keys and codes are those of public bodies.
/// There is no owner, no upgrade path, no pause and no way to correct an entry but another one.
///
/// Two steps give a right: as many members as the threshold approve the same change, then the administration concerned
/// accepts it. Members take a right away, or report a key as compromised, without the administration, which could
/// otherwise keep it; and no administration does so without them, because a key that is disowned afterwards would
/// undo what it signed.
///
/// Invariants (each has a test of its number in tests/contracts):
/// 1. Nothing takes effect without the approval of at least the threshold of the present members.
/// 2. An approval counts once, for one change word for word, and only while the members stay the same.
/// 3. A change takes effect at most once; an `Add` once more when it was approved anew after an end, that of an
/// administration also after another of it.
/// 4. Nothing is given to an administration that did not accept it from its own account.
/// 5. New members take over only when as many of them as their threshold accepted; the threshold is more than half.
/// 6. Sequence numbers have no gap, and each running hash covers the whole event and the one before; the first
/// covers the chain and this contract's address.
/// 7. No right begins or ends before the block that says so. Only `compromisedSince` points into the past.
/// 8. `End` and `Compromise` move an end and a `compromisedSince` to an earlier time only; `Add` alone gives more.
/// 9. A key belongs to one administration in one role for good, and a compromised one is never added again.
/// 10. A call that reverts changes nothing.
/// 11. No approval of an `Add` that was given before an `End` of its entry, or of its administration, counts after it.
/// 12. No approval of an administration's account that was given before another was accepted for it counts after that.
interface ITrustRegistry {
    /// @notice What a change does.
    enum Action {
        /// Add an entry from `start` to `end`.
        Add,
        /// End an entry at `end`, before its own end.
        End,
        /// Report a key as compromised since `start`.
        Compromise
    }

    /// @notice What an entry is about.
    enum Kind {
        /// An administration takes part; `what` is its account (zero to end it), `details` its code and names. What it
        /// may do and its keys rest while it does not take part.
        Administration,
        /// It may do something; `what` is the credential type, registered procedure or log.
        Right,
        /// A key acts for it in a role; `what` is the key's thumbprint.
        Key,
        /// It serves page code; `what` is the bundle's digest.
        PageBundle
    }

    /// @notice In what role an administration or its key acts.
    enum Role {
        /// For administrations and page bundles.
        None,
        /// Issues the credential type whose identifier has this SHA-256.
        Issuer,
        /// Asks under the registration statement that has this SHA-256.
        Verifier,
        /// Keeps the log whose origin has this SHA-256.
        Sealer,
        /// Audits; `what` is zero.
        Auditor
    }

    /// @notice A change, the same word for word for everybody who approves it and for who accepts it. To make a change
    /// that was made before, say something else in `details`; after an end the same words are approved and accepted anew.
    struct Change {
        Action action;
        Kind kind;
        Role role;
        /// SHA-256 of the administration's code.
        bytes32 administration;
        bytes32 what;
        /// Seconds since 1970; 0 stands for the block that the change takes effect in.
        uint64 start;
        /// The end itself is outside; the largest number stands for no end.
        uint64 end;
        /// For readers of the events: at most `MAX_DETAILS` bytes, never about a person.
        bytes details;
    }

    /// @notice An entry as it is now; all zero when there is none.
    struct Entry {
        uint64 start;
        uint64 end;
        /// 0 when no compromise was reported.
        uint64 compromisedSince;
    }

    /// @notice A change took effect.
    /// @param sequence one more than that of the event before, whichever of the two kinds it is
    /// @param administration SHA-256 of its code
    /// @param what as in the change
    /// @param action as in the change
    /// @param kind as in the change
    /// @param role as in the change
    /// @param recordedAt the block's time
    /// @param start beginning of the entry; for `Compromise` since when
    /// @param end end of the entry
    /// @param details as in the change
    /// @param runningHash SHA-256 of five words: the running hash before, sequence, recordedAt, kind of event (0), and
    /// SHA-256 of eight words: action, kind, role, administration, what, start, end, SHA-256 of the details
    event Recorded(
        uint64 indexed sequence,
        bytes32 indexed administration,
        bytes32 indexed what,
        Action action,
        Kind kind,
        Role role,
        uint64 recordedAt,
        uint64 start,
        uint64 end,
        bytes details,
        bytes32 runningHash
    );

    /// @notice Other members decide from now on.
    /// @param sequence one more than that of the event before; 1 for the first members
    /// @param members their accounts, in ascending order
    /// @param threshold how many of them must approve
    /// @param recordedAt the block's time
    /// @param runningHash SHA-256 of five words: the running hash before, sequence, recordedAt, kind of event (1), and
    /// SHA-256 of the threshold's word and the members' words. Before the first: SHA-256 of the chain's
    /// number and this contract's address, a word each.
    event MembersChanged(
        uint64 indexed sequence, address[] members, uint256 threshold, uint64 recordedAt, bytes32 runningHash
    );

    /// @notice A member approved a change. Not part of the history: it gives nothing by itself.
    event Approved(bytes32 indexed changeId, address indexed member, uint256 approvals);

    /// @notice A member took an approval back before it had an effect.
    event ApprovalWithdrawn(bytes32 indexed changeId, address indexed member);

    /// @notice The caller is no member.
    error NotMember(address caller);
    /// @notice The caller is not the account of the administration concerned.
    error NotAdministration(bytes32 administration, address account, address caller);
    /// @notice The caller approved this already.
    error AlreadyApproved(bytes32 changeId, address member);
    /// @notice The caller has no approval to take back.
    error NoApproval(bytes32 changeId, address member);
    /// @notice Too few members approved.
    error NotApproved(bytes32 changeId, uint256 approvals, uint256 threshold);
    /// @notice The change has taken effect before.
    error AlreadyInEffect(bytes32 changeId);
    /// @notice Members are not 1 to `maximum` accounts in ascending order, with a threshold of more than half.
    error UnusableMembers(uint256 count, uint256 threshold, uint256 maximum);
    /// @notice An entry of this kind has no such role, `what`, or action.
    error UnusableChange(Action action, Kind kind, Role role, bytes32 what);
    /// @notice The details are too long.
    error DetailsLength(uint256 given, uint256 maximum);
    /// @notice The interval is empty by now.
    error EmptyInterval(uint64 start, uint64 end);
    /// @notice No administration with this code takes part.
    error UnknownAdministration(bytes32 administration);
    /// @notice The entry is there and has not ended.
    error EntryExists(bytes32 entryId, uint64 end);
    /// @notice There is no such entry, or it has ended before.
    error NoEntry(bytes32 entryId, uint64 end);
    /// @notice An entry's end or a compromise can only move to an earlier time.
    error NotEarlier(bytes32 entryId, uint64 current, uint64 given);
    /// @notice The key belongs to another administration, or to another role.
    error KeyInUse(bytes32 thumbprint, bytes32 entryId);
    /// @notice The key is compromised.
    error KeyCompromised(bytes32 thumbprint, uint64 since);
    /// @notice The chain's SHA-256 precompile is missing.
    error HashFailed();

    /// @notice Approve changes, all of them or none. An `End` or `Compromise` takes effect with the last approval needed.
    /// @dev Only members. Each is approved for itself: who approves others together approves no list. Reverts with
    /// `NotMember`, `AlreadyInEffect`, `AlreadyApproved`, and as the changes do.
    /// An `Add` that follows an `End` of its entry in one list is approved as it is after the `End` only by who approves
    /// last; the others approve it again.
    /// @param changes in the order in which they are to take effect; none change nothing
    function approve(Change[] calldata changes) external;

    /// @notice Accept approved `Add`s as the administration concerned, all of them or none; they take effect.
    /// @dev Only from the administration's account; a new account accepts for itself, and then what else is given to it.
    /// Reverts with `NotAdministration`, `AlreadyInEffect`, `NotApproved`, and as the changes do.
    /// @param changes in the order in which they are to take effect; none change nothing
    function accept(Change[] calldata changes) external;

    /// @notice Approve other members and another threshold.
    /// @dev Only members. Reverts with `NotMember`, `UnusableMembers`, `AlreadyApproved`.
    /// @param members accounts in ascending order
    /// @param threshold how many of them will have to approve
    function approveMembers(address[] calldata members, uint256 threshold) external;

    /// @notice Accept as one of the new members; with the last acceptance needed they take over.
    /// @dev Reverts with `UnusableMembers`, `NotMember`, `NotApproved`, `AlreadyApproved`.
    function acceptMembers(address[] calldata members, uint256 threshold) external;

    /// @notice Take back an approval that has had no effect.
    /// @dev Only members. Reverts with `NotMember`, `NoApproval`.
    /// @param id the `changeId` of `Approved`
    function withdraw(bytes32 id) external;

    /// @notice The newest event's sequence number and running hash.
    function newest() external view returns (uint64 sequence, bytes32 runningHash);

    /// @notice Who decides, and how many of them must approve.
    function members() external view returns (address[] memory accounts, uint256 threshold);

    /// @notice Under what a change is approved now: the change and, of an `Add`, how often its entry and its
    /// administration have been ended; of an `Add` of an administration, how often it has been ended and added.
    /// @param change any change, also one that means nothing
    function changeId(Change calldata change) external view returns (bytes32);

    /// @notice How many of the present members approved this.
    /// @param id the `changeId` of `Approved`
    function approvals(bytes32 id) external view returns (uint256);

    /// @notice The account that accepts for this administration; zero when it does not take part.
    function accountOf(bytes32 administration) external view returns (address);

    /// @notice An entry, by what names it.
    function entry(Kind kind, Role role, bytes32 administration, bytes32 what) external view returns (Entry memory);
}
