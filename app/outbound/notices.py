"""Notices: told to people, by mail and chat, through apprise.

An address of apprise may name any host, file or command. So only schemes are taken that call fixed
hosts of their services, without parameters, which are what names files and other addresses; and
mail goes by the installation's own server, of which a tenant says no more than who is to have it.
"""

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal
from urllib.parse import unquote

from app.errors import Misconfigured
from app.outbound.addresses import MOST_CHARACTERS, NotAllowed
from app.outbound.calls import ANSWER_BYTES, DEADLINE_S, Outcome
from app.setting_values import NOTICE_SCHEMES
from app.settings import Settings

MAIL = "mailto"
PACKAGES = ("apprise", "cryptography")
MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+=^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
SHORTEST_SECRET = 4  # what is shorter in an address, such as a number of a chat, may be shown
Kind = Literal["info", "success", "warning"]


@dataclass(frozen=True)
class Channels:
    """What an installation sends notices by, and the server that takes its mail."""

    schemes: frozenset[str] = frozenset()
    mail_url: str = field(default="", repr=False)


@dataclass(frozen=True)
class Text:
    """What people read."""

    title: str
    body: str
    kind: Kind = "info"


def channels(settings: Settings) -> Channels:
    mail_url = settings.mail_url.get_secret_value() if settings.mail_url else ""
    return Channels(frozenset(settings.notice_channels), mail_url)


def refuse_unsendable(settings: Settings) -> None:
    """Raise `Misconfigured` where notices are asked for that cannot be sent."""
    if settings.notice_channels and not _is_installed():
        raise Misconfigured(
            "TOCSIN_NOTICE_SCHEMES is set, and what sends notices is not installed: "
            f"`pip install {' '.join(PACKAGES)}`"
        )
    if MAIL in settings.notice_channels and _service(channels(settings).mail_url) is None:
        raise Misconfigured("TOCSIN_MAIL_URL is no address of a mail server as apprise has it")


def _is_installed() -> bool:
    return all(find_spec(package) is not None for package in PACKAGES)


def is_notice(address: str) -> bool:
    return _scheme(address) in NOTICE_SCHEMES


def _scheme(address: str) -> str:
    return address.partition(":")[0].lower()


def refuse(address: str, by: Channels) -> None:
    """Raise `NotAllowed` where no notice may be, or can be, sent to it."""
    scheme = _scheme(address)
    if scheme not in by.schemes:
        allowed = ", ".join(sorted(by.schemes)) or "none"
        raise NotAllowed(f"{scheme} is not what this installation sends notices by ({allowed})")
    if not _is_installed():
        raise NotAllowed("what sends notices is not installed here")
    if len(address) > MOST_CHARACTERS:
        raise NotAllowed(f"must have {MOST_CHARACTERS} characters at most")
    if not address.isascii() or not address.isprintable() or set(address) & set(' "<>\\?#'):
        raise NotAllowed("must be ASCII without blanks, parameters (?…) and fragment (#…)")
    if scheme == MAIL:
        _mailbox(address)
    else:
        _refuse_chat(address)


def _mailbox(address: str) -> str:
    mailbox = address.partition(":")[2]
    if not MAILBOX.fullmatch(mailbox):
        raise NotAllowed("must name one mailbox, such as mailto:ops@example.com")
    return mailbox


def _refuse_chat(address: str) -> None:
    # They become a path: none may lead to another one, or be something else once it is decoded.
    _, _, told = address.partition("://")
    if "%" in told or {"", ".", ".."} & set(told.removesuffix("/").split("/")):
        raise NotAllowed("must be made of parts between single slashes, without percent signs")
    service = _service(address)
    if service is None:
        raise NotAllowed(
            f"is no address of {_scheme(address)}: docs/notices.md says how it is made"
        )
    if len(service) != 1:
        raise NotAllowed("must name one receiver: make a notice for each")


def shown(address: str) -> str:
    """What everybody may see of it."""
    return address if _scheme(address) == MAIL else f"{_scheme(address)}://…"


def send(address: str, text: Text, by: Channels) -> Outcome:
    """Tell it once. What apprise says of a failure is told without what is secret; of mail nothing,
    since the server is the installation's."""
    started = time.monotonic()
    error: str | None
    try:
        refuse(address, by)
        error = _told(address, text, by)
    except NotAllowed as refused:
        error = str(refused)
    seconds = round(time.monotonic() - started, 3)
    return Outcome(seconds, error=error, is_taken=error is None)


def _told(address: str, text: Text, by: Channels) -> str | None:
    """Why it was not taken; None where it was."""
    is_mail = _scheme(address) == MAIL
    service = _service(by.mail_url if is_mail else address)
    if service is None:
        return "the installation cannot send this: is TOCSIN_MAIL_URL right?"
    if is_mail:
        service.targets = [(False, _mailbox(address))]
    sender = _apprise().Apprise(service, asset=service.asset)
    given = {"title": text.title, "notify_type": text.kind, "body_format": "text"}
    with sender.notify(text.body, timeout=DEADLINE_S, **given) as result:
        if result:
            return None
        if is_mail:
            return "the installation's mail server did not take it"
        said = "; ".join(entry.message for entry in result.logs())
    return _without_secrets(said, address)[:ANSWER_BYTES] or "it was not taken"


def _service(address: str) -> Any:
    """apprise's; None where it cannot be one."""
    apprise = _apprise()
    asset = apprise.AppriseAsset(
        app_id="Tocsin",
        app_desc="Tocsin",
        app_url="",
        image_url_mask="",
        http_redirects=False,
        storage_mode="memory",
        service_timeout=DEADLINE_S,
    )
    return apprise.Apprise.instantiate(address, asset=asset)


def _apprise() -> Any:
    """Loaded where it is needed; its own log has addresses in it, and goes nowhere."""
    import apprise

    log = logging.getLogger("apprise")
    if log.propagate:
        log.addHandler(logging.NullHandler())
        log.propagate = False
    return apprise


def _without_secrets(said: str, address: str) -> str:
    for part in _secrets(address):
        said = said.replace(part, "…")
    return "".join(each if each.isprintable() else " " for each in said)


def _secrets(address: str) -> Iterator[str]:
    """The longest first: one may be a part of another."""
    parts = re.split(r"[/@:]+", address)[1:]
    found = {*parts, *map(unquote, parts), *address.split("/")[2:]}
    yield from sorted((one for one in found if len(one) >= SHORTEST_SECRET), key=len, reverse=True)
