# SPDX-License-Identifier: EUPL-1.2
"""The way to the anchor in flight, whatever stands behind it."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_anchors_log_state_size", "anchors", ["log", "state", "size", "id"])


def downgrade() -> None:
    op.drop_index("ix_anchors_log_state_size", "anchors")
