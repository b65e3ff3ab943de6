"""A real Odoo server process for a test: started, asked, stopped, killed."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from setup import template, venv
from setup.database import Server
from setup.ports import free_port

LOOPBACK = Path(__file__).resolve().parent / "loopback"


class OdooServer:
    """``python -m odoo`` on one database.

    :ivar url: such as ``http://127.0.0.1:41234``
    :ivar log: the file with all it says, over restarts
    """

    def __init__(
        self,
        postgres: Server,
        dbname: str,
        folder: Path,
        env: dict[str, str] | None = None,
        **options: object,
    ) -> None:
        """
        :param folder: for its configuration and log
        :param env: further variables
        :param options: of ``odoo.conf``, such as ``workers=2, max_cron_threads=1``
        """
        port = free_port()
        self.dbname = dbname
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "odoo.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._attempts = folder / "beyond-loopback"
        self._conf = template.configuration(
            postgres,
            folder / "odoo.conf",
            http_port=port,
            gevent_port=free_port(),
            db_name=dbname,
            **options,
        )
        self._env = {**template.environment(postgres), **(env or {})}
        self._env["PYTHONPATH"] = f"{self._env['PYTHONPATH']}{os.pathsep}{LOOPBACK}"
        self._env["LOOPBACK_REPORT"] = str(self._attempts)

    def start(self, timeout: float = 180) -> "OdooServer":
        """Start it and wait until it answers.

        :raises AssertionError: it ended, or gave no answer for ``timeout`` seconds;
            with the end of its log.
        """
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                # should pytest be killed, the kernel ends the server too
                ["setpriv", "--pdeathsig=KILL", venv.PYTHON, "-m", "odoo"]
                + ["-c", str(self._conf)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.healthy():
                return self
            time.sleep(0.1)
        self.kill9()
        raise AssertionError(f"Odoo did not start:\n{self.said()[-4000:]}")

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/web/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def said(self) -> str:
        """All of its log so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self, timeout: float = 5) -> None:
        """End it in order, as ``systemctl stop`` does; by force after ``timeout``.

        Odoo waits for websockets without end: close the pages first.
        """
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        self.kill9()

    def kill9(self) -> None:
        """End it and its workers at once, as a power cut does."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None

    def attempts(self) -> list[str]:
        """Addresses beyond this machine that it tried to connect to."""
        if not self._attempts.exists():
            return []
        return self._attempts.read_text(encoding="utf-8").splitlines()
