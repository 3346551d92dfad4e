# SPDX-License-Identifier: EUPL-1.2
"""Sessions, administrations, issuances, copies, nonces, queries and objections."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Column = sa.Column[Any]
MOMENT = sa.DateTime(timezone=True)


def _text(name: str, *, nullable: bool = False, primary_key: bool = False, unique: bool = False) -> Column:
    return sa.Column(name, sa.String(), nullable=nullable, primary_key=primary_key, unique=unique or None)


def _bytes(name: str, *, nullable: bool = False, primary_key: bool = False, unique: bool = False) -> Column:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable, primary_key=primary_key, unique=unique or None)


def _moment(name: str, *, nullable: bool = False) -> Column:
    return sa.Column(name, MOMENT, nullable=nullable)


def _administration() -> Column:
    return sa.Column("administration_id", sa.String(), sa.ForeignKey("administrations.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "sessions",
        _bytes("id_digest", primary_key=True),
        _bytes("secret"),
        _moment("created_at"),
        _moment("expires_at"),
        _text("data"),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "administrations",
        _text("id", primary_key=True),
        _text("code", unique=True),
        _text("names"),
        _text("requester_code"),
        _text("requester_name"),
        _text("finality"),
        _text("officer_name"),
        _text("officer_document"),
        _text("municipality_code", nullable=True),
        _text("municipality_province_code", nullable=True),
        _text("municipality_name", nullable=True),
        _text("signer_url"),
        _text("x5c"),
        _text("credential_types"),
        _text("support_url"),
    )
    op.create_table(
        "issuances",
        _text("id", primary_key=True),
        _administration(),
        _text("type_id"),
        _bytes("person"),
        _text("state"),
        _moment("created_at"),
        _moment("expires_at"),
        _bytes("sealed", nullable=True),
        _bytes("offer_digest", nullable=True, unique=True),
        _bytes("code_digest", nullable=True, unique=True),
        _bytes("tx_code_digest", nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _bytes("token_digest", nullable=True, unique=True),
        _bytes("notification_digest", nullable=True),
        _text("event"),
        _text("reason"),
        _text("return_url"),
        _text("reference"),
    )
    op.create_index("ix_issuances_administration_id", "issuances", ["administration_id"])
    op.create_index("ix_issuances_open", "issuances", ["administration_id", "state", "expires_at"])
    op.create_table(
        "copies",
        _text("id", primary_key=True),
        _administration(),
        sa.Column("issuance_id", sa.String(), sa.ForeignKey("issuances.id"), nullable=False),
        _text("type_id"),
        _moment("issued_at"),
        _moment("expires_at"),
    )
    op.create_index("ix_copies_administration_id", "copies", ["administration_id"])
    op.create_index("ix_copies_issuance_id", "copies", ["issuance_id"])
    op.create_table("nonces", _bytes("digest", primary_key=True), _administration(), _moment("expires_at"))
    op.create_index("ix_nonces_administration_id", "nonces", ["administration_id"])
    op.create_table(
        "queries",
        _text("id", primary_key=True),
        _administration(),
        _bytes("person"),
        _text("type_id"),
        _text("requester_code"),
        _text("requester_name"),
        _text("product"),
        _text("modality"),
        _text("finality"),
        _text("consent"),
        _moment("authorised_at", nullable=True),
        _moment("asked_at"),
        _text("outcome"),
        _text("source_code"),
        _text("correlation_id"),
    )
    op.create_index("ix_queries_about", "queries", ["administration_id", "person", "asked_at"])
    op.create_table(
        "objections",
        _text("id", primary_key=True),
        _administration(),
        _bytes("person"),
        _text("type_id"),
        _bytes("sealed_reason"),
        _moment("made_at"),
        _moment("withdrawn_at", nullable=True),
    )
    op.create_index("ix_objections_of", "objections", ["administration_id", "person", "type_id"])


def downgrade() -> None:
    for table in ("objections", "queries", "nonces", "copies", "issuances", "administrations", "sessions"):
        op.drop_table(table)
