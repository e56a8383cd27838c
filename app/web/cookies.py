"""The cookie of a session: for pages of ours alone, never for scripts."""

from http.cookies import CookieError, SimpleCookie

from app.web.framework import Request

NAME = "tocsin_session"


def presented(request: Request) -> str | None:
    try:
        found = SimpleCookie(request.env.get("HTTP_COOKIE", "")).get(NAME)
    except CookieError:
        return None
    return None if found is None else found.value


def kept(request: Request, text: str, trusted_proxies: int) -> str:
    """`Set-Cookie`, until the browser is closed; how long it is good for the server knows."""
    return _written(request, text, trusted_proxies)


def dropped(request: Request, trusted_proxies: int) -> str:
    return _written(request, "", trusted_proxies) + "; Max-Age=0"


def _written(request: Request, text: str, trusted_proxies: int) -> str:
    secure = "; Secure" if _is_https(request, trusted_proxies) else ""
    return f"{NAME}={text}; Path=/; HttpOnly; SameSite=Lax{secure}"


def _is_https(request: Request, trusted_proxies: int) -> bool:
    told = request.env.get("HTTP_X_FORWARDED_PROTO", "") if trusted_proxies else ""
    return "https" in (told.lower(), request.env.get("wsgi.url_scheme"))
