"""A running service, as commands reach it: by `app.client`, whose errors become ours."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from app.cli import credentials
from app.cli.failures import CommandFailed, NotReachable, ServiceRefused, WrongUsage

if TYPE_CHECKING:
    from app.client import Tocsin
    from app.client.reading import Record

Role = Literal["operator", "tenant"]
PATIENCE_S = 30.0


@contextmanager
def connected(role: Role = "tenant") -> "Iterator[Tocsin]":
    """With the address and the key of the environment, else those of `credentials.json`."""
    from app import settings

    configured = settings.read_client()
    known = credentials.read(configured.data_dir)
    url = configured.url or known.url
    if not url:
        raise WrongUsage(
            f"There is no address to talk to: no {configured.data_dir / credentials.FILE}, which "
            "`tocsin up` writes. Set TOCSIN_URL and TOCSIN_API_KEY, or TOCSIN_DATA_DIR."
        )
    if configured.api_key is not None:
        key = configured.api_key.get_secret_value()
    else:
        key = _stored_key(known, url, role)
    with opened(url, key) as service:
        yield service


@contextmanager
def opened(url: str, key: str) -> "Iterator[Tocsin]":
    """With this address and key. Whoever sits there hears soon that nothing answers."""
    from app import client

    patience = client.Retries(connect_tries=1, total_s=PATIENCE_S)
    try:
        with client.Tocsin(url, key, retries=patience) as service:
            yield service
    except client.NotConfigured as error:
        raise WrongUsage(error.detail) from None
    except client.NotReachable as error:
        raise NotReachable(
            f"{error.detail}. Start it with `tocsin up`, or set TOCSIN_URL to where it is."
        ) from None
    except client.ServiceError as error:
        raise ServiceRefused(error.status, error.problem) from None
    except client.ClientError as error:
        raise CommandFailed(error.detail) from None


def raws(rows: "Iterable[Record]") -> list[dict[str, Any]]:
    """As the service answered them."""
    return [dict(row.raw) for row in rows]


def _stored_key(known: credentials.Credentials, url: str, role: Role) -> str:
    """Never sent to another address than the one that it was stored with."""
    key = known.operator_key if role == "operator" else known.api_key
    if url.rstrip("/") == known.url.rstrip("/") and key:
        return key
    kind = {
        "operator": "an operator key (`tocsin keys create --operator`)",
        "tenant": "one of a tenant (`tocsin tenants create NAME` makes one and prints it)",
    }[role]
    raise WrongUsage(f"No key is known for {url}: set TOCSIN_API_KEY to {kind}.")
