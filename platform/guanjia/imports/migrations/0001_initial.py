"""Import batches, what is staged of them and what was found in them."""

from tortoise.migrations.migration import Migration as BaseMigration

from guanjia.db.tables import Reference, TenantTable, one_of
from guanjia.imports.kinds import Change
from guanjia.imports.models import STORED_STATES

OVER = "'REFUSED', 'DISCARDED', 'UNDONE'"


class Migration(BaseMigration):
    dependencies = [("access", "0001_initial")]
    operations = [
        TenantTable(
            "import_batches",
            [
                "kind text not null",
                "state text not null",
                "file_name text not null",
                "sha256 bytea not null",
                "size integer not null",
                "uploader_id uuid not null",
                'region_path text collate "C" not null',
                "previous_id uuid",
                "uploaded_at timestamptz not null",
                "heard_at timestamptz not null",
                "run_id uuid not null",
                "header jsonb",
                "sealed_key bytea",
                "key_version integer",
                "done integer not null default 0",
                "total integer",
                "rows integer not null default 0",
                "wrong integer not null default 0",
                "added integer not null default 0",
                "changed integer not null default 0",
                "removed integer not null default 0",
                "unchanged integer not null default 0",
                "message text",
                "applied_at timestamptz",
                "undo_until timestamptz",
                "undone_at timestamptz",
            ],
            references=[
                Reference("uploader_id", "memberships"),
                Reference("previous_id", "import_batches"),
            ],
            # The same file counts once for as long as it may yet be applied, or is.
            unique=[f"kind, sha256 where state not in ({OVER})"],
            indexes=["region_path", "uploader_id, uploaded_at"],
            checks=[one_of("state", STORED_STATES)],
        ),
        TenantTable(
            "import_chunks",
            [
                "batch_id uuid not null",
                "position integer not null",
                "cells bytea",
                "findings bytea",
                "effects bytea",
            ],
            primary_key=("batch_id", "position"),
            references=[Reference("batch_id", "import_batches")],
            grants={"app_rw": "select, insert, update, delete", "app_ro": "select"},
        ),
        TenantTable(
            "import_findings",
            [
                "batch_id uuid not null",
                "uploader_id uuid not null",
                'region_path text collate "C" not null',
                "position integer not null",
                "row_number integer not null",
                "change text not null",
                "column_title text",
                "message text not null",
            ],
            references=[Reference("batch_id", "import_batches")],
            unique=["batch_id, position"],
            checks=[one_of("change", tuple(Change))],
        ),
    ]
