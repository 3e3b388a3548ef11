"""Run a command that ends when its parent ends: ``python tether.py PARENT SIGNAL USER:GROUP COMMAND...``.

However the parent ends, ``kill -9`` included, the kernel sends SIGNAL to the command (on Linux; elsewhere the
command just runs). A script rather than subprocess's ``preexec_fn``, which is not safe in a program with
threads; it imports nothing of the portal, so it costs a few milliseconds.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(signum: int) -> None:
    """Have the kernel send ``signum`` to this process when the one that started it ends."""
    _prctl(PR_SET_PDEATHSIG, signum)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that they stay in sight."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def become(user: int, group: int) -> None:
    """Give up root's rights for those of ``user``."""
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def main() -> None:
    parent, signum, user_and_group, *command = sys.argv[1:]
    if user_and_group:
        become(*(int(number) for number in user_and_group.split(":")))
    # After become(): the kernel forgets the wish when a process changes its user.
    die_with_parent(int(signum))
    if os.getppid() != int(parent):
        sys.exit("the process that asked for this one has ended")
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
