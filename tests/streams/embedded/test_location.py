"""A log on a network drive is refused, because SQLite's write-ahead log is not safe there."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import FatalFault
from streams.embedded.location import check_location, find_file_system, find_file_system_macos, read_file_system
from streams.embedded.log import Log

# Lines as Linux writes them; proc(5) explains the fields
MOUNTINFO = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
60 22 0:40 / /mnt/ship\\040data rw,relatime shared:30 - nfs4 server:/export rw,vers=4.2
61 22 0:41 / /mnt/instruments rw,relatime - cifs //host/share rw
62 61 254:2 / /mnt/instruments/local rw,relatime shared:31 master:2 - xfs /dev/vdb rw
63 22 0:42 / /home/me/remote rw,nosuid - fuse.sshfs me@host: rw
64 22 0:43 / /over rw - ext4 /dev/vdc rw
65 22 0:44 / /over rw - 9p hostshare rw
"""

MOUNT_MACOS = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
//me@host/Camera on /Volumes/Camera (smbfs, nodev, nosuid, mounted by me)
host:/export on /Volumes/ship data (nfs, nodev, nosuid)
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/", "ext4"),
        ("/data/logs", "ext4"),
        ("/mnt/ship data/logs", "nfs4"),
        ("/mnt/ship", "ext4"),
        ("/mnt/instruments", "cifs"),
        ("/mnt/instruments/local/logs", "xfs"),
        ("/home/me/remote/a/b", "fuse.sshfs"),
        ("/over/logs", "9p"),
    ],
)
def test_the_innermost_and_latest_mount_tells_the_file_system(folder, expected):
    assert find_file_system(Path(folder), MOUNTINFO) == expected


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("/data", "apfs"), ("/Volumes/Camera/logs", "smbfs"), ("/Volumes/ship data", "nfs"), ("/Volumes/Camera2", "apfs")],
)
def test_the_mounts_of_macos_are_understood(folder, expected):
    assert find_file_system_macos(Path(folder), MOUNT_MACOS) == expected


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "NFS"])
def test_a_log_on_a_network_drive_is_refused(tmp_path, kind):
    path = tmp_path / "logs" / "log.db"
    with pytest.raises(FatalFault, match=r"network drive.*put it on a disk of this machine"):
        Log(path, probe=lambda _: kind)
    assert not path.exists()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "tmpfs", "apfs", ""])
def test_a_log_on_a_disk_of_this_machine_is_taken(tmp_path, kind):
    check_location(tmp_path / "new folder" / "log.db", lambda _: kind)
    assert (tmp_path / "new folder").is_dir()


def test_the_file_system_of_this_machine_is_found_and_local(tmp_path):
    check_location(tmp_path / "log.db")
    assert isinstance(read_file_system(tmp_path), str)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(FatalFault, match="cannot be made"):
        check_location(tmp_path / "file" / "log.db")
