# SPDX-License-Identifier: EUPL-1.2
"""Plumbing of every service process: settings, database, web, fetching, languages, logging, base page."""
