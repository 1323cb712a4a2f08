"""Refuse a log on a network drive: SQLite's write-ahead log needs memory shared between processes, which no such drive gives."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from schemas.errors import FatalFault

#: File systems whose files live on another machine, or that cannot map a file shared and writable.
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p", "acfs", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "gpfs", "lustre", "ncpfs",
        "nfs", "nfs3", "nfs4", "ocfs2", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "vmhgfs", "webdav",
        "fuse.beegfs", "fuse.ceph", "fuse.davfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.grpcfuse",
        "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuse.vmhgfs-fuse",
    }
)  # fmt: skip

_DRIVE_REMOTE = 4  # winbase.h
_MOUNT_S = 5.0  # macOS lists its mounts in milliseconds; one that hangs must not hold us

#: Path of an existing folder -> name of its file system, "" where it cannot be told.
ReadFileSystem = Callable[[Path], str]


def find_file_system(folder: Path, mountinfo: str) -> str:
    """Return the file system of a folder by the text of Linux's ``/proc/self/mountinfo`` (proc(5)), "" if none covers it."""
    best, found = -1, ""
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if not dash or len(fields) < 5:  # noqa: PLR2004 - the mount point is the fifth field
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        # The last of several mounts on one point hides the others.
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), after.split()[0]
    return found


def find_file_system_macos(folder: Path, mounts: str) -> str:
    """Return the file system of a folder by the output of macOS's ``mount``: ``//host/share on /Volumes/share (smbfs, ...)``."""
    best, found = -1, ""
    for match in re.finditer(r"^.+? on (?P<point>/.*) \((?P<kind>[\w.]+)", mounts, re.MULTILINE):
        point = Path(match["point"])
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), match["kind"]
    return found


def read_file_system(folder: Path) -> str:
    """Return the name of the file system that holds an existing folder, "" where it cannot be told."""
    if sys.platform == "win32":
        root = folder.resolve().drive + "\\"
        remote = root.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(root) == _DRIVE_REMOTE
        return "smb3" if remote else ""
    try:
        if sys.platform == "darwin":
            ended = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=_MOUNT_S, check=False)
            return find_file_system_macos(folder.resolve(), ended.stdout)
        text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return find_file_system(folder.resolve(), text)


def check_location(path: Path, read: ReadFileSystem = read_file_system) -> None:
    """Make the log's folder, and refuse it on a network drive.

    Raises
    ------
    FatalFault
        If the folder cannot be made or written, or its file system is known to be remote.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sentence = f"The folder of the log, {path.parent}, cannot be made."
        raise FatalFault(sentence) from error
    if not os.access(path.parent, os.W_OK):
        sentence = f"The folder of the log, {path.parent}, may not be written by this user."
        raise FatalFault(sentence)
    kind = read(path.parent).lower()
    if kind in NETWORK_FILE_SYSTEMS:
        sentence = (
            f"The log {path} is on a network drive ({kind}), where its file format is not safe: "
            "put it on a disk of this machine, or use a Kafka broker."
        )
        raise FatalFault(sentence)
