// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

import {IConsentLedger} from "./IConsentLedger.sol";

/// @title The owner of consent ledgers, by which the members of a trust registry decide
/// @notice A ledger's owner registers logs and may freeze them. As the owner this contract does what the registry says
/// and nothing else: it registers a log when an administration that takes part has the right to keep it and the sealer's
/// key, both approved by the members and accepted by the administration; and it freezes a log once one of them is over.
/// @dev Anybody may call, because the arguments decide nothing: the registry does. There is no owner, no upgrade path
/// and no way to give a ledger away: whose owner this contract is, it stays for good.
///
/// In the registry a log's identifier is `what` of the sealer's right, and the sealer's address, padded to a word, is
/// `what` of one of its keys in that role.
///
/// Invariants (each has a test of its number in tests/contracts):
/// 1. A log is registered only while the registry grants it to that administration with that sealer.
/// 2. A log is frozen only while the registry does not grant it to the administration that keeps it.
/// 3. The administration that keeps a log never changes.
/// 4. A call that reverts changes nothing.
interface ILogOwner {
    /// @notice An administration keeps this log from now on.
    event LogKept(address indexed ledger, bytes32 indexed logId, bytes32 indexed administration);

    /// @notice The registry does not grant this log to this administration with this sealer now.
    error NotGranted(bytes32 logId, address sealer, bytes32 administration);
    /// @notice The registry still grants this log to who keeps it.
    error StillGranted(bytes32 logId, address sealer, bytes32 administration);
    /// @notice This log has a keeper.
    error AlreadyKept(address ledger, bytes32 logId, bytes32 administration);
    /// @notice Nobody keeps this log here.
    error NotKept(address ledger, bytes32 logId);

    /// @notice Register a log with its sealer. Reverts with `AlreadyKept`, `NotGranted`, and as the ledger does.
    function registerLog(IConsentLedger ledger, bytes32 logId, address sealer, bytes32 administration) external;

    /// @notice Say who keeps a log that was registered before this contract was the ledger's owner.
    /// @dev Reverts with `AlreadyKept`, `NotGranted`.
    function adoptLog(IConsentLedger ledger, bytes32 logId, bytes32 administration) external;

    /// @notice Freeze a log that is no longer granted. Reverts with `NotKept`, `StillGranted`, and as the ledger does.
    function freezeLog(IConsentLedger ledger, bytes32 logId) external;

    /// @notice Complete that this contract becomes a ledger's owner, after the present one offered it.
    function acceptOwnership(IConsentLedger ledger) external;

    /// @notice Who keeps a log; zero when nobody does.
    function keeperOf(IConsentLedger ledger, bytes32 logId) external view returns (bytes32 administration);

    /// @notice Whether the registry grants a log to an administration with this sealer now.
    function isGranted(bytes32 logId, address sealer, bytes32 administration) external view returns (bool);
}
