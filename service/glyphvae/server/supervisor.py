"""Several server processes on one socket, and the process that starts them anew and passes signals on."""

import logging
import os
import signal
import socket
from multiprocessing import parent_process
from threading import Thread

from glyphvae.server.listener import remove_socket
from glyphvae.server.server import Config, Server
from glyphvae.server.uvicorn_internals import STARTUP_FAILURE, Multiprocess, Process

logger = logging.getLogger("glyphvae")


class Worker(Process):
    """A server process."""

    config: Config

    @property
    def server(self) -> Server:
        """Its server, made in the process itself."""
        if self._server is None:
            self._server = Server(self.config)
        assert isinstance(self._server, Server)  # noqa: S101 (nobody else sets it)
        return self._server

    def target(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, in the process itself, as long as there is a supervisor."""
        Thread(target=_end_with_supervisor, name="glyphvae-supervisor", daemon=True).start()
        super().target(sockets)


def _end_with_supervisor() -> None:
    """Finish as on SIGTERM once the supervisor is dead: else nobody could end this process, and it kept the ports."""
    supervisor = parent_process()
    assert supervisor is not None  # noqa: S101 (it has started this process)
    supervisor.join()
    logger.error("the supervisor is dead; this process ends too")
    os.kill(os.getpid(), signal.SIGTERM)


class Supervisor(Multiprocess):
    """Starts the processes, and starts one anew when it ends."""

    config: Config

    def init_processes(self) -> None:
        """Start all."""
        self.processes += [self._started() for _ in range(self.processes_num)]

    def keep_subprocess_alive(self) -> None:
        """Start those anew that have ended or do not answer."""
        for index, process in enumerate(self.processes):
            if self.should_exit.is_set() or process.is_alive(timeout=self.config.timeout_worker_healthcheck):
                continue
            process.kill()
            process.join()
            if process.exitcode == STARTUP_FAILURE:
                logger.error("process %d cannot start", process.pid)
                self.should_exit.set()
                return
            logger.error("process %d has ended; another one takes its place", process.pid)
            self.processes[index] = self._started()

    def handle_hup(self) -> None:
        """Have every process load its models anew, instead of starting all anew."""
        for process in self.processes:
            if process.pid is not None and process.process.is_alive():
                os.kill(process.pid, signal.SIGHUP)

    def handle_ttin(self) -> None:
        """Ignore the signal: the number of processes is a setting."""

    handle_ttou = handle_ttin

    def terminate_all(self) -> None:
        """Have every process finish and end."""
        super().terminate_all()
        # The processes have the socket too; what still waits there is theirs.
        for listener in self.sockets:
            listener.close()
        remove_socket(self.config.settings.unix_socket)

    def _started(self) -> Worker:
        worker = Worker(self.config, self.sockets)
        worker.start()
        return worker
