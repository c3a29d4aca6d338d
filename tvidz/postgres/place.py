"""Where the embedded server's files lie and which account owns them."""

import hashlib
import os
import pwd
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from tvidz.postgres.errors import EmbeddedPostgresError
from tvidz.postgres.programs import STATE, TEMPORARY, Account, run

PORT = "5432"
# A Unix socket's path has room for 103 (macOS) to 107 bytes; "/.s.PGSQL.5432.lock" wants 19.
SOCKET_FOLDER_BYTES = 85


@dataclass(frozen=True)
class Place:
    """The paths of one embedded server; `base` is `home` unless the data had to go elsewhere."""

    home: Path
    base: Path

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    @property
    def socket(self) -> Path:
        """The socket's folder: in `base`, or in the temporary folder when that path is too long."""
        beside = self.base / "socket"
        if len(os.fsencode(beside)) <= SOCKET_FOLDER_BYTES:
            return beside
        return TEMPORARY / f"tvidz-{_digest(self.base)}"

    @property
    def socket_file(self) -> Path:
        return self.socket / f".s.PGSQL.{PORT}"


def find_place(var: Path) -> Place:
    """The place belonging to the folder `var` as it is now; makes nothing."""
    home = Path(os.path.realpath(var)) / "postgres"
    pointer = home / "location"
    try:
        # Root follows a pointer that only root can have written.
        if os.geteuid() != 0 or pointer.lstat().st_uid == 0:
            return Place(home, Path(pointer.read_text().strip()))
    except (FileNotFoundError, NotADirectoryError):
        pass
    return Place(home, home)


def choose_account(place: Place) -> Account | None:
    """Whom the server runs as; None means as ourselves, which is right for everybody but root.

    For root: the owner of the data there is; else the owner of the folder they go to, so that
    this user can work on without root; else `postgres`; else `nobody`.
    """
    if os.geteuid() != 0:
        return None
    if place.data.exists():
        owner = place.data.lstat()
        if owner.st_uid == 0:
            raise EmbeddedPostgresError(
                f"{place.data} belongs to root, as which PostgreSQL does not run: give it to the "
                "user it belonged to (chown -R)."
            )
        return Account(owner.st_uid, owner.st_gid)
    for folder in (place.home, place.home.parent):
        if folder.exists() and (uid := folder.lstat().st_uid) != 0:
            try:
                return Account(uid, pwd.getpwuid(uid).pw_gid)
            except KeyError:
                continue  # initdb wants a user with a name
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root and there is neither a user `postgres` nor `nobody`: "
        "start tvidz as an ordinary user, or set TVIDZ_DATABASE_URL."
    )


def open_home(var: Path) -> Place:
    """Make the home folder of the locks where it is missing, and say where all lies."""
    place = find_place(var)
    if place.home.is_dir():
        return place
    account = choose_account(place)
    place.home.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.home.with_name(f".postgres-{secrets.token_hex(4)}")
    fresh.mkdir()
    if account is not None and place.home.parent.lstat().st_uid == account.uid:
        os.chown(fresh, account.uid, account.gid)
        fresh.chmod(0o700)
    else:
        # Root's own folder: the server's account must pass through, nobody need look around.
        fresh.chmod(0o700 if account is None else 0o711)
    try:
        fresh.rename(place.home)
    except OSError:
        # Another process made it first; only one that could not be made is an error.
        fresh.rmdir()
        if not place.home.is_dir():
            raise
    return place


def settle(place: Place, account: Account | None) -> Place:
    """Where the data may lie so that `account` reaches them; writes the pointer when not at home.

    Called with the start lock held and before there are any data.
    """
    if account is None or place.base != place.home or place.data.exists():
        return place
    if _reaches(place.home, account):
        return place
    base = STATE / f"tvidz-{_digest(place.home)}"
    base.mkdir(exist_ok=True)
    base.chmod(0o711)
    if base.lstat().st_uid != 0 or not _reaches(base, account):
        raise EmbeddedPostgresError(
            f"The unprivileged user {account.uid} that PostgreSQL runs as for root can reach "
            f"neither {place.home} nor {base}."
        )
    replace_file(place.home / "location", f"{base}\n", None)
    return Place(place.home, base)


def private_folder(folder: Path, account: Account | None) -> None:
    """Make `folder` for the server's user alone; refuse one that is anything else.

    Whoever comes in through the socket is believed without a password, so this folder is the
    door: only its owner and root may pass it.
    """
    uid = os.geteuid() if account is None else account.uid
    try:
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)
        if account is not None:
            os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        raise EmbeddedPostgresError(
            f"{folder} must be a folder of user {uid} that nobody else may enter (0700): "
            "remove it and try again."
        )


def replace_file(path: Path, text: str, account: Account | None) -> None:
    """Write `path` whole or not at all. A link an unprivileged user left there is not followed."""
    beside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
        if account is not None:
            os.fchown(descriptor, account.uid, account.gid)
    beside.rename(path)


def _reaches(folder: Path, account: Account) -> bool:
    return run(["/bin/sh", "-c", 'cd -- "$0"', folder], account).returncode == 0


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
