#!/usr/bin/env python3
"""Fails when a source file includes a room that its own room did not declare in src/CMakeLists.txt.

usage: check_rooms.py SOURCE_DIR ROOMS_FILE      (ROOMS_FILE: lines "room:dep,dep", written by CMake)
Also fails when something below io/ (engines, codecs, policy) or a program in apps/ includes sockets or Asio, and when a program includes
what is neither its own nor a room's.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)
SOCKETS = re.compile(r'^(boost/(asio|beast)|sys/(socket|epoll)\.h|netinet/|netdb\.h)')
MAY_USE_SOCKETS = {"io", "http", "store", "spool", "gateway", "api", "ops", "recorders", "custody", "confine", "warden", "sdk"}


def sources(*folders):
    return sorted(file for folder in folders for file in [*folder.glob("*.hpp"), *folder.glob("*.cpp")])


def main() -> int:
    source, rooms_file = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    direct = {}
    for line in rooms_file.read_text().splitlines():
        name, _, deps = line.partition(":")
        direct[name] = [d for d in deps.split(",") if d]  # a planned room may be named before it exists

    def reach(room):
        seen, todo = {room}, [room]
        while todo:
            for dep in direct[todo.pop()]:
                if dep not in seen and dep in direct:
                    seen.add(dep)
                    todo.append(dep)
        return seen

    def room_of(path):
        parts = path.split("/")
        for size in range(len(parts) - 1, 0, -1):
            name = "/".join(parts[:size])
            if name in direct:
                return name
        return None

    faults = []
    for room in direct:
        allowed = reach(room)
        folder = source / "src" / room
        for file in sources(folder, folder / "testing"):
            for kind, target in INCLUDE.findall(file.read_text()):
                other = room_of(target) if kind == '"' else None
                if kind == '"' and other is None:
                    faults.append(f"{file.relative_to(source)}: \"{target}\" is in no declared room (write the path from src/)")
                elif other is not None and other not in allowed:
                    faults.append(f"{file.relative_to(source)}: includes {target}, but room '{room}' does not stand on '{other}'")
                elif kind == "<" and SOCKETS.match(target) and room not in MAY_USE_SOCKETS:
                    faults.append(f"{file.relative_to(source)}: <{target}> in an engine or codec: only io/ and above know sockets")
    for program in sorted((source / "apps").iterdir()):
        for file in sources(program):
            for kind, target in INCLUDE.findall(file.read_text()):
                if kind == '"' and not (program / target).is_file() and (room_of(target) is None or not (source / "src" / target).is_file()):
                    faults.append(f"{file.relative_to(source)}: \"{target}\" is neither in {program.name}/ nor in a declared room")
                elif kind == "<" and SOCKETS.match(target):
                    faults.append(f"{file.relative_to(source)}: <{target}> in a program: only io/ and above know sockets")
    if not direct:
        faults.append("no room is declared")
    for fault in faults:
        print(f"check_rooms: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
