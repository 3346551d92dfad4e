# SPDX-License-Identifier: EUPL-1.2
"""The consent ledger: records, log, anchors, evidence, audit."""
