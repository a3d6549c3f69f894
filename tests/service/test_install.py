"""`watcher install`: the service in place, and what remains to be done."""

import re
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from watcher import config, control, credentials
from watcher.cli import glance, watcher
from watcher.cli import install as command
from watcher.cli.install import Secrets, commands, secrets_of, service, shipped
from watcher.errors import WatcherError

ROOT = Path(__file__).parents[2]
UNIT, CONFIG = "etc/systemd/system/watcher.service", "etc/watcher/config.toml"
DROP_IN = "etc/systemd/system/watcher.service.d/credentials.conf"

OTHER = """
[accounts.azur]
api      = "apimo"
provider = "9999"
token    = { credential = "azur-token" }

[sinks.crm]
type   = "webhook"
url    = { env = "CRM_URL" }
secret = [{ credential = "crm-secret" }, { credential = "crm-secret-new" }]
"""


def install(*args, code=0):
    """Call the command; what it prints."""
    done = CliRunner().invoke(watcher, ["install", "--prefix", "/opt/watcher", *map(str, args)])
    assert done.exit_code == code, done.output
    return done.stdout


def files(root):
    """What is below a directory, and its mode."""
    return {str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*")}


def test_it_shows_what_it_would_write(tmp_path):
    """Without --write every file is printed with its place, and nothing is written."""
    said = install("--root", tmp_path)
    assert f"# ---- /{UNIT} (0644)\n{shipped('systemd/watcher.service').read_text()}" in said
    assert f"# ---- /{CONFIG} (0644)\n{shipped('config.toml').read_text()}" in said
    assert files(tmp_path) == {}


def test_it_puts_the_service_in_place(tmp_path, monkeypatch):
    """The unit, the one that tells of a failure, a configuration and its schema: readable by all, writable by one."""
    monkeypatch.setattr(command, "_systemd", lambda: 252)
    mask = command.os.umask(0o077)  # a careful administrator's, whose files the service could not read
    try:
        install("--write", "--root", tmp_path)
    finally:
        command.os.umask(mask)
    found = files(tmp_path)
    written = {name for name in found if (tmp_path / name).is_file()}
    assert written == {UNIT, UNIT.replace("watcher.", "watcher-failure@."), CONFIG, "etc/watcher/config.schema.json"}
    assert all(mode == (0o644 if name in written else 0o755) for name, mode in found.items())
    assert (tmp_path / UNIT).read_text() == shipped("systemd/watcher.service").read_text()
    assert (tmp_path / CONFIG).read_text() == (ROOT / "config.toml").read_text()


@pytest.mark.parametrize(("version", "there"), [(252, False), (254, True), (0, False)])
def test_a_newer_systemd_gets_its_drop_in(version, there):
    """Restarts are spread out where systemd can do it; an older one would complain of the keys."""
    names = [file.path.name for file in service("/opt/watcher", Secrets((), ()), encrypted=False, systemd=version)]
    assert ("254.conf" in names) == there


def test_the_unit_runs_the_environment_that_it_is_for(tmp_path):
    """Another place of the virtual environment is the one that the unit starts, reloads and describes."""
    CliRunner().invoke(watcher, ["install", "--write", "--root", str(tmp_path), "--prefix", "/srv/watcher"])
    text = (tmp_path / UNIT).read_text()
    assert re.findall(r"^Exec\w+=(\S+)", text, re.MULTILINE) == ["/srv/watcher/bin/watcher"] * 2
    assert "/opt/watcher" not in text


def test_it_says_that_the_service_cannot_see_a_home(tmp_path):
    """An environment in a home directory is behind the unit's sandbox, and it says so before that is tried."""
    done = CliRunner().invoke(watcher, ["install", "--root", str(tmp_path), "--prefix", "/home/me/.venv"])
    assert "/home/me/.venv is hidden from the service" in done.stdout


def test_a_place_that_a_unit_cannot_name_is_refused():
    """Blanks and percent signs mean something else in a unit."""
    done = CliRunner().invoke(watcher, ["install", "--prefix", "/opt/my watcher"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "'/opt/my watcher'" in done.stderr


def test_what_is_there_and_differs_is_kept(tmp_path):
    """A changed unit is kept, said, and exit 1; --force puts ours in its place, and never touches the configuration."""
    install("--write", "--root", tmp_path)
    for name in (UNIT, CONFIG):
        path = tmp_path / name
        path.write_text(path.read_text() + "# mine\n")
    said = install("--write", "--root", tmp_path, code=1)
    assert f"kept       {tmp_path / UNIT}: it differs" in said
    assert f"yours      {tmp_path / CONFIG}" in said
    assert (tmp_path / UNIT).read_text().endswith("# mine\n")
    install("--write", "--force", "--root", tmp_path)
    assert not (tmp_path / UNIT).read_text().endswith("# mine\n")
    assert (tmp_path / CONFIG).read_text().endswith("# mine\n")


def test_again_is_no_change(tmp_path):
    """What is in place as it should be is left alone."""
    install("--write", "--root", tmp_path)
    before = (tmp_path / UNIT).stat()
    assert "written" not in install("--write", "--root", tmp_path)
    assert (tmp_path / UNIT).stat() == before


def test_a_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    """A disk that fails half way leaves what was there, and nothing besides."""
    install("--write", "--root", tmp_path)
    (tmp_path / UNIT).write_text("mine\n")
    before = files(tmp_path)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command.os, "fsync", fail)
    install("--write", "--force", "--root", tmp_path, code=74)
    assert (files(tmp_path), (tmp_path / UNIT).read_text()) == (before, "mine\n")


# ------------------------------------------------------------------------------------------------------------- secrets


def test_the_secrets_of_a_configuration_are_found():
    """Credentials and variables, wherever they are named, each once; what only looks like one is left alone."""
    assert secrets_of(tomllib.loads(OTHER)) == Secrets(("azur-token", "crm-secret", "crm-secret-new"), ("CRM_URL",))
    assert secrets_of({"env": "x", "credential": "y"}) == Secrets((), ())


def test_a_name_that_systemd_refuses_is_refused():
    """A credential whose name would break out of its line of the unit, or of its command, is refused."""
    with pytest.raises(WatcherError, match="cannot be called"):
        secrets_of({"token": {"credential": "x; rm -rf /"}})


def test_the_unit_is_told_of_what_it_does_not_know(tmp_path):
    """Credentials of the configuration in place that the unit has no line for come in a drop-in."""
    (tmp_path / CONFIG).parent.mkdir(parents=True)
    (tmp_path / CONFIG).write_text(OTHER)
    install("--write", "--root", tmp_path)
    lines = (tmp_path / DROP_IN).read_text().splitlines()[1:]
    assert lines == ["[Service]", "LoadCredential=azur-token", "LoadCredential=crm-secret-new"]


def test_encrypted_the_unit_takes_all_of_them_so(tmp_path):
    """--encrypted has every secret come from where they are encrypted, also those that the unit has a line for."""
    mine = tmp_path / "mine.toml"
    mine.write_text(OTHER)
    said = install("--write", "--encrypted", "--root", tmp_path / "root", "--user-config", mine)
    lines = (tmp_path / "root" / DROP_IN).read_text().splitlines()[2:]
    assert lines == [f"LoadCredentialEncrypted={name}" for name in ("azur-token", "crm-secret", "crm-secret-new")]
    assert "systemd-creds encrypt --name=crm-secret - /etc/credstore.encrypted/crm-secret" in said
    assert "/dev/stdin /etc/credstore/" not in said


def test_the_printed_commands_store_the_secrets(tmp_path):
    """Typed as they are printed, they leave a file a secret that its owner alone may read, in a directory like that."""
    asked = tmp_path / "bin" / "systemd-ask-password"
    asked.parent.mkdir()
    asked.write_text('#!/bin/sh\necho "secret of $1"\n')
    asked.chmod(0o755)
    lines = list(commands("/opt/watcher", Secrets(("azur-token", "crm-secret"), ()), encrypted=False))
    script = "\n".join(line for line in lines if "/etc/credstore" in line and ".encrypted" not in line)
    script = script.replace("/etc/credstore", str(tmp_path / "credstore"))
    subprocess.run(["sh", "-ec", script], check=True, env={"PATH": f"{asked.parent}:/usr/bin:/bin"})
    assert files(tmp_path / "credstore") == {"azur-token": 0o600, "crm-secret": 0o600}
    assert stat.S_IMODE((tmp_path / "credstore").stat().st_mode) == 0o700
    assert (tmp_path / "credstore" / "azur-token").read_text() == "secret of azur-token:\n"


# ---------------------------------------------------------------------------------------------------- root's own commands


def test_a_command_finds_the_services_store_and_socket(tmp_path, monkeypatch):
    """Typed by hand, without the service's environment, a command on the service's configuration means its store."""
    system, state = tmp_path / "config.toml", tmp_path / "state"
    system.write_text("")
    for module in (config, control):
        monkeypatch.setattr(module, "STATE", state)
        monkeypatch.setattr(module, "RUNTIME", tmp_path / "run")
    monkeypatch.setattr(config, "SYSTEM", system)
    found = glance.glance(str(system), {})
    assert (found.state_path, found.socket) == (tmp_path / "watcher.db", tmp_path / "watcher.sock")  # no service yet
    state.mkdir()
    found = glance.glance(str(system), {})
    assert (found.state_path, found.socket) == (state / "watcher.db", tmp_path / "run" / "watcher.sock")
    found = glance.glance(str(system), {"STATE_DIRECTORY": "/a", "RUNTIME_DIRECTORY": "/b"})
    assert (found.state_path, found.socket) == (Path("/a/watcher.db"), Path("/b/watcher.sock"))


def test_a_command_reads_the_stored_credentials(tmp_path, monkeypatch):
    """Whoever may read the store of credentials needs no systemd between it and `watcher check`."""
    (tmp_path / "token").write_text("the secret\n")
    monkeypatch.setattr(credentials, "CREDSTORE", tmp_path)
    found = credentials.Secrets({}).find({"credential": "token"}, tmp_path)
    assert found.reveal() == "the secret"
    with pytest.raises(credentials.Absent, match="CREDENTIALS_DIRECTORY is not set"):
        credentials.Secrets({}).find({"credential": "other"}, tmp_path)
