"""Run one program, and print what it took as one line of JSON.

Started as a script with `python -I -S`: the kernel counts what the parent had in memory
towards the peak of its child, so the parent has to be smaller than all that is measured.
"""

import json
import os
import sys
import time


def main() -> None:
    """Run `argv[2:]` with its output in the file `argv[1]`."""
    output, program, *arguments = sys.argv[1:]
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, descriptor, 1),
        (os.POSIX_SPAWN_DUP2, descriptor, 2),
    ]
    started = time.perf_counter()
    child = os.posix_spawn(program, [program, *arguments], os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - started
    taken = {
        "exit_code": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "peak_memory": usage.ru_maxrss * 1024,
    }
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
