"""The application with every `tenant_id = …` taken out of its queries: as if each were forgotten.

`granian tests.isolation.forgetful:application`. Only row-level security is left between tenants.
"""

import re
from typing import Any

from sqlalchemy import Engine, event

from app.wsgi import application

OWN = re.compile(r"\b(?:\w+\.)?(?:tenant_id|tenants\.id) = %\(\w+\)s(?:::UUID)?")

__all__ = ["application"]


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _forget(*given: Any) -> tuple[str, Any]:
    """SQLAlchemy's hook: connection, cursor, statement, parameters, context, is many."""
    return OWN.sub("true", given[2]), given[3]
