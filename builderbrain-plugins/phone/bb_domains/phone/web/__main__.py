"""python -m bb_domains.phone.web --port 8080: the web phone, to be looked at by hand."""

import argparse
import sys

from bb_domains.phone.web.server import PhoneServer


def main() -> int:
    """Serve until interrupted."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--port", type=int, default=8080)
    asked.add_argument("--language", default="en", choices=("en", "es", "de", "ar"))
    given = asked.parse_args()
    try:
        server = PhoneServer(given.port, {"look": {"language": given.language}})
    except OSError as error:
        print(f"port {given.port}: {error.strerror}. Give another with --port", file=sys.stderr)
        return 1
    print(f"the phone is at {server.url}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
