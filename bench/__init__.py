# SPDX-License-Identifier: EUPL-1.2
"""Our core beside its peers, on the same credential, in one run (docs/performance.md)."""
