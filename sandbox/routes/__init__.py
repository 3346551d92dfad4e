# SPDX-License-Identifier: EUPL-1.2
"""The sandbox's blueprints, one per audience."""
