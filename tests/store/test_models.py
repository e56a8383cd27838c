from sqlalchemy import text

from app.actions.parts import Parts
from app.store.ids import new_id

STORAGE = """
    SELECT attstorage::text FROM pg_attribute
    WHERE attrelid = 'models'::regclass AND attname = 'artifact'
"""


def test_no_time_is_spent_on_compressing_models(parts: Parts) -> None:
    """They hardly get smaller; `e` is for what is kept as it is."""
    with parts.database.tenant(new_id()) as connection:
        assert connection.scalar(text(STORAGE)) == "e"
