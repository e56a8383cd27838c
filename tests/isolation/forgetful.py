"""The application with every `tenant_id = …` taken out of its queries: as if each were forgotten.

`granian tests.isolation.forgetful:application`. Only row-level security is left between tenants.
"""

import re
from typing import Any

from sqlalchemy import Engine, event

from app.store import judging, keys, picks
from app.store.together import Statement
from app.wsgi import application

OWN = re.compile(r"\b(?:\w+\.)?(?:tenant_id|tenants\.id) = %\(\w+\)s(?:::UUID)?")
OWN_PREPARED = re.compile(r"\btenant_id = \$1|\bid = nullif\(.*\)::uuid")

__all__ = ["application"]


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _forget(*given: Any) -> tuple[str, Any]:
    """SQLAlchemy's hook: connection, cursor, statement, parameters, context, is many."""
    return OWN.sub("true", given[2]), given[3]


def _forget_prepared(statement: Statement) -> None:
    """The parameter stays: Postgres wants to know of what type it is."""
    forgotten = OWN_PREPARED.sub("coalesce($1::text, '') <> ' '", statement.sql)
    if "$1" not in statement.sql:
        forgotten = OWN_PREPARED.sub("true", statement.sql)
    object.__setattr__(statement, "sql", forgotten)


for module in (judging, keys, picks):
    for value in vars(module).values():
        for one in value.values() if isinstance(value, dict) else [value]:
            if isinstance(one, Statement):
                _forget_prepared(one)
