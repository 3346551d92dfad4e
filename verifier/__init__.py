# SPDX-License-Identifier: EUPL-1.2
"""Asks for documents in registered procedures, checks them and answers."""
