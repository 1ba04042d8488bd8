"""Run a timestamp service (RFC 3161) on loopback with its own authority, and make SSH keys."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

CONFIG = """
[tsa]
default_tsa = service
[service]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


def ssh_key(folder: Path, name: str) -> Path:
    """Make a signing key. The public key is in the file next to it."""
    path = folder / name
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path)
    return path


def allow(signers: Path, **keys: Path) -> None:
    """Add signers and their keys to a file of allowed signers."""
    lines = [
        f"{name}@example.com {key.with_suffix('.pub').read_text(encoding='utf-8')}"
        for name, key in keys.items()
    ]
    signers.write_text("".join(lines), encoding="utf-8")


def authority(folder: Path, name: str = "authority") -> Path:
    """Make the certificate of a timestamp authority. Its key is in the file next to it."""
    path = folder / f"{name}.pem"
    usage = "extendedKeyUsage=critical,timeStamping"
    options = ["-days", "2", "-subj", f"/CN={name}", "-addext", usage]
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", path.with_suffix(".key")]
    run("openssl", "req", "-x509", *map(str, key), *options, "-out", path)
    return path


@contextmanager
def service(
    folder: Path, certificate: Path, change: Callable[[bytes], bytes] = bytes
) -> Iterator[str]:
    """The URL of a service; `change` may spoil what it answers."""
    (folder / "serial").write_text("01\n", encoding="utf-8")
    config = folder / "tsa.cnf"
    config.write_text(CONFIG.format(folder=folder), encoding="utf-8")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query, answer = folder / "query.tsq", folder / "answer.tsr"
            query.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            run(
                *("openssl", "ts", "-reply", "-config", config, "-queryfile", query),
                *("-signer", certificate, "-inkey", certificate.with_suffix(".key")),
                *("-out", answer),
            )
            content = change(answer.read_bytes())
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
