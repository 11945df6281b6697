"""The deployment of several machines on one, without Docker: PostgreSQL, Redis, Dagster's daemon, workers.

    python deploy/local_cluster.py --folder /tmp/cluster --workers 2

starts all of it, on loopback and ports that are free, and ends it at Ctrl+C. The servers come from Debian's packages
`postgresql` and `redis-server`. The tests of the operations use it as a library.
"""

import argparse
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml

_REPOSITORY = Path(__file__).resolve().parents[1]
_DAGSTER_YAML = Path(__file__).with_name("dagster.yaml")
_START_SECONDS = 60.0


class Cluster:
    """The processes of a cluster on this machine, in a folder of its own.

    Args:
        folder: for the databases, DAGSTER_HOME and the logs; kept when it ends. As root, PostgreSQL runs as the user
            postgres, who must be able to enter it.
        data_dir: the shared data folder.
        start_timeout_seconds: after which a run that no worker took has failed.
    """

    def __init__(self, folder: Path, data_dir: Path, *, num_workers: int = 2, start_timeout_seconds: int = 300) -> None:
        self.folder, self.data_dir = folder.absolute(), data_dir.absolute()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._postgres_port, self._redis_port = _free_port(), _free_port()
        self._password = secrets.token_hex(16)
        self.postgres_url = f"postgresql+psycopg2://dagster:{self._password}@127.0.0.1:{self._postgres_port}/dagster"
        self.redis_url = f"redis://:{self._password}@127.0.0.1:{self._redis_port}/0"
        self.environ = os.environ | {
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "THUMB_ASSETS_DATA_DIR": str(self.data_dir),
            "THUMB_ASSETS_POSTGRES_URL": self.postgres_url,
            "THUMB_ASSETS_BROKER_URL": self.redis_url,
            "THUMB_ASSETS_QUEUE": "cpu",
        }
        self._config = yaml.safe_load(_DAGSTER_YAML.read_text())
        self._config["concurrency"]["runs"]["max_concurrent_runs"] = num_workers
        self._config["run_monitoring"] |= {"start_timeout_seconds": start_timeout_seconds, "poll_interval_seconds": 5}

    def start_databases(self) -> None:
        """PostgreSQL and Redis, ready for connections."""
        (self.folder / "dagster").mkdir(parents=True, exist_ok=True)
        (self.folder / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(self._config, sort_keys=False))
        self._start_postgres()
        redis_conf = self.folder / "redis.conf"
        redis_conf.write_text(
            f"bind 127.0.0.1\nport {self._redis_port}\nrequirepass {self._password}\ndir {self.folder}\nsave ''\n"
        )
        redis_conf.chmod(0o600)
        self._start("redis", ["redis-server", str(redis_conf)])
        self._wait("redis", lambda: _accepts(self._redis_port))

    def start_daemon(self) -> None:
        """Dagster's daemon, which works off schedules, sensors, backfills and queued runs."""
        self._start("daemon", [_tool("dagster-daemon"), "run", "-m", "thumb_assets.definitions"])

    def start_webserver(self) -> str:
        """Dagster's UI; returns its address."""
        port = _free_port()
        arguments = ["-m", "thumb_assets.definitions", "-h", "127.0.0.1", "-p", str(port)]
        self._start("webserver", [_tool("dagster-webserver"), *arguments])
        self._wait("webserver", lambda: _accepts(port))
        return f"http://127.0.0.1:{port}"

    def start_worker(self, name: str, *, queues: str = "cpu") -> None:
        """A worker of one process; ready when it listens."""
        arguments = ["-A", "thumb_assets.defs.cluster", "worker", "-Q", queues, "-c", "1", "-n", f"{name}@%h"]
        self._start(name, [_tool("celery"), *arguments, "-l", "INFO"])
        self._wait(name, lambda: " ready." in self.log(name))

    def is_running(self, name: str) -> bool:
        """True if a process was started and has not ended."""
        return name in self._processes and self._processes[name].poll() is None

    def kill(self, name: str) -> None:
        """Ends a process and its children at once, as a machine that fails."""
        process = self._processes.pop(name)
        for child in _descendants(process.pid):
            _signal(child, signal.SIGKILL)
        _signal(process.pid, signal.SIGKILL)
        process.wait()

    def log(self, name: str) -> str:
        """The output of a process so far."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """Ends everything, the last one started first."""
        for name in reversed(list(self._processes)):
            process = self._processes[name]
            children = _descendants(process.pid)
            # For PostgreSQL the way that waits for no one.
            _signal(process.pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                _signal(process.pid, signal.SIGKILL)
                process.wait()
            for child in children:
                _signal(child, signal.SIGKILL)
        self._processes.clear()

    def _start_postgres(self) -> None:
        folder, tools = self.folder / "postgres", _postgres_tools()
        folder.mkdir(exist_ok=True)
        password_file = folder / "password"
        password_file.write_text(self._password)
        as_user: list[str] = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            as_user = ["runuser", "-u", "postgres", "--"]
            user = pwd.getpwnam("postgres")
            for path in (folder, password_file):
                os.chown(path, user.pw_uid, user.pw_gid)
            _run([*as_user, "test", "-x", str(folder)], failure=f"{folder}: the user postgres may not enter it")
        password_file.chmod(0o600)
        initdb = [*as_user, str(tools / "initdb"), "-D", str(folder / "data"), "-U", "dagster", "-E", "UTF8"]
        _run([*initdb, "--no-sync", "--auth=scram-sha-256", f"--pwfile={password_file}"], cwd=folder)
        options = ["-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(self._postgres_port), "-k", str(folder)]
        self._start("postgres", [*as_user, str(tools / "postgres"), *options])
        self._wait("postgres", lambda: "ready to accept connections" in self.log("postgres"))
        self.run_sql("postgres", "CREATE DATABASE dagster")

    def run_sql(self, database: str, sql: str) -> str:
        """The output of psql for a statement."""
        environ = self.environ | {"PGPASSWORD": self._password}
        address = ["-h", "127.0.0.1", "-p", str(self._postgres_port), "-U", "dagster", "-d", database]
        return _run(["psql", *address, "-v", "ON_ERROR_STOP=1", "-Atc", sql], environ=environ)

    def _start(self, name: str, command: Sequence[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603 - our own commands
                command, stdout=log, stderr=subprocess.STDOUT, env=self.environ, cwd=_REPOSITORY, start_new_session=True
            )

    def _wait(self, name: str, is_ready: Callable[[], bool]) -> None:
        end = time.monotonic() + _START_SECONDS
        while not is_ready():
            if self._processes[name].poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{name} did not start:\n{self.log(name)[-3000:]}")
            time.sleep(0.1)


def missing_programs() -> list[str]:
    """Debian's packages that are needed and not installed."""
    missing = [] if shutil.which("redis-server") else ["redis-server"]
    return missing if _postgres_folders() else [*missing, "postgresql"]


def _postgres_folders() -> list[Path]:
    return sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))


def _postgres_tools() -> Path:
    return _postgres_folders()[-1].parent


def _tool(name: str) -> str:
    """A program of this Python's environment."""
    return str(Path(sys.executable).with_name(name))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _accepts(port: int) -> bool:
    with socket.socket() as tried:
        tried.settimeout(1)
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _run(
    command: Sequence[str], *, environ: Mapping[str, str] | None = None, cwd: Path | None = None, failure: str = ""
) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=cwd, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(failure or f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _descendants(process_id: int) -> list[int]:
    """Children and their children, of Linux's own list."""
    found = []
    for task in Path(f"/proc/{process_id}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *_descendants(child)]
    return found


def _signal(process_id: int, number: signal.Signals) -> None:
    try:
        os.kill(process_id, number)
    except ProcessLookupError:
        return


def main() -> None:
    """Starts all of it and waits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for databases and logs")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if missing := missing_programs():
        sys.exit(f"not installed: {', '.join(missing)}; `apt-get install {' '.join(missing)}`")
    cluster = Cluster(given.folder, given.data_dir, num_workers=given.workers)
    try:
        cluster.start_databases()
        cluster.start_daemon()
        for number in range(1, given.workers + 1):
            cluster.start_worker(f"worker-{number}")
        print(f"UI: {cluster.start_webserver()}")
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
