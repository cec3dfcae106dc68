"""For all tests: the warehouse's bytecode is made once, where the environment forbids Python to write it by itself.

Dozens of servers are started, and compiling its modules takes each of them longer than running them.
"""

import compileall
import signal
from pathlib import Path

compileall.compile_dir(Path(__file__).resolve().parents[1] / "warehouse", quiet=1)

# A job that a shell has put into the background ignores Ctrl-C, and so would every program that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
