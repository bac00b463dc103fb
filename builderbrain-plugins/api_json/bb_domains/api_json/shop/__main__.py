"""`python -m bb_domains.api_json.shop`: run the shop by hand."""

import argparse
import sys

from bb_core.errors import BuilderbrainError


def main() -> int:
    """Serve until interrupted; returns the exit code."""
    parser = argparse.ArgumentParser(prog="shop", description="The shop's back office over HTTP.")
    parser.add_argument("--port", type=int, default=8080, help="0 takes any free port")
    parser.add_argument("--db", default="shop.sqlite", help="SQLite file; made and seeded if new")
    parser.add_argument("--admin", action="store_true", help="add /admin: state, reset, faults")
    args = parser.parse_args()
    try:
        return _serve(args.port, args.db, admin=args.admin)
    except BuilderbrainError as error:
        print(error, file=sys.stderr)
        return 1


def _serve(port: int, db: str, *, admin: bool) -> int:
    from bb_domains.api_json.shop.serve import HOST, listen, server
    from bb_domains.api_json.shop.store import open_store

    store = open_store(db)
    sock = listen(port)
    print(f"shop: http://{HOST}:{sock.getsockname()[1]}/docs  (state in {db})", flush=True)
    server(store, admin=admin).run(sockets=[sock])
    store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
