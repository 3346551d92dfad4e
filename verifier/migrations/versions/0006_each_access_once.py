# SPDX-License-Identifier: EUPL-1.2
"""Each signed access to an auditor's answer counts once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("records_accesses", sa.Column("access", sa.String(), nullable=True))
    op.create_index("ix_records_accesses_access", "records_accesses", ["access"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_records_accesses_access", "records_accesses")
    op.drop_column("records_accesses", "access")
