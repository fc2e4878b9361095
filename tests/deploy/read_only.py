"""Processes without any folder that they may write to, as in a container with a read-only root and no volume.

Such a process has its own mounts, all read-only, and runs as a user with no capability. Needs neither root nor Docker,
only util-linux and a kernel that lets users make namespaces.
"""

import subprocess

# Run with the capabilities of a user namespace of its own, which it gives up for good. $1 is whether shared memory may
# be written, as under Docker and Kubernetes.
_ENTER = """
set -eu
mount --make-rprivate /
cut -d ' ' -f 5 /proc/self/mountinfo | grep -v '^/proc' | while read -r folder; do
  mount -o remount,bind,ro "$(printf '%b' "$folder")"
done
if [ "$1" = yes ]; then mount -t tmpfs -o mode=1777 tmpfs /dev/shm; fi
shift
exec unshare --user --map-user=10001 --map-group=10001 "$@"
"""
_NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount")


def read_only(*, shared_memory: bool, own_processes: bool = False) -> list[str]:
    """Return the command that runs another without any writable folder; with `own_processes`, as process number one."""
    more = ("--pid", "--fork", "--kill-child", "--mount-proc") if own_processes else ()
    return [*_NAMESPACES, *more, "sh", "-c", _ENTER, "enter", "yes" if shared_memory else "no"]


def is_possible(*command: str) -> bool:
    """Whether this machine lets a user do what runs other commands, such as that of `read_only`."""
    try:
        done = subprocess.run([*command, "true"], check=False, capture_output=True)
    except FileNotFoundError:
        return False
    return done.returncode == 0
