"""Signatures (SSH) and timestamps (RFC 3161) of manifests, made with ssh-keygen and openssl."""

import os
import re
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import click

from intercom_access_review.files import replacing
from intercom_access_review.settings import Settings

NAMESPACE = "tap-intercom-access-review"
TIMEOUT = 30
"""Seconds."""
STAMP = re.compile(r"^Time stamp: (.+)$", re.MULTILINE)
STAMPED_BY = re.compile(r"^TSA: (.+)$", re.MULTILINE)


class UncheckedError(click.ClickException):
    """A signature or timestamp can't be checked on this machine. The message gives the reason."""


def run(*command: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen or openssl, with English output."""
    try:
        return subprocess.run(  # noqa: S603
            command,
            capture_output=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
            input=stdin,
            timeout=TIMEOUT,
        )
    except FileNotFoundError as error:
        raise UncheckedError(f"{command[0]} is not installed on this machine.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise click.ClickException(f"{command[0]} did not run: {error}") from error


def output_of(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the output of a command as one line."""
    text = (done.stderr + done.stdout).decode(errors="replace")
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())[:500]


def succeed(
    problem: str, *command: str | Path, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command, and raise an error with its output if it fails."""
    done = run(*command, stdin=stdin)
    if done.returncode:
        raise click.ClickException(f"{problem}: {output_of(done)}")
    return done


def seal(path: Path, settings: Settings) -> None:
    """Sign a file (FILE.sig) and timestamp it (FILE.tsr), if the settings require it."""
    if settings.signing_key:
        sign(path, str(Path(settings.signing_key).expanduser()))
    if settings.timestamp_url:
        stamp(path, settings.timestamp_url, settings.timestamp_ca)


def sign(path: Path, key: str) -> None:
    """Sign a file."""
    command = ("ssh-keygen", "-Y", "sign", "-f", key, "-n", NAMESPACE)
    done = succeed(f"Cannot sign with signing_key {key}", *command, stdin=path.read_bytes())
    with replacing(path.with_name(f"{path.name}.sig")) as file:
        file.write(done.stdout)


def signer_of(path: Path, settings: Settings) -> str:
    """Return the name and the key of the signer of a file.

    Raises:
        click.ClickException: The signature is not valid, or its key is not allowed.
    """
    signature = path.with_name(f"{path.name}.sig")
    content, options = path.read_bytes(), ("-n", NAMESPACE, "-s", signature)
    problem = f"{signature.name} is not a signature of this file"
    command = ("ssh-keygen", "-Y", "check-novalidate", *options)
    *_, kind, _, number = output_of(succeed(problem, *command, stdin=content)).split()
    key, signers = f"{kind} {number}", Path(settings.allowed_signers).expanduser()
    if not signers.is_file():
        raise UncheckedError(f"signed with {key}; {signers}, with the owners of keys, is missing")
    names = run("ssh-keygen", "-Y", "find-principals", "-s", signature, "-f", signers)
    for name in names.stdout.decode(errors="replace").splitlines():
        verify = ("ssh-keygen", "-Y", "verify", "-f", signers, "-I", name, *options)
        # A name that begins with an exclamation mark is a pattern that excludes names.
        if not name.startswith("!") and run(*verify, stdin=content).returncode == 0:
            return f"{name} ({key})"
    raise click.ClickException(f"{signature.name} is from {key}, which {signers} does not allow")


def authority(path: str) -> str:
    """Return the path of the certificates of the timestamp service's authority."""
    if not path or not Path(path).expanduser().is_file():
        raise UncheckedError(
            f"timestamp_ca is {path!r}. Set it to the certificates (PEM) of the timestamp "
            "service's authority, or timestamps cannot be checked."
        )
    return str(Path(path).expanduser())


def stamp(path: Path, url: str, ca: str) -> None:
    """Get a timestamp of a file from a service, check it, and write it as FILE.tsr.

    Raises:
        click.ClickException: The service doesn't send a valid timestamp.
    """
    trusted = authority(ca)
    with tempfile.TemporaryDirectory() as folder:
        query, answer = Path(folder, "query.tsq"), Path(folder, "answer.tsr")
        request = ("openssl", "ts", "-query", "-data", path, "-sha256", "-cert", "-out", query)
        succeed("openssl cannot make a timestamp request", *request)
        answer.write_bytes(response_of(url, query.read_bytes()))
        # Compared with the request, which has a nonce, so that an older response is refused.
        verify = ("openssl", "ts", "-verify", "-queryfile", query, "-in", answer)
        succeed(f"{url} did not send a valid timestamp", *verify, "-CAfile", trusted)
        with replacing(path.with_name(f"{path.name}.tsr")) as file:
            file.write(answer.read_bytes())


def response_of(url: str, query: bytes) -> bytes:
    """Return the response of a timestamp service."""
    import requests  # noqa: PLC0415

    headers = {"Content-Type": "application/timestamp-query"}
    try:
        response = requests.post(url, data=query, headers=headers, timeout=TIMEOUT)
        response.raise_for_status()
    except OSError as error:  # all errors of requests
        raise click.ClickException(f"timestamp_url {url} did not respond: {error}.") from error
    return response.content


def stamper_of(path: Path, settings: Settings) -> str:
    """Return the service and the time of a file's timestamp.

    Raises:
        click.ClickException: The timestamp is not valid.
    """
    answer = path.with_name(f"{path.name}.tsr")
    problem = f"{answer.name} is not a timestamp"
    command = ("openssl", "ts", "-reply", "-in", answer, "-text")
    text = succeed(problem, *command).stdout.decode(errors="replace")
    time, by = STAMP.search(text), STAMPED_BY.search(text)
    if time is None:
        raise click.ClickException(problem)
    # The certificate has to be valid at that time; it may have expired since.
    without_fraction = re.sub(r"\.\d+", "", time.group(1))
    at = datetime.strptime(without_fraction, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=timezone.utc)
    options = ("-data", path, "-in", answer, "-CAfile", authority(settings.timestamp_ca))
    verify = ("openssl", "ts", "-verify", *options, "-attime", str(int(at.timestamp())))
    succeed(f"{problem} of this file", *verify)
    name = by.group(1) if by and by.group(1) != "unspecified" else "a service of timestamp_ca"
    return f"{name} at {time.group(1)}"
