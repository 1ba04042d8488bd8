"""Optional: signs the files that vouch for a review, and has their time told by somebody else.

Beside each of them stand FILE.sig (an SSH signature) and FILE.tsr (an answer of an RFC 3161
service), which anybody checks with ssh-keygen and openssl. Neither is ever written again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import settings
from folders import SEEDS, Review, reviews, scan, sha256
from safe import replacing

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[[Path, Path], str]

NAMESPACE = "tap-intercom-access-review"
SIGNERS = "allowed_signers"
TIMEOUT = 30  # seconds
LARGEST = 1_000_000  # bytes of an answer
GOOD = re.compile(r'Good "[^"]+" signature for (.+) with (\S+) key (\S+)')
STAMP = re.compile(r"^Time stamp: (.+)$", re.MULTILINE)
STAMPED_BY = re.compile(r"^TSA: (.+)$", re.MULTILINE)


class SealError(Exception):
    """A signature or a timestamp cannot be made, or is not good; the text says why."""


class UncheckedError(SealError):
    """A signature or a timestamp cannot be checked here; the text says what is missing."""


def run(*command: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen or openssl; what they print is in English."""
    try:
        return subprocess.run(  # noqa: S603 (paths of this project and its settings)
            command,
            capture_output=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
            input=stdin,
            timeout=TIMEOUT,
        )
    except FileNotFoundError as error:
        raise UncheckedError(f"{command[0]} is not on this machine: install it") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SealError(f"{command[0]} did not run: {error}") from error


def printed(done: subprocess.CompletedProcess[bytes]) -> str:
    """Give in one line what a command printed."""
    text = (done.stderr + done.stdout).decode(errors="replace")
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())[:500]


def allowed_signers() -> Path:
    """Give the file that names who may sign, with their public keys."""
    return Path(settings.value("allowed_signers") or SEEDS / SIGNERS).expanduser()


def sign(path: Path, key: str) -> None:
    """Sign a file, and write the signature beside it."""
    content = path.read_bytes()
    done = run("ssh-keygen", "-Y", "sign", "-f", key, "-n", NAMESPACE, stdin=content)
    if done.returncode or b"BEGIN SSH SIGNATURE" not in done.stdout:
        raise SealError(f"{path} was not signed with {key}: {printed(done)}")
    with tempfile.TemporaryDirectory() as folder:
        signature = Path(folder, f"{path.name}.sig")
        signature.write_bytes(done.stdout)
        with suppress(UncheckedError):  # whose key it is, nobody needs to have said yet
            signer(path, signature)
    keep(path, ".sig", done.stdout)


def keep(path: Path, end: str, content: bytes) -> None:
    """Write a signature or a timestamp beside its file."""
    with replacing(path.with_name(f"{path.name}{end}"), sealed=True) as new:
        new.write_bytes(content)


def signer(path: Path, signature: Path) -> str:
    """Say who signed a file, or raise what is wrong with its signature."""
    content, signers = path.read_bytes(), allowed_signers()
    options = ("-n", NAMESPACE, "-s", signature)
    bare = run("ssh-keygen", "-Y", "check-novalidate", *options, stdin=content)
    if bare.returncode:
        raise SealError(f"{signature.name} is no signature of this {path.name}: {printed(bare)}")
    key = " ".join(printed(bare).split()[-3:])
    if not signers.is_file():
        raise UncheckedError(f"the signature is of {key}, and no {signers} says whose that is")
    names = run("ssh-keygen", "-Y", "find-principals", "-s", signature, "-f", signers)
    for name in names.stdout.decode(errors="replace").splitlines():
        if name.startswith("!"):  # a pattern of whom the line does not name
            continue
        done = run("ssh-keygen", "-Y", "verify", "-f", signers, "-I", name, *options, stdin=content)
        if not done.returncode and (match := GOOD.search(printed(done))):
            return f"{match.group(1)} ({match.group(2)} {match.group(3)})"
    raise SealError(
        f"{signature.name} is of {key}, which {signers} does not allow: {printed(names)}"
    )


def authority() -> str:
    """Give the file with the certificates of the timestamp service's authority."""
    path = settings.value("timestamp_ca")
    if not path or not Path(path).expanduser().is_file():
        raise UncheckedError(
            f"timestamp_ca is {path!r}, no file with the certificates of the timestamp service's "
            "authority: without them nobody can tell whether a timestamp is genuine"
        )
    return str(Path(path).expanduser())


def stamp(path: Path, url: str) -> str:
    """Have a service date a file, check the answer, write it beside the file, and say by whom."""
    if urlsplit(url).scheme not in {"http", "https"}:
        raise SealError(f"timestamp_url is {url!r}, no URL that begins with http:// or https://")
    trusted = authority()
    with tempfile.TemporaryDirectory() as folder:
        query = Path(folder, "query.tsq")
        done = run("openssl", "ts", "-query", "-data", path, "-sha256", "-cert", "-out", query)
        if done.returncode:
            raise SealError(f"openssl makes no request for a timestamp: {printed(done)}")
        answer = Path(folder, "answer.tsr")
        answer.write_bytes(answer_of(url, query.read_bytes()))
        # Against the request: its hash and its nonce, so that no older answer passes.
        options = ("-queryfile", query, "-in", answer, "-CAfile", trusted)
        checked = run("openssl", "ts", "-verify", *options)
        if checked.returncode:
            reply = printed(run("openssl", "ts", "-reply", "-in", answer, "-text"))[:200]
            raise SealError(f"{url} gave no good timestamp of {path}: {printed(checked)} ({reply})")
        text = stamped(path, answer)
        keep(path, ".tsr", answer.read_bytes())
        return text


def answer_of(url: str, query: bytes) -> bytes:
    """Give what a timestamp service answers."""
    import requests  # noqa: PLC0415 (only where a service is set)

    headers = {
        "Content-Type": "application/timestamp-query",
        "Accept": "application/timestamp-reply",
    }
    try:
        with requests.post(
            url, data=query, headers=headers, timeout=TIMEOUT, stream=True, allow_redirects=False
        ) as response:
            content = response.raw.read(LARGEST + 1, decode_content=True)
            status = response.status_code
    except (OSError, ValueError) as error:
        raise SealError(f"{url} did not answer: {error}") from error
    if status != requests.codes.ok or not 0 < len(content) <= LARGEST:
        raise SealError(f"{url} answered with HTTP {status} and {len(content)} bytes")
    return bytes(content)


def stamped(path: Path, answer: Path) -> str:
    """Say when and by whom a file was dated, or raise what is wrong with its timestamp."""
    text = run("openssl", "ts", "-reply", "-in", answer, "-text").stdout.decode(errors="replace")
    time, by = STAMP.search(text), STAMPED_BY.search(text)
    if time is None:
        raise SealError(f"{answer.name} is no answer of a timestamp service")
    trusted = authority()
    # The certificate was good at that time; it may have expired since.
    begin = seconds_of(time.group(1))
    options = ("-data", path, "-in", answer, "-CAfile", trusted, "-attime", str(begin))
    done = run("openssl", "ts", "-verify", *options)
    if done.returncode:
        raise SealError(f"{answer.name} is no good timestamp of this {path.name}: {printed(done)}")
    name = by.group(1) if by and by.group(1) != "unspecified" else "a service of timestamp_ca"
    return f"{name} at {time.group(1)}"


def seconds_of(time: str) -> int:
    """Give the Unix seconds of a time as openssl prints it."""
    text = re.sub(r"\.\d+", "", time)
    try:
        parsed = datetime.strptime(text, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise SealError(f"{time!r} is no time that openssl prints") from error
    return int(parsed.timestamp())


def sealed_by(review: Review, wanted: set[str]) -> tuple[list[str], list[str], list[str]]:
    """Say of each file that vouches who signed and dated it; what is wrong; and what is missing.

    Args:
        review: The review.
        wanted: What each of them must be: "signed", "dated", both or nothing.
    """
    texts, problems, missing = [], [], []
    for path in review.vouching:
        words = []
        for end, kind, check in ((".sig", "signed", signer), (".tsr", "dated", stamped)):
            text, problem = seal_of(path, end, kind, check)
            words.append(text)
            if problem:
                problems.append(problem)
            elif kind in wanted and not text.startswith(kind):
                name = path.relative_to(review.folder).as_posix()
                missing.append(f"{name} is {text}, and settings.ini requires it")
        texts.append(f"{path}: {', '.join(words)}")
    return texts, problems, missing


def seal_of(path: Path, end: str, kind: str, check: Check) -> tuple[str, str | None]:
    """Say who signed or dated a file, and what is wrong with that, if anything."""
    beside = path.with_name(f"{path.name}{end}")
    if not beside.is_file():
        return f"not {kind}", None
    try:
        return f"{kind} by {check(path, beside)}", None
    except UncheckedError as error:
        return f"not checked to be {kind} ({error})", None
    except SealError as error:
        return f"NOT {kind}", str(error)


def main() -> None:
    """Sign and date what is not yet, of all reviews."""
    from verify import verify_all  # noqa: PLC0415 (which itself uses this module)

    key, url = settings.value("signing_key"), settings.value("timestamp_url")
    key = key and str(Path(key).expanduser())
    if not key and not url:
        sys.exit(
            "Nothing says how to seal: set signing_key (a file for 'ssh-keygen -Y sign') or "
            f"timestamp_url in {settings.PATH}, or REVIEW_SIGNING_KEY or REVIEW_TIMESTAMP_URL"
        )
    known, strays = reviews(), scan()[1]
    problems = verify_all(known, strays)
    if any(problems.values()):
        sys.exit("Something was changed, nothing is sealed: see 'meltano invoke review:verify'")
    done = 0
    try:
        for review in known:
            for path in review.vouching:
                if key and not path.with_name(f"{path.name}.sig").exists():
                    sign(path, key)
                    done += 1
                    print(f"{path}.sig: SHA-256 of {path.name} {sha256(path)}")
                if url and not path.with_name(f"{path.name}.tsr").exists():
                    print(f"{path}.tsr: {stamp(path, url)}")
                    done += 1
    except SealError as error:
        sys.exit(str(error))
    if not done:
        print("Everything is sealed already")


if __name__ == "__main__":
    main()
