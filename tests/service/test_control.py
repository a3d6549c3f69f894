"""The daemon's socket."""

import socket
import stat

from aiohttp import web

from watcher.control import ask, serving


async def answer(name, arguments):
    """Answer what was asked."""
    return {"name": name, **arguments}


async def test_whoever_sees_the_socket_is_heard(tmp_path, monkeypatch):
    """From the moment the socket is there, a connection to it is taken: no command finds it deaf."""
    path, start = tmp_path / "watcher.sock", web.SockSite.start

    async def late(site):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.connect(str(path))
        await start(site)

    monkeypatch.setattr(web.SockSite, "start", late)
    async with serving(path, answer):
        assert await ask(path, "poll", {"source": "a/b/c"}) == {"name": "poll", "source": "a/b/c"}
    assert not path.exists()


async def test_the_socket_is_for_its_owner_and_any_path_will_do(tmp_path):
    """Mode 0600, also where the path is longer than the kernel takes, also over an old socket of a dead daemon."""
    path = tmp_path / ("d" * 100) / "watcher.sock"
    path.parent.mkdir()
    path.write_text("old")
    async with serving(path, answer):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await ask(path, "status", {}) == {"name": "status"}
