# SPDX-License-Identifier: EUPL-1.2
"""The development set-up: an authority, two administrations, three procedures. All fictitious."""
