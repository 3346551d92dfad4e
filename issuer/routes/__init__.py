# SPDX-License-Identifier: EUPL-1.2
"""The issuer's routes.

`oid4vci` for wallets, `published` and `status` for everybody, `pages` for people, `valid` for people back from
signing in.
"""
