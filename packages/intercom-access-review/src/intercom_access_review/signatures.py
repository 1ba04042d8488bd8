"""Signatures (SSH) and timestamps (RFC 3161) of manifests, made with ssh-keygen and openssl."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from intercom_access_review.files import replacing

if TYPE_CHECKING:
    from intercom_access_review.settings import Settings

NAMESPACE = "tap-intercom-access-review"
TIMEOUT = 30
"""Seconds."""
LARGEST = 1_000_000
"""Bytes of a response."""
HTTP_OK = 200
GOOD = re.compile(r'Good "[^"]+" signature for (.+) with (\S+) key (\S+)')
STAMP = re.compile(r"^Time stamp: (.+)$", re.MULTILINE)
STAMPED_BY = re.compile(r"^TSA: (.+)$", re.MULTILINE)


class UncheckedError(click.ClickException):
    """A signature or timestamp cannot be checked on this machine; the text says what is missing."""


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
    """Return in one line what a command printed."""
    text = (done.stderr + done.stdout).decode(errors="replace")
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())[:500]


def seal(path: Path, settings: Settings) -> None:
    """Sign and timestamp a file as far as the settings ask for it, beside the file."""
    if settings.signing_key:
        sign(path, str(Path(settings.signing_key).expanduser()))
    if settings.timestamp_url:
        stamp(path, settings.timestamp_url, settings.timestamp_ca)


def sign(path: Path, key: str) -> None:
    """Sign a file as FILE.sig.

    Raises:
        click.ClickException: ssh-keygen doesn't sign it.
    """
    done = run("ssh-keygen", "-Y", "sign", "-f", key, "-n", NAMESPACE, stdin=path.read_bytes())
    if done.returncode or b"BEGIN SSH SIGNATURE" not in done.stdout:
        raise click.ClickException(f"Cannot sign with signing_key {key}: {output_of(done)}.")
    with replacing(path.with_name(f"{path.name}.sig"), read_only=True) as file:
        file.write(done.stdout)


def signer_of(path: Path, settings: Settings) -> str:
    """Return who signed a file.

    Raises:
        click.ClickException: The signature is not valid, or from a key that is not allowed.
    """
    signature, signers = (
        path.with_name(f"{path.name}.sig"),
        Path(settings.allowed_signers).expanduser(),
    )
    content, options = path.read_bytes(), ("-n", NAMESPACE, "-s", signature)
    bare = run("ssh-keygen", "-Y", "check-novalidate", *options, stdin=content)
    if bare.returncode:
        raise click.ClickException(
            f"{signature.name} is not a signature of this file: {output_of(bare)}"
        )
    key = " ".join(output_of(bare).split()[-3:])
    if not signers.is_file():
        raise UncheckedError(f"signed with {key}; {signers}, which names its owner, is missing")
    names = run("ssh-keygen", "-Y", "find-principals", "-s", signature, "-f", signers)
    for name in names.stdout.decode(errors="replace").splitlines():
        if name.startswith("!"):  # a pattern that excludes a name
            continue
        done = run("ssh-keygen", "-Y", "verify", "-f", signers, "-I", name, *options, stdin=content)
        if not done.returncode and (match := GOOD.search(output_of(done))):
            return f"{match.group(1)} ({match.group(2)} {match.group(3)})"
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
    if urlsplit(url).scheme not in {"http", "https"}:
        raise click.ClickException(
            f"timestamp_url is {url!r}. Use a URL that begins with https://."
        )
    trusted = authority(ca)
    with tempfile.TemporaryDirectory() as folder:
        query, answer = Path(folder, "query.tsq"), Path(folder, "answer.tsr")
        done = run("openssl", "ts", "-query", "-data", path, "-sha256", "-cert", "-out", query)
        if done.returncode:
            raise click.ClickException(
                f"openssl cannot make a timestamp request: {output_of(done)}."
            )
        answer.write_bytes(response_of(url, query.read_bytes()))
        # Compared with the request, which has a nonce, so that an older response is refused.
        checked = run(
            "openssl", "ts", "-verify", "-queryfile", query, "-in", answer, "-CAfile", trusted
        )
        if checked.returncode:
            reply = output_of(run("openssl", "ts", "-reply", "-in", answer, "-text"))[:200]
            raise click.ClickException(
                f"{url} did not send a valid timestamp: {output_of(checked)} ({reply})."
            )
        with replacing(path.with_name(f"{path.name}.tsr"), read_only=True) as file:
            file.write(answer.read_bytes())


def response_of(url: str, query: bytes) -> bytes:
    """Return the response of a timestamp service."""
    import requests  # noqa: PLC0415

    headers = {
        "Content-Type": "application/timestamp-query",
        "Accept": "application/timestamp-reply",
    }
    try:
        with requests.post(
            url, data=query, headers=headers, timeout=TIMEOUT, stream=True, allow_redirects=False
        ) as response:
            content = bytes(response.raw.read(LARGEST + 1, decode_content=True))
            status = response.status_code
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{url} did not respond: {error}.") from error
    if status != HTTP_OK or not 0 < len(content) <= LARGEST:
        raise click.ClickException(f"{url} responded with HTTP {status} and {len(content)} bytes.")
    return content


def stamper_of(path: Path, settings: Settings) -> str:
    """Return when and by whom a file was timestamped.

    Raises:
        click.ClickException: The timestamp is not valid.
    """
    answer = path.with_name(f"{path.name}.tsr")
    text = run("openssl", "ts", "-reply", "-in", answer, "-text").stdout.decode(errors="replace")
    time, by = STAMP.search(text), STAMPED_BY.search(text)
    if time is None:
        raise click.ClickException(f"{answer.name} is not a timestamp")
    # The certificate has to be valid at that time; it may have expired since.
    text = re.sub(r"\.\d+", "", time.group(1))
    parsed = datetime.strptime(text, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=timezone.utc)
    seconds = int(parsed.timestamp())
    options = ("-data", path, "-in", answer, "-CAfile", authority(settings.timestamp_ca))
    done = run("openssl", "ts", "-verify", *options, "-attime", str(seconds))
    if done.returncode:
        raise click.ClickException(
            f"{answer.name} is not a timestamp of this file: {output_of(done)}"
        )
    name = by.group(1) if by and by.group(1) != "unspecified" else "a service of timestamp_ca"
    return f"{name} at {time.group(1)}"
