"""deploy/aws/deploy on a machine whose `aws` and `docker` only tell what they were asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from portal.tests.aws.templates import FOLDER, load
from portal.tests.aws.test_deployment import GIVEN, MAIN
from portal.tests.test_compose import check_command


def test_the_deploy_script_is_sound_bash_and_names_what_exists() -> None:
    script = FOLDER / "deploy"
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    text = script.read_text()
    given = set(re.findall(r'"(\w+)=\$', text))
    known = MAIN["Parameters"].keys() | load(FOLDER / "rules.yaml")["Parameters"].keys()
    assert given <= known and set(GIVEN) <= given
    for command in re.findall(r"manage\.py (aws [\w -]+)", text):
        check_command(["python", "manage.py", *command.split()[:2]])


class Machine:
    """A machine with `aws` and the like that do nothing but tell what they were asked, and answer as AWS would."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "asked"
        self.stacks: tuple[str, ...] = ("chargeyard",)
        answers = f"""
            case "$*" in
                *"describe-stacks"*"--query"*) ;;
                *"describe-stacks"*) [[ " $(cat "{folder / "stacks"}") " == *" $4 "* ]]; exit ;;
                "sts get-caller-identity"*) echo 123456789012 ;;
                "iot describe-endpoint"*) echo a1-ats.iot.eu-central-1.amazonaws.com ;;
                "secretsmanager describe-secret"*) echo "arn:of:$4" ;;
                "aws bootstrap"*) ;;
            esac"""
        for program in ("aws", "docker"):
            self._make(folder / program, f'echo "{program} $*" >> "{self.log}"\n{answers}')
        # What is not the yard's own is the real one.
        ask = f'[[ $1 == manage.py ]] || exec {sys.executable} "$@"\necho "prefix=$MQTT_PREFIX $*" >> "{self.log}"'
        self._make(folder / "python3", ask)
        self.environment = {"PATH": f"{folder}:{os.environ['PATH']}", "AWS_REGION": "eu-central-1"}

    def _make(self, path: Path, body: str) -> None:
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def deploys(self, *words: str) -> dict[str, str]:
        """What CloudFormation is given for the main stack."""
        done = self._run(*words)
        assert done.returncode == 0, done.stderr
        (asked,) = [line for line in self.log.read_text().splitlines() if "chargeyard.yaml" in line]
        given = asked.partition("--parameter-overrides ")[2].split()
        assert len({entry.split("=")[0] for entry in given}) == len(given)  # each is given once
        return dict(entry.split("=", 1) for entry in given)

    def fails(self, *words: str) -> str:
        """What it says instead."""
        done = self._run(*words)
        assert done.returncode == 2
        return done.stderr

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.log.unlink(missing_ok=True)
        (self.log.parent / "stacks").write_text(" ".join(self.stacks))
        command = [str(FOLDER / "deploy"), *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def asked(self, start: str) -> str:
        return next(line for line in self.log.read_text().splitlines() if line.startswith(start))


def test_one_command_deploys_a_parameter_set_and_what_one_wants_otherwise(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    plain = machine.deploys("small", "https://csms.example", "arn:cert")
    assert plain["Broker"] == "own" and plain["Name"] == "chargeyard" and "TlsCertificatePemArn" not in plain
    assert plain["MqttClientPemArn"] == "arn:of:chargeyard/mqtt-client"
    assert plain.keys() <= MAIN["Parameters"].keys()
    machine.stacks = ("yard",)
    words = ("small", "https://csms.example", "arn:cert", "yard", "Broker=iot-core", "PassThroughPort=9443")
    other = machine.deploys(*words)
    assert (other["Name"], other["Broker"], other["PassThroughPort"]) == ("yard", "iot-core", "9443")
    assert other["TlsCertificatePemArn"] == "arn:of:yard/tls-door"
    bootstrap = machine.asked("prefix= manage.py aws bootstrap").split()[1:]
    check_command(["python", *bootstrap])
    assert bootstrap[-4:] == ["--tls-secret", "yard/tls-door", "--tls-name", "csms.example"]


def test_a_second_yard_in_one_account_has_topics_and_names_of_its_own(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    words = ("small", "https://north.example", "arn:cert", "north")
    machine.stacks = ("chargeyard",)
    assert "Give 'north' topics of its own: MqttPrefix=north/" in machine.fails(*words)
    given = machine.deploys(*words, "MqttPrefix=north/")
    assert given["MqttPrefix"] == "north/" and given["MqttClientPemArn"] == "arn:of:north/mqtt-client"
    assert machine.asked("prefix=").startswith("prefix=north/ manage.py aws bootstrap --secret north/mqtt-client")
    assert "Name=north IngestByQueue=false MqttPrefix=north/" in machine.asked("aws cloudformation deploy")
    machine.stacks = ("chargeyard", "north")  # it has been there since before prefixes, and is left as it is
    assert machine.deploys(*words)["Name"] == "north"


def test_without_arguments_the_script_says_what_it_wants() -> None:
    done = subprocess.run([FOLDER / "deploy"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "deploy SIZE PUBLIC_URL CERTIFICATE_ARN" in done.stderr
