"""Reading the environment: secrets from files, and wrong values said in a sentence. Knows no Django."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environs import Env


def with_secret_files(environ: MutableMapping[str, str], *names: str) -> None:
    """Set each ``NAME`` from the file that ``NAME_FILE`` points to, the way Docker hands over secrets.

    Or from the secret of AWS Secrets Manager that ``NAME_ARN`` names.
    """
    for name in names:
        path, arn = environ.get(f"{name}_FILE"), environ.get(f"{name}_ARN")
        if environ.get(name):
            continue
        if arn and not path:
            environ[name] = _from_secrets_manager(name, arn, environ)
        if not path:
            continue
        try:
            environ[name] = Path(path).read_text().strip()
        except OSError as error:
            raise SystemExit(
                f"{name}_FILE names {path!r}, which cannot be read ({error.strerror}). Correct the path or unset it."
            ) from error


def _from_secrets_manager(name: str, arn: str, environ: Mapping[str, str]) -> str:
    import boto3  # half a second, for those who need it
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        region = arn.split(":")[3] if arn.startswith("arn:") else environ.get("AWS_REGION")
        client = boto3.session.Session().client("secretsmanager", region_name=region)
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError, KeyError, IndexError) as error:
        raise SystemExit(
            f"{name}_ARN names {arn!r}, which cannot be read ({error}). The secret must be there, as text, and "
            "our role needs secretsmanager:GetSecretValue on it."
        ) from error


def keep_secret(path: Path, text: str) -> None:
    """Have ``path`` hold ``text``, readable by its owner only."""
    with suppress(FileNotFoundError):
        if path.read_text() == text:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(draft, "x", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
        file.write(text)
    draft.replace(path)


def keep_certificates(stem: Path, pem: str) -> list[str]:
    """Files beside ``stem``, one for each certificate in ``pem`` with the chain and the key that follow it."""
    pairs = re.findall(r".+?-----END (?:\w+ )?PRIVATE KEY-----\n?", pem, re.DOTALL)
    files = [stem.with_name(f"{stem.name}-{number}.pem") for number, _ in enumerate(pairs, 1)]
    for file, pair in zip(files, pairs, strict=True):
        keep_secret(file, pair.lstrip())
    return [str(file) for file in files]


def secret(path: Path) -> str:
    """The secret key kept in ``path``, created on first use, readable by its owner only."""
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
    # A link appears whole or not at all: of two processes starting at once, the second uses the first one's key.
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text().strip()


def is_iot_core(mqtt_url: str) -> bool:
    """Whether a broker is AWS IoT Core, which limits what goes through a connection."""
    host = urlsplit(mqtt_url).hostname or ""
    return ".iot." in host and host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def tile_source(url: str) -> list[str]:
    """Where a browser may fetch tiles from, as a source of our content security policy. SystemExit for no such URL."""
    if not url:
        return []
    parts = urlsplit(url)
    # {s} stands for one of several servers, as the first part of the host.
    host = parts.netloc.replace("{s}.", "*.", 1)
    is_host = host and not set(host) & set("{} ;,'\"")
    if parts.scheme not in ("https", "http") or not is_host or not {"{z}", "{x}", "{y}"} <= set(_fields(url)):
        raise SystemExit(
            f"MAP_TILES_URL is {url!r}; it has to look like https://tile.example/{{z}}/{{x}}/{{y}}.png. Correct it or "
            "unset it."
        )
    return [f"{parts.scheme}://{host}"]


def _fields(url: str) -> list[str]:
    return re.findall(r"{\w+}", url)


def announce_wrong_networks(name: str, networks: list[str]) -> None:
    """Stop the start when one of them is neither an address nor a network."""
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise SystemExit(
                f"{name} holds {network!r}, which is no IP address or network like 10.0.0.0/8 ({error}). Correct it."
            ) from error


def announce_missing_file(name: str, path: str) -> None:
    """Stop the start when a file that a setting names is not there."""
    if path and not Path(path).is_file():
        raise SystemExit(f"{name} names {path!r}, which is no file. Correct it or unset it.")


def announce_wrong(env: Env, *, error: type[Exception], **choices: tuple[Any, set[str]]) -> None:
    """Stop the start when a setting has a value that we cannot use, naming value and way out."""
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise SystemExit(f"{name} is {value!r}; it can be {', '.join(sorted(allowed))}. Correct it or unset it.")
    try:
        env.seal()
    except error as wrong:
        raise SystemExit(f"The environment holds a wrong value: {wrong}. Correct it or unset it.") from wrong
