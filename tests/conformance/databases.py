"""Real databases in temporary folders, on free ports, ended with their test."""

import contextlib
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

import program
import pytest

START_SECONDS = 60
MARIADB_PACKAGES = ("libmariadb3", "mariadb-client-core", "mariadb-server-core")
SUPERUSER_PASSWORD = "superuser-Pa55word"


class Database:
    """A server that is running; `superuser` is a user of it who may do everything."""

    engine = None
    superuser = None

    def __init__(self):
        self.port = program.free_port()
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="bulla-db-"))
        self.process = None

    def secret(self, user, password, **more):
        """The standard JSON of a login."""
        login = {"engine": self.engine, "host": "127.0.0.1", "port": self.port}
        return {**login, "username": user, "password": password, **more}

    def start(self):
        self.process = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.home / "log").open("ab"),
            **self.as_whom(),
        )
        what = f"{self.engine} answers; see {self.home / 'log'}"
        program.wait_until(self.answers, START_SECONDS, what)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def as_whom(self):
        return {}

    def answers(self):
        return self.logs_in(self.superuser, SUPERUSER_PASSWORD)


class PostgreSql(Database):
    engine = "postgres"
    superuser = "super"

    def __init__(self, tls=None):
        super().__init__()
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        path = shutil.which("initdb") or (found[-1] if found else None)
        if path is None or shutil.which("psql") is None:
            shutil.rmtree(self.home)
            pytest.skip("PostgreSQL can't be had (Debian: apt install postgresql)")
        self.programs = pathlib.Path(path).resolve().parent
        # It does not run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        password = self.home / "password"
        password.write_text(SUPERUSER_PASSWORD)
        self.own()
        quiet = {"check": True, "capture_output": True, **self.as_whom()}
        subprocess.run(
            [self.programs / "initdb", "-D", self.home / "data", "-U", self.superuser,
             f"--pwfile={password}", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8"],
            **quiet,
        )
        self.options = ["-c", "fsync=off", "-c", "max_connections=200", "-c", "log_statement=all"]
        if tls:
            for file in (self.home / "server.crt", self.home / "server.key"):
                file.write_bytes((tls / file.name).read_bytes())
                file.chmod(0o600)
            self.own()
            self.options += ["-c", "ssl=on", "-c", f"ssl_cert_file={self.home / 'server.crt'}",
                             "-c", f"ssl_key_file={self.home / 'server.key'}"]
        self.start()

    def own(self):
        if self.user:
            user = pwd.getpwnam(self.user)
            for path in (self.home, *self.home.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)

    def as_whom(self):
        return {"user": self.user, "group": self.user, "cwd": self.home} if self.user else {}

    def command(self):
        return [self.programs / "postgres", "-D", self.home / "data", "-p", str(self.port),
                "-k", self.home, "-h", "127.0.0.1", *self.options]

    def run(self, user, password, *statements):
        options = [option for statement in statements for option in ("-c", statement)]
        env = {**os.environ, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "5"}
        command = ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", "postgres",
                   "-v", "ON_ERROR_STOP=1", "-qAt", *options]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def logs_in(self, user, password):
        return self.run(user, password, "SELECT 1").returncode == 0

    def ask(self, *statements):
        done = self.run(self.superuser, SUPERUSER_PASSWORD, *statements)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def make(self, user, password):
        self.ask(f"CREATE USER {user} WITH PASSWORD '{password}'")


class MariaDb(Database):
    engine = "mariadb"
    superuser = "super"

    def __init__(self):
        super().__init__()
        try:
            self.folder = mariadb_folder()
        except BaseException:
            shutil.rmtree(self.home)
            raise
        data = self.home / "data"
        data.mkdir()
        libraries = self.folder / "usr/lib/x86_64-linux-gnu"
        self.env = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
        begin = self.home / "begin.sql"
        begin.write_text(
            "FLUSH PRIVILEGES; "
            f"CREATE USER '{self.superuser}'@'%' IDENTIFIED BY '{SUPERUSER_PASSWORD}'; "
            f"GRANT ALL ON *.* TO '{self.superuser}'@'%' WITH GRANT OPTION; "
            "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT);"
        )
        share = self.folder / "usr/share/mysql"
        scripts = [share / name for name in (
            "mysql_system_tables.sql", "mysql_system_tables_data.sql",
            "mysql_performance_tables.sql", "fill_help_tables.sql",
        )]
        boot = "CREATE DATABASE mysql;\nUSE mysql;\n"
        boot += "\n".join(script.read_text() for script in scripts if script.exists())
        subprocess.run(
            [*self.base(), "--bootstrap"], input=boot, text=True, env=self.env, check=True,
            capture_output=True,
        )
        subprocess.run(
            [*self.base(), "--bootstrap"], input=begin.read_text().replace("; ", ";\n"), text=True,
            env=self.env, check=True, capture_output=True,
        )
        self.start()

    def base(self):
        user = ["--user=root"] if os.geteuid() == 0 else []
        share = self.folder / "usr/share/mysql"
        return [self.folder / "usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.home / 'data'}",
                f"--lc-messages-dir={share}", f"--character-sets-dir={share / 'charsets'}", *user]

    def as_whom(self):
        return {"env": self.env}

    def command(self):
        return [*self.base(), f"--port={self.port}", "--bind-address=127.0.0.1",
                f"--socket={self.home / 'socket'}", "--innodb-flush-log-at-trx-commit=0"]

    def run(self, user, password, *statements):
        env = {**self.env, "MYSQL_PWD": password}
        command = [self.folder / "usr/bin/mariadb", "--no-defaults", "-h", "127.0.0.1",
                   "-P", str(self.port), "-u", user, "-N", "-B", "-e", "; ".join(statements)]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def logs_in(self, user, password):
        return self.run(user, password, "SELECT 1").returncode == 0

    def ask(self, *statements):
        done = self.run(self.superuser, SUPERUSER_PASSWORD, *statements)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def make(self, user, password):
        self.ask(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'",
                 f"GRANT SELECT ON shop.* TO '{user}'@'%'")


def mariadb_folder():
    """Where MariaDB is, of the machine or fetched from Debian; skips the test without it."""
    if pathlib.Path("/usr/sbin/mariadbd").exists() and shutil.which("mariadb"):
        return pathlib.Path("/")
    target = pathlib.Path(program.binary()).resolve().parent.parent
    into = target / "tmp" / "mariadb"
    server = into / "usr/sbin/mariadbd"
    if not server.exists():
        into.mkdir(parents=True, exist_ok=True)
        quiet = {"cwd": into, "stdin": subprocess.DEVNULL, "capture_output": True}
        with contextlib.suppress(OSError):
            subprocess.run(["apt-get", "download", *MARIADB_PACKAGES], **quiet)
        for package in into.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, "."], **quiet)
    if not server.exists():
        pytest.skip("MariaDB can't be had (apt-get download, dpkg)")
    return into
