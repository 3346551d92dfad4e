# SPDX-License-Identifier: EUPL-1.2
"""The wallet's routes: one blueprint for the session, one for each errand, one for looking around."""
