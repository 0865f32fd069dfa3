"""`huiyan models …`: the store on the command line, one module for each group of commands."""

from __future__ import annotations

import typer

from huiyan.cli.models import clean, listing, lock, mirror, pull, switch, transfer, verify
from huiyan.cli.options import help_text

models = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

for name, command in (
    ("list", listing.list_models),
    ("pull", pull.pull),
    ("verify", verify.verify),
    ("lock", lock.lock),
    ("switch", switch.switch),
    ("rollback", switch.rollback),
    ("rm", clean.rm),
    ("gc", clean.gc),
    ("export", transfer.export),
    ("import", transfer.import_models),
    ("serve", mirror.serve),
):
    models.command(name, help=help_text(f"help.models_{name}"))(command)
