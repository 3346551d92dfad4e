# SPDX-License-Identifier: EUPL-1.2
"""The composition root: the `testimoni` command, the development set-up, the tour."""
