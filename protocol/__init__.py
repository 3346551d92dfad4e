# SPDX-License-Identifier: EUPL-1.2
"""What two parties on a wire must agree on, byte for byte."""
