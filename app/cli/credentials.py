"""`credentials.json` in the data folder: where the service is, and keys for it."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from app.errors import Misconfigured

FILE = "credentials.json"


@dataclass(frozen=True, repr=False)
class Credentials:
    """Each may be empty: the file is written as soon as there is something to say."""

    url: str = ""
    operator_key: str = ""
    tenant: str = ""
    api_key: str = ""


def read(data_dir: Path) -> Credentials:
    """What the file says; nothing where it is missing or damaged, since keys can be made anew."""
    path = data_dir / FILE
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return Credentials()
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}") from None
    known = {field.name for field in fields(Credentials)}
    found = content.items() if isinstance(content, dict) else ()
    return Credentials(**{k: v for k, v in found if k in known and isinstance(v, str)})


def follow(data_dir: Path, key: str) -> bool:
    """Put a rotated key in the place of its last secret; whether the file held that."""
    from app.apikeys import parse

    known, new = read(data_dir), parse(key)
    held = {"operator_key": known.operator_key, "api_key": known.api_key}
    mine = [
        name for name, text in held.items() if new and (old := parse(text)) and old.id == new.id
    ]
    if mine:
        write(data_dir, replace(known, **dict.fromkeys(mine, key)))
    return bool(mine)


def write(data_dir: Path, credentials: Credentials) -> None:
    """For its owner alone; a crash leaves the old file or the new one."""
    from app.embedded import secret_files

    secret_files.write(data_dir / FILE, asdict(credentials))
