# SPDX-License-Identifier: EUPL-1.2
"""The guided tour: who are you, and a walk of at most three minutes for each kind of person."""
