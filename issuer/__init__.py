# SPDX-License-Identifier: EUPL-1.2
"""Issues documents that administrations hold about citizens, as verifiable credentials."""
