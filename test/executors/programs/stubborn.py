"""Will not go: ignores SIGTERM, and so do its child and a grandchild that forked twice and left the session.

Each of the three appends a line to the file named by the first argument once it is there. With a second argument,
`leave`, the program itself ends then, and the other two stay behind.
"""

import os
import signal
import sys
import time

ready, leave = sys.argv[1], "leave" in sys.argv[2:]
signal.signal(signal.SIGTERM, signal.SIG_IGN)


def stay():
    with open(ready, "a") as file:
        file.write(f"{os.getpid()}\n")
    while True:
        time.sleep(60)


if os.fork() == 0:
    stay()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        stay()
    os._exit(0)
if leave:
    while not os.path.exists(ready) or len(open(ready).readlines()) < 2:
        time.sleep(0.01)
    sys.exit(0)
stay()
