"""Pages of verdicts, each in one round trip: whose they are, of which series, and the rows.

Planning a query over all the years takes longer than answering it, so these are planned once for
a connection. What is asked less often goes through `scores`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product
from uuid import UUID

from sqlalchemy import PoolProxiedConnection

from app.errors import NotFound
from app.store.scores import READ, Score, Wanted
from app.store.together import Ask, Rows, Statement, run_on

ANSWER_S = 130.0  # longer than the server lets a statement take
FINEST = timedelta(microseconds=1)
LAST_ID = str(UUID(int=2**128 - 1)).encode()
BEGINNING, END, ANY_SCORE = b"-infinity", b"infinity", b"-infinity"

CONTRIBUTIONS = "scores.contributions"
COLUMNS = ", ".join(f"scores.{column.name}" for column in READ)
# Arrays take most of the time that a row does: series of one field, most of them, do without these.
OF_FIELDS = "CASE WHEN cardinality(series.fields) > 1 THEN {} ELSE '{{}}' END"
COLUMNS_OF_ANY = ", ".join(
    [
        COLUMNS.replace(CONTRIBUTIONS, OF_FIELDS.format(CONTRIBUTIONS)),
        "series.name",
        OF_FIELDS.format("series.fields"),
    ]
)
# A plan for each value would cost more than the statement: years are left out as it runs. It takes
# any span for a short one, and would read and sort all that is in it to give the first hundred.
BECOME = Statement(
    "read_as",
    "SELECT set_config('app.tenant_id', $1, true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true), "
    "set_config('enable_sort', 'off', true)",
)
NAMED = Statement("named", "SELECT fields FROM series WHERE tenant_id = $1 AND name = $2")


def _page(newest_first: bool, anomalies_only: bool) -> Statement:
    order, narrowed = "DESC" if newest_first else "ASC", "AND is_anomaly " * anomalies_only
    return Statement(
        f"scores_{order}{'_anomalies' * anomalies_only}".lower(),
        f"SELECT {COLUMNS} FROM scores WHERE tenant_id = $1 "  # noqa: S608  # nosec B608 - names of columns are ours
        "AND series_id = (SELECT id FROM series WHERE tenant_id = $1 AND name = $2) "
        f"AND timestamp >= $3 AND timestamp < $4 AND score >= $5 {narrowed}"
        f"ORDER BY timestamp {order} LIMIT $6",
        is_binary=True,
    )


PAGES = {way: _page(*way) for way in product((False, True), repeat=2)}
# The second bounds name the tenant, so that only an index that it leads serves: that of all tenants
# has the same order, and would be walked past all of a large one's to find those of a small one.
# The first ones leave years out, which those do not.
ANOMALIES = Statement(
    "anomalies",
    f"SELECT {COLUMNS_OF_ANY} FROM scores "  # noqa: S608  # nosec B608 - names of columns are ours
    "JOIN series ON series.tenant_id = scores.tenant_id AND series.id = scores.series_id "
    "WHERE scores.tenant_id = $1 AND is_anomaly AND score >= $4 "
    "AND timestamp >= $2 AND timestamp < $3 "
    "AND (scores.tenant_id, timestamp) >= ($1, $2) AND (scores.tenant_id, timestamp) < ($1, $3) "
    "AND (scores.tenant_id, timestamp, series_id) < ($1, $5, $6) "
    "ORDER BY timestamp DESC, series_id DESC LIMIT $7",
    is_binary=True,
)


def page(lent: PoolProxiedConnection, tenant_id: UUID, series: str, wanted: Wanted) -> list[Score]:
    """Scores of the series of this name. Raises NotFound where there is none."""
    tenant, name = str(tenant_id).encode(), series.encode()
    span, least, limit = _span(wanted), _least(wanted), str(wanted.limit).encode()
    asked = PAGES[wanted.newest_first, wanted.anomalies_only]
    known, rows = _asked(
        lent, tenant, [(NAMED, (tenant, name)), (asked, (tenant, name, *span, least, limit))]
    )
    if not known:
        raise NotFound.series(series)
    ((fields,),) = known
    return [Score._make((*row, series, fields, "")) for row in rows]


def anomalies(lent: PoolProxiedConnection, tenant_id: UUID, wanted: Wanted) -> list[Score]:
    """A tenant's anomalous points over all its series, newest first. Of series of one field they
    have neither fields nor contributions."""
    tenant, limit = str(tenant_id).encode(), str(wanted.limit).encode()
    place = (END, LAST_ID)
    if wanted.after is not None:
        time, series_id = wanted.after
        place = (_time(time), str(series_id).encode())
    values = (tenant, *_span(wanted), _least(wanted), *place, limit)
    (rows,) = _asked(lent, tenant, [(ANOMALIES, values)])
    return [Score._make((*row, "")) for row in rows]


def _asked(lent: PoolProxiedConnection, tenant: bytes, asked: Sequence[Ask]) -> list[Rows]:
    # What is asked in one exchange is a transaction, as long as nothing in it says otherwise.
    return run_on(lent, [(BECOME, (tenant,)), *asked], ANSWER_S)[1:]


def _span(wanted: Wanted) -> tuple[bytes, bytes]:
    """First time, and the one behind the last; nothing that was seen lies between.

    Of anomalies others may have the time of the last one seen, hence it is between.
    """
    start, end = wanted.start, wanted.end
    if wanted.after is not None:
        seen = wanted.after[0]
        if len(wanted.after) > 1:
            end = min(end or seen + FINEST, seen + FINEST)
        elif wanted.newest_first:
            end = min(end or seen, seen)
        else:
            start = max(start or seen, seen + FINEST)
    return _time(start) if start else BEGINNING, _time(end) if end else END


def _least(wanted: Wanted) -> bytes:
    return ANY_SCORE if wanted.min_score is None else repr(wanted.min_score).encode()


def _time(moment: datetime) -> bytes:
    return moment.isoformat().encode()
