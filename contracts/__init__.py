# SPDX-License-Identifier: EUPL-1.2
"""Contracts, and their compiled artefacts as package data."""
