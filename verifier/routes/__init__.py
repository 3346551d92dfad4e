# SPDX-License-Identifier: EUPL-1.2
"""The verifier's routes: `oid4vp` for wallets, `api` for programs, `desk` for clerks, `pages` for everybody."""
