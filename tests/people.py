"""Where people are told: a mail server, and the hosts of chats behind a proxy of the tests."""

import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

from tests.receiver import Receiver, receiving

HOSTS = (
    "discord.com",
    "chat.googleapis.com",
    "api.pushover.net",
    "hooks.slack.com",
    "api.telegram.org",
)


@dataclass
class MailServer:
    """`mails` are what came; `refuses`: whoever is named in RCPT TO."""

    port: int = 0
    refuses: bool = False
    recipients: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=tocsin@example.com&mode=insecure"

    def text(self, place: int = -1) -> str:
        """Of a mail, without what makes it HTML."""
        part = self.mails[place].get_body(("plain", "html"))
        assert part is not None
        content: str = part.get_content()
        return content


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """As much of RFC 5321 as smtplib speaks."""
    made = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline():
                self.answer(line.decode().strip())

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def answer(self, line: str) -> None:
            command = line[:4].upper()
            if command == "RCPT":
                made.recipients.append(line.partition("<")[2].partition(">")[0])
                self.say("550 nobody" if made.refuses else "250 ok")
            elif command == "DATA":
                self.say("354 go on")
                made.mails.append(message_from_bytes(self.mail(), policy=policy.default))
                self.say("250 taken")
            else:
                self.say("221 bye" if command == "QUIT" else "250 ok")

        def mail(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line)
            return b"".join(lines)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield made
        server.shutdown()


@dataclass(frozen=True)
class Chats:
    """A receiver that has the names of chats, and what leads there."""

    receiver: Receiver
    environment: dict[str, str]


@contextmanager
def chats(folder: Path) -> Iterator[Chats]:
    """Whoever has the environment reaches the receiver by their names."""
    certificate = _certificate(folder)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with receiving(context) as receiver, _proxy(receiver.port) as port:
        environment = {
            "HTTPS_PROXY": f"http://127.0.0.1:{port}",
            "REQUESTS_CA_BUNDLE": str(certificate),
        }
        yield Chats(receiver, environment)


def _certificate(folder: Path) -> Path:
    key, signed, both = (folder / f"{name}.pem" for name in ("key", "signed", "both"))
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=chats", "-addext", f"subjectAltName={names}"),
            *("-keyout", str(key), "-out", str(signed)),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + signed.read_text())
    return both


@contextmanager
def _proxy(port: int) -> Iterator[int]:
    """Leads every CONNECT to this port; -> its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as there:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pour, args=(there, self.connection), daemon=True)
                back.start()
                _pour(self.connection, there)
                back.join()
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _pour(source: socket.socket, into: socket.socket) -> None:
    """Until one of them hangs up."""
    try:
        while piece := source.recv(65_536):
            into.sendall(piece)
        into.shutdown(socket.SHUT_WR)
    except OSError:
        pass


HAS_OPENSSL = shutil.which("openssl") is not None
