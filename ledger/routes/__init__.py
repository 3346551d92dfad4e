# SPDX-License-Identifier: EUPL-1.2
"""The ledger's blueprints: one for programs, one for people."""
