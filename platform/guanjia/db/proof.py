"""The proof that the policies keep tenants apart: `python -m guanjia.db.proof`.

A solver is asked, for the policies as they stand in a freshly migrated database, for a row that an
anonymous session reads, that a session reads of another tenant, or that it writes into another
tenant. A proof is that there is none; "could not decide" counts as failure.
"""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
from pathlib import Path

from guanjia import settings as configuration
from guanjia.db import cluster, embedded
from guanjia.db.connections import administrator_of, database_of, remembered_passwords, server_key
from guanjia.db.migrate import migrate

MODES = ("anon", "cross-tenant", "write")
_PROVER = "import sys; from pgrls.cli import main; sys.exit(main())"


def prove(dsn: str, mode: str) -> tuple[bool, str]:
    """Whether the mode is proven for every tenant table of this database, and what was said."""
    config = configuration.PROJECT_ROOT / "pgrls.toml"
    done = subprocess.run(  # noqa: S603 (our own arguments, no shell)
        [
            *(sys.executable, "-c", _PROVER),
            *("verify", "--strict", "--mode", mode, "--config", str(config)),
        ],
        # By environment: an address on the command line can be read by every local user.
        env={"DATABASE_URL": dsn, "PATH": str(Path(sys.executable).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout


async def scratch_database() -> tuple[str, str]:
    """A new migrated database on the server that the settings name: administrator and owner."""
    settings = configuration.load()
    given = await administrator_of(settings)
    if given is not None:
        administrator = given
        passwords = remembered_passwords(settings.state_dir, server_key(administrator))
    else:
        server = await embedded.start(settings.state_dir)
        administrator, passwords = server.administrator, server.passwords
    name = f"proof_{secrets.token_hex(6)}"
    connections = await cluster.prepare(administrator, name, passwords)
    await migrate(connections.require("owner"), configuration.MODULES)
    return administrator, connections.require("owner")


async def prove_all() -> bool:
    """Every mode, one after the other, with the verdicts printed."""
    administrator, dsn = await scratch_database()
    try:
        proven = True
        for mode in MODES:
            held, said = await asyncio.to_thread(prove, dsn, mode)
            sys.stdout.write(said)
            proven = proven and held
        return proven
    finally:
        await cluster.drop_database(administrator, database_of(dsn))


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(prove_all()) else 1)
