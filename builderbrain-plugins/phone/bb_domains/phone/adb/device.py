"""Drives an Android device through an ADB server, with nothing installed on the device.

What is to be touched is looked for in a fresh dump of the screen, and touched in its middle at
once. Not covered: a screen that changes between the dump and the touch, which the post-condition
of each tap is there to find; text that is not ASCII, which `input` cannot type and is refused.
"""

import re
import shlex
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from bb_core.canonical import Json
from bb_core.errors import ToolError
from bb_domains.phone.adb.hierarchy import Placed, read_hierarchy
from bb_domains.phone.adb.provider_rows import ids, values
from bb_domains.phone.driver import Contact, Touch, only_one
from bb_domains.phone.screen import Screen, screen

if TYPE_CHECKING:
    from adbutils import AdbDevice

Result = TypeVar("Result")
PACKAGES: Mapping[str, str] = {
    "messages": "com.google.android.apps.messaging",
    "contacts": "com.google.android.contacts",
    "dialer": "com.google.android.dialer",
    "calendar": "com.google.android.calendar",
    "settings": "com.android.settings",
}
"""Where apps usually are; a setting `app.NAME` says otherwise."""

HOST, PORT = "127.0.0.1", "5037"
BUSY = ("could not get idle state", "null root node")
BACK, DELETE, SELECT_ALL = "input keyevent 4", "input keyevent 67", "input keycombination 113 29"
LOCALES = (
    "settings get system system_locales",
    "getprop persist.sys.locale",
    "getprop ro.product.locale",
)
"""Where a device says its languages: what the owner chose, then what it came with."""

_LOCALE = re.compile(r"([a-z]{2,3})(?:-[A-Z][a-z]{3})?(?:-([A-Z]{2}))?(?:-.*)?")
_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*([.][A-Za-z][A-Za-z0-9_]*)+")


class AdbDriver:
    """Drives one device; what it touches is found in a dump made for the touch."""

    def __init__(self, device: "AdbDevice", packages: Mapping[str, str]) -> None:
        self._device, self._packages = device, packages
        self._names = {package: name for name, package in packages.items()}
        self._placed: list[Placed] = []
        self._language = self._locale()[0]

    def language(self) -> str:
        """The device's language when it was connected or an app opened last; "" if it says none."""
        return self._language

    def region(self) -> str:
        """The country of the network, or of the device's language."""
        network = self._shell("getprop gsm.operator.iso-country").split(",")[0].strip()
        return (network or self._locale()[1] or "ZZ").upper()

    def _locale(self) -> tuple[str, str]:
        for command in LOCALES:
            first = self._shell(command).strip().partition(",")[0]
            if first not in ("", "null"):
                match = _LOCALE.fullmatch(first)
                return (match[1], match[2] or "") if match else ("", "")
        return "", ""

    def look(self) -> Screen:
        """What is in front now."""
        try:
            package, placed = read_hierarchy(self._guarded(self._device.dump_hierarchy))
        except ToolError as error:
            if any(word in error.found for word in BUSY):
                return Screen("", busy=True)
            raise
        app = self._names.get(package, re.sub(r"[^a-z0-9_]", "_", package.lower())[:32])
        self._placed = placed
        return screen(app, (one.node for one in placed))

    def open(self, app: str) -> None:
        """Start the app anew."""
        package = self._packages.get(app, "")
        if not _PACKAGE.fullmatch(package):
            fix = f"set app.{app} to its package for this domain"
            raise ToolError("invalid", f"no package is known for app {app!r}", fix=fix)
        self._shell(f"am force-stop {package}")
        said = self._shell(f"monkey -p {package} -c android.intent.category.LAUNCHER 1")
        if "No activities found" in said:
            raise ToolError("invalid", f"{package} is not on this device", where=app)
        self._language = self._locale()[0]

    def aim(self, role: str, name: str) -> Touch:
        """The touch of the middle of the one node."""
        found = self._one(role, name)
        return lambda: self._touch(found)

    def fill(self, role: str, name: str, text: str) -> None:
        """Touch the field, take away what it holds, type."""
        if not text.isascii() or not text.isprintable() or "%s" in text:
            raise ToolError("invalid", "this device can be typed plain ASCII only", where=name)
        found = self._one(role, name)
        self._touch(found)
        if found.node.value:
            self._shell(SELECT_ALL)
            self._shell(DELETE)
        self._shell(f"input text {shlex.quote(text.replace(' ', '%s'))}")

    def fill_secret(self, role: str, name: str, secret: str) -> None:
        """Refused: a device gives its secrets to nobody."""
        fix = "fill it by hand and plan on from there"
        raise ToolError("denied", "a device keeps its secrets to itself", where=name, fix=fix)

    def back(self) -> None:
        """The back key."""
        self._shell(BACK)

    def contacts(self) -> Sequence[Contact]:
        """The address book, from the contacts provider."""
        ask = "content query --uri content://com.android.contacts/data/phones --sort _id"
        known = ids(self._shell(f"{ask} --projection _id"))
        said = self._shell(f"{ask} --projection _id:display_name:data1")
        rows = [row.rpartition(", data1=") for row in values(said, known)]
        return [
            Contact(name.removeprefix("display_name="), re.sub(r"[ ()-]", "", number))
            for name, _, number in rows
        ]

    def last_message(self, number: str) -> str:
        """The newest message from a number, from the message provider."""
        ask = "content query --uri content://sms/inbox"
        which, newest = shlex.quote(f"address='{number}'"), shlex.quote("date DESC")
        known = ids(self._shell(f"{ask} --projection _id --where {which} --sort {newest}"))[:1]
        if not known:
            return ""
        said = self._shell(f"{ask} --projection _id:body --where _id={known[0]}")
        return values(said, known)[0].removeprefix("body=")

    def snapshot(self) -> Json:
        """Refused: the whole state of a device cannot be seen."""
        raise ToolError("unavailable", "the whole state of a device cannot be seen", where="adb")

    def close(self) -> None:
        """Nothing is held between two acts."""

    def _one(self, role: str, name: str) -> Placed:
        self.look()
        found = [p for p in self._placed if p.node.role == role and p.node.name == name]
        only_one(len(found), role, name)
        return found[0]

    def _touch(self, found: Placed) -> None:
        self._shell(f"input tap {found.x} {found.y}")

    def _shell(self, command: str) -> str:
        return str(self._guarded(lambda: self._device.shell(command)))

    def _guarded(self, work: Callable[[], Result]) -> Result:
        try:
            return work()
        except Exception as error:
            kind = type(error).__name__
            raise ToolError("unavailable", f"{kind}: {error}", where="adb") from error


def device(settings: Mapping[str, str]) -> AdbDriver:
    """The device the settings name: `serial`, `host` and `port` of the server, `app.NAME`.

    Raises ToolError when it is not there, or the extra is not installed.
    """
    try:
        from adbutils import AdbClient
    except ImportError as error:
        fix = "pip install 'builderbrain-phone[adb]'"
        raise ToolError("unavailable", "adbutils is missing", where="phone", fix=fix) from error
    host, port = settings.get("host", HOST), settings.get("port", PORT)
    serial = settings.get("serial", "")
    if not serial:
        fix = "set serial for this domain; adb devices lists them"
        raise ToolError("unavailable", "serial is ''", where="phone", fix=fix)
    _answers(host, port)
    client: Any = AdbClient(host=host, port=int(port))
    own = {key[4:]: package for key, package in settings.items() if key.startswith("app.")}
    return AdbDriver(client.device(serial=serial), {**PACKAGES, **own})


def _answers(host: str, port: str) -> None:
    """The client would start a server of its own; whoever runs the device shall decide that."""
    if not port.isdecimal():
        raise ToolError("unavailable", f"port is {port!r}", where="phone", fix="set a number")
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError as error:
        fix = "run: adb start-server"
        raise ToolError("unavailable", f"no ADB server: {error}", where=host, fix=fix) from error
