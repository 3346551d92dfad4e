# SPDX-License-Identifier: EUPL-1.2
"""Keeps a citizen's documents and their history of shares."""
