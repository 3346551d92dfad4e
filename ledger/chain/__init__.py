# SPDX-License-Identifier: EUPL-1.2
"""Ethereum engines behind one interface; the only place that knows web3."""
