# SPDX-License-Identifier: EUPL-1.2
"""Stands in for Via Oberta and VÀLid in development; never runs in production."""
