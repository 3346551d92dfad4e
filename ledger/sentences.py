# SPDX-License-Identifier: EUPL-1.2
"""What people read when the ledger refuses: English source sentences by error code."""

SENTENCES = {
    "unknown_log": "This record book does not exist here.",
    "log_closed": "This record book is closed. New entries go into the current one.",
    "log_not_open": "The record book is being opened. Please try again in a moment.",
    "log_frozen": (
        "The record book takes no entries at the moment, because it has to be compared with the chain and "
        "restored. Nothing is shared meanwhile."
    ),
    "log_restoring": "The record book is being restored. It takes entries again when nothing is missing.",
    "log_unattended": (
        "The record book must be compared with the chain before it takes entries. Please try again in a moment."
    ),
    "recorder_unknown": "Only services that are registered at the record book may add entries.",
    "recorder_revoked": "This service may no longer add entries to the record book.",
    "recorder_quota": "This service has added as many entries as it may in this hour.",
    "log_behind": "The record book is late with earlier entries. It takes new ones when it has caught up.",
    "invalid_commitment": "An entry must be exactly 32 bytes, written as base64url.",
    "invalid_tile": "The record book has no such part, or not yet.",
    "size_beyond": "The record book does not have so many entries yet.",
    "invalid_evidence": "This is not an evidence file, or it is damaged. Save it again in My documents.",
    "invalid_trust_file": "This is not a trust file, or it is damaged.",
    "invalid_case": "A statement is about one share. Bring the evidence file of exactly one.",
    "file_missing": "Please choose a file, or paste its text.",
    "file_too_large": "This file is too large to be checked here. The command takes larger ones.",
    "audit_busy": "Another audit is being made here at this moment. Please try again in a moment.",
}
