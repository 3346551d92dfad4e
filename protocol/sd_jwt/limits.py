# SPDX-License-Identifier: EUPL-1.2
"""How much of each thing one SD-JWT may hold. Issuance and verification obey the same limits."""

# A credential type has at most some dozens of claims; 200 is the largest in any published profile.
MAX_DISCLOSURES = 512
# every disclosure, and three decoys for each
MAX_DIGESTS = 2048
# objects and arrays within each other; the deepest published example (eKYC evidence) has 6
MAX_DEPTH = 16
