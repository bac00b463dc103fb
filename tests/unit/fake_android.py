"""An ADB server on the wire with one Android device behind it, which shows a Phone.

Strict: a request it does not know is refused as a real one would be, a touch lands on what is drawn
at that place, and text goes where the last touch on a field was.
"""

import re
import shlex
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import quoteattr

from bb_domains.phone.device.part import Part
from bb_domains.phone.device.phone import Phone
from bb_domains.phone.tree import node

SERIAL = "emulator-5554"
WIDTH, ROW = 1080, 120
PACKAGES = {
    "messages": "com.google.android.apps.messaging",
    "contacts": "com.google.android.contacts",
    "dialer": "com.google.android.dialer",
    "calendar": "com.google.android.calendar",
    "settings": "com.android.settings",
    "shop": "org.example.shop",
}
APPS = {package: app for app, package in PACKAGES.items()}
CLASSES = {"button": "Button", "textbox": "EditText", "password": "EditText", "switch": "Switch"}


class Android:
    """The device: what its shell answers."""

    def __init__(self, changes: dict[str, Any] | None = None) -> None:
        self.phone = Phone(changes)
        self.files: dict[str, str] = {}
        self.commands: list[str] = []
        self.field: int | None = None
        self.selected = False
        self.cut, self.lost = "", 0
        self.more = ""
        self.locales = {
            "settings": f"{self.phone.language}-ES,en-US\n",
            "persist.sys.locale": "",
            "ro.product.locale": "en-US",
        }

    def drops(self) -> bool:
        """Whether an answer is lost on the way: those from the touch of the part `cut` names on."""
        self.lost = max(0, self.lost - 1)
        return self.lost > 0

    def shell(self, command: str) -> str:
        """What the device's shell says to a command."""
        self.commands.append(command)
        if dump := re.fullmatch(r"rm -f (\S+); uiautomator dump (\S+) && echo success", command):
            return self._dump(dump[2])
        words = shlex.split(command)
        match words:
            case ["settings", "get", "system", "system_locales"]:
                return self.locales["settings"] or "null\n"
            case ["getprop", "persist.sys.locale" | "ro.product.locale" as name]:
                return self.locales[name] + "\n"
            case ["getprop", "gsm.operator.iso-country"]:
                return str(self.phone.data["region"]).lower() + "\n"
            case ["input", "tap", x, y]:
                return self._touch(int(x), int(y))
            case ["input", "keyevent", "4"]:
                self.phone.back()
                return ""
            case ["input", "keyevent", "67"]:
                return self._type("", replace=self.selected)
            case ["input", "keycombination", "113", "29"]:
                self.selected = True
                return ""
            case ["input", "text", text]:
                return self._type(text.replace("%s", " "), replace=False)
            case ["am", "force-stop", _]:
                return ""
            case ["monkey", "-p", package, "-c", "android.intent.category.LAUNCHER", "1"]:
                return self._launch(package)
            case ["content", "query", "--uri", uri, *rest] if "contacts" in uri:
                people = [*enumerate(self.phone.data["contacts"].values())]
                return self._rows(
                    [(n, {"display_name": c["name"], "data1": c["number"]}) for n, c in people],
                    rest[rest.index("--projection") + 1],
                )
            case ["content", "query", "--uri", _, "--projection", asked, "--where", which, *_]:
                return self._rows(self._messages(which), asked)
        return f"/system/bin/sh: {words[0]}: inaccessible or not found\n"

    def _messages(self, which: str) -> list[tuple[int, dict[str, str]]]:
        """The newest message of an address (`address='…'`), or that of an id (`_id=…`)."""
        people = sorted(self.phone.data["threads"])
        wanted = which.removeprefix("address='").removesuffix("'")
        number = people[int(which[4:])] if which.startswith("_id=") else wanted
        text = self.phone.last_message(number)
        return [(people.index(number), {"body": text})] if text else []

    def _rows(self, found: list[tuple[int, dict[str, str]]], asked: str) -> str:
        """Rows as `content query` prints them: values as they are, line breaks and all."""
        kept = [{"_id": str(n), **values} for n, values in found]
        rows = [", ".join(f"{name}={row[name]}" for name in asked.split(":")) for row in kept]
        printed = [f"Row: {place} {row}" for place, row in enumerate(rows)]
        return "\n".join(printed) + "\n" if rows else "No result found.\n"

    def _launch(self, package: str) -> str:
        if package not in APPS:
            return "** No activities found to run, monkey aborted.\n"
        self.phone.open(APPS[package])
        return "Events injected: 1\n"

    def _dump(self, target: str) -> str:
        if self.phone.busy():
            return "ERROR: could not get idle state.\n"
        self.files[target] = "".join(self._xml())
        return f"UI hierchary dumped to: {target}\nsuccess\n"

    def _xml(self) -> Iterator[str]:
        package = PACKAGES.get(self.phone.app, "com.android.launcher3")
        yield "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?><hierarchy rotation=\"0\">"
        for place, part in enumerate(self.phone.parts()):
            yield _element(part, self.phone.language, package, place)
        yield self.more + "</hierarchy>"

    def _touch(self, x: int, y: int) -> str:
        place = y // ROW
        parts = self.phone.parts()
        if 0 <= x < WIDTH and place < len(parts):
            self.field = place if parts[place].enter else None
            self.selected = False
            self.lost = 4 if self.cut and parts[place].name == self.cut else self.lost
            self.phone.press(place)
        return ""

    def _type(self, text: str, *, replace: bool) -> str:
        if self.field is not None:
            held = "" if replace else self.phone.parts()[self.field].value
            self.phone.fill(self.field, held + text)
            self.selected = False
        return ""


def _element(part: Part, language: str, package: str, place: int) -> str:
    shown = node(part, language)
    bounds = f"[0,{place * ROW}][{WIDTH},{place * ROW + ROW}]"
    kind, ident, touch = CLASSES.get(part.role, "TextView"), "", part.role in ("button", "switch")
    text, described = shown.name, ""
    if part.role in ("textbox", "password"):
        text, described = shown.value, shown.name
    elif part.role in ("heading", "status"):
        ident = f"{package}:id/{'toolbar_title' if part.role == 'heading' else 'status_line'}"
    if part.role in ("note", "status"):
        text, described = shown.value, shown.name
    given = {
        "class": f"android.widget.{kind}",
        "package": package,
        "resource-id": ident,
        "text": text,
        "content-desc": described,
        "clickable": str(touch or part.role == "link").lower(),
        "checked": str(part.value == "on").lower(),
        "password": str(part.role == "password").lower(),
        "bounds": bounds,
    }
    if part.role == "link":  # a row is a box that can be touched, with its words inside
        box = {**given, "class": "android.widget.LinearLayout", "text": ""}
        inner = {**given, "clickable": "false"}
        return f"<node {_attributes(box)}><node {_attributes(inner)}/></node>"
    return f"<node {_attributes(given)}/>"


def _attributes(given: dict[str, str]) -> str:
    return " ".join(f"{key}={quoteattr(value)}" for key, value in given.items())


class _Wire(socketserver.StreamRequestHandler):
    server: "AdbServer"

    def handle(self) -> None:
        while size := self.rfile.read(4):
            request = self.rfile.read(int(size, 16)).decode()
            if request == "host:version":
                self._okay(b"00040029")
                return
            if request == f"host:tport:serial:{SERIAL}":
                self._okay(struct.pack("<Q", 1))
            elif request.startswith("shell:"):
                said = self.server.android.shell(request.removeprefix("shell:"))
                if self.server.android.drops():
                    return
                self._okay(said.encode())
                return
            elif request == "sync:":
                self._okay(b"")
                self._sync()
                return
            else:
                why = f"device '{request}' not found".encode()
                self.wfile.write(b"FAIL" + f"{len(why):04x}".encode() + why)
                return

    def _okay(self, more: bytes) -> None:
        self.wfile.write(b"OKAY" + more)

    def _sync(self) -> None:
        command, size = struct.unpack("<4sI", self.rfile.read(8))
        path = self.rfile.read(size).decode()
        found = self.server.android.files.get(path)
        if command != b"RECV" or found is None:
            why = f"{command!r} {path}: no such file".encode()
            self.wfile.write(b"FAIL" + struct.pack("<I", len(why)) + why)
            return
        data = found.encode()
        for start in range(0, len(data), 1000):
            chunk = data[start : start + 1000]
            self.wfile.write(b"DATA" + struct.pack("<I", len(chunk)) + chunk)
        self.wfile.write(b"DONE" + struct.pack("<I", 0))


class AdbServer(socketserver.ThreadingTCPServer):
    """The server on the wire."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, android: Android) -> None:
        self.android = android
        super().__init__(("127.0.0.1", 0), _Wire)


@contextmanager
def on_the_wire(changes: dict[str, Any] | None = None) -> Iterator[AdbServer]:
    """A running server; stopped at the end."""
    server = AdbServer(Android(changes))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings_of(server: AdbServer) -> dict[str, str]:
    """What a user would configure to reach it."""
    port = str(server.server_address[1])
    return {"driver": "adb", "serial": SERIAL, "port": port, "app.shop": PACKAGES["shop"]}
