# SPDX-License-Identifier: EUPL-1.2
"""Sessions, accounts, subjects, vaults, pending, documents, copies, shares and take-backs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=False, **options)


def _bytes(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False, **options)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _create(name: str, *columns: sa.Column[Any], index: tuple[str, ...] = ()) -> None:
    op.create_table(name, *columns)
    for column in index:
        op.create_index(f"ix_{name}_{column}", name, [column])


def _create_owned(name: str, *columns: sa.Column[Any], index: tuple[str, ...] = ()) -> None:
    owner: tuple[sa.Column[Any], ...] = (
        sa.Column("account_id", sa.String(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("subject_id", sa.String(), sa.ForeignKey("subjects.id"), nullable=False),
        _text("capacity"),
    )
    _create(name, *owner, *columns, index=("account_id", "subject_id", *index))


def _reference(name: str, target: str) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), sa.ForeignKey(target), nullable=False)


def _sealed() -> tuple[sa.Column[Any], ...]:
    return (_text("id", primary_key=True), _number("version"), _bytes("sealed"))


def upgrade() -> None:
    _create(
        "sessions",
        _bytes("id_digest", primary_key=True),
        _bytes("secret"),
        _moment("created_at"),
        _moment("expires_at"),
        _text("data"),
        index=("expires_at",),
    )
    for name in ("accounts", "subjects"):
        _create(
            name, _text("id", primary_key=True), _bytes("identity_digest", unique=True), _moment("created_at")
        )
    _create_owned(
        "vaults", _text("id", primary_key=True), _text("wrapped_key"), _bytes("proof"), _moment("created_at")
    )
    _create_owned(
        "pending",
        _text("id", primary_key=True),
        _text("kind", primary_key=True),
        _bytes("sealed"),
        _moment("expires_at"),
        index=("expires_at",),
    )
    _create_owned("documents", *_sealed(), _moment("received_at"))
    _create_owned(
        "copies",
        *_sealed(),
        _reference("document_id", "documents.id"),
        _moment("shown_at", nullable=True),
        index=("document_id",),
    )
    _create_owned("shares", *_sealed(), _text("state"), _moment("decided_at"))
    _create_owned(
        "take_backs",
        *_sealed(),
        _reference("share_id", "shares.id"),
        _text("state"),
        _moment("requested_at"),
        index=("share_id",),
    )


def downgrade() -> None:
    for name in (
        "take_backs", "shares", "copies", "documents", "pending", "vaults", "subjects", "accounts", "sessions",
    ):
        op.drop_table(name)
