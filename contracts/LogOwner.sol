// SPDX-License-Identifier: EUPL-1.2
pragma solidity 0.8.37;

import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IConsentLedger} from "./IConsentLedger.sol";
import {ILogOwner} from "./ILogOwner.sol";
import {ITrustRegistry} from "./ITrustRegistry.sol";

/// @title The owner of consent ledgers, by which the members of a trust registry decide
/// @dev A ledger is an argument and may be any code: what is kept here is kept by ledger, and before it is called.
contract LogOwner is ILogOwner {
    /// @notice The registry that decides.
    ITrustRegistry public immutable registry;

    mapping(IConsentLedger ledger => mapping(bytes32 logId => bytes32 administration)) private _keepers;

    constructor(ITrustRegistry decides) {
        registry = decides;
    }

    /// @inheritdoc ILogOwner
    function registerLog(IConsentLedger ledger, bytes32 logId, address sealer, bytes32 administration) external {
        _keep(ledger, logId, sealer, administration);
        ledger.registerLog(logId, sealer);
    }

    /// @inheritdoc ILogOwner
    function adoptLog(IConsentLedger ledger, bytes32 logId, bytes32 administration) external {
        _keep(ledger, logId, ledger.head(logId).sealer, administration);
    }

    /// @inheritdoc ILogOwner
    function freezeLog(IConsentLedger ledger, bytes32 logId) external {
        bytes32 administration = _keepers[ledger][logId];
        if (administration == 0) revert NotKept(address(ledger), logId);
        address sealer = ledger.head(logId).sealer;
        if (isGranted(logId, sealer, administration)) revert StillGranted(logId, sealer, administration);
        ledger.freezeLog(logId);
    }

    /// @inheritdoc ILogOwner
    function acceptOwnership(IConsentLedger ledger) external {
        Ownable2Step(address(ledger)).acceptOwnership();
    }

    /// @inheritdoc ILogOwner
    function keeperOf(IConsentLedger ledger, bytes32 logId) external view returns (bytes32 administration) {
        return _keepers[ledger][logId];
    }

    /// @inheritdoc ILogOwner
    function isGranted(bytes32 logId, address sealer, bytes32 administration) public view returns (bool) {
        bytes32 key = bytes32(uint256(uint160(sealer)));
        return _counts(ITrustRegistry.Kind.Administration, ITrustRegistry.Role.None, administration, 0)
            && _counts(ITrustRegistry.Kind.Right, ITrustRegistry.Role.Sealer, administration, logId)
            && _counts(ITrustRegistry.Kind.Key, ITrustRegistry.Role.Sealer, administration, key);
    }

    function _keep(IConsentLedger ledger, bytes32 logId, address sealer, bytes32 administration) private {
        bytes32 keeper = _keepers[ledger][logId];
        if (keeper != 0) revert AlreadyKept(address(ledger), logId, keeper);
        if (!isGranted(logId, sealer, administration)) revert NotGranted(logId, sealer, administration);
        _keepers[ledger][logId] = administration;
        emit LogKept(address(ledger), logId, administration);
    }

    /// Since when a key is compromised does not matter here: whoever has it can sign now.
    function _counts(ITrustRegistry.Kind kind, ITrustRegistry.Role role, bytes32 administration, bytes32 what)
        private
        view
        returns (bool)
    {
        ITrustRegistry.Entry memory found = registry.entry(kind, role, administration, what);
        return found.start <= block.timestamp && block.timestamp < found.end && found.compromisedSince == 0;
    }
}
