"""numba's CUDA simulator, made fast and strict enough for an ordinary test run.

Import this before numba, and before any module that imports numba: it chooses the simulator for the whole process.
"""

import os

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

import threading
from typing import Any

import numpy as np
from numba import types
from numba.cuda.simulator import kernel as simulator


def _run_block(self: Any, grid_point: tuple[int, ...], *arguments: Any) -> None:
    """Runs the threads of one block one at a time, each up to its next syncthreads.

    The simulator itself starts all of them at once, and they spend most of their time waiting for Python's lock. The
    order is turned round from block to block, so that a missing syncthreads shows in one of the two. A thread that ends
    while others wait in syncthreads is an error here; a GPU would hang, or not.
    """
    points = list(np.ndindex(*self._block_dim))
    if sum(grid_point) % 2:
        points.reverse()
    paused = threading.Semaphore(0)
    threads = []
    for point in points:
        thread = simulator.BlockThread(lambda: self._f(*arguments), self, grid_point, point, self._debug)
        turn = threading.Semaphore(0)
        threads.append((thread, turn))

        def wait(turn: threading.Semaphore = turn) -> None:
            paused.release()
            turn.acquire()

        def run(thread: Any = thread, turn: threading.Semaphore = turn) -> None:
            turn.acquire()
            # Threads over the edge of a picture compute with what happens to lie in memory; nobody reads the result.
            with np.errstate(all="ignore"):
                simulator.BlockThread.run(thread)
            thread.ended = True
            paused.release()

        thread.syncthreads, thread.run, thread.ended = wait, run, False
        thread.start()
    alive = threads
    while alive:
        for _, turn in alive:
            turn.release()
            paused.acquire()
        for thread, _ in alive:
            if thread.exception:
                raise thread.exception[0].with_traceback(thread.exception[1])
        waiting = [(thread, turn) for thread, turn in alive if not thread.ended]
        assert len(waiting) in (0, len(alive)), f"block {grid_point}: a thread ended while others wait in syncthreads"
        alive = waiting


def _call(self: Any, *arguments: Any) -> Any:
    """Calls a device function straight away: only kernels of this process use the module `cuda`, and it is theirs then.

    The simulator would look through the function's globals at each of some hundred thousand calls.
    """
    return self.fn(*arguments) if self._device else _launch(self, *arguments)


def _cast(self: types.Number, *given: Any) -> Any:
    """`int32(5)` in a kernel, straight away; `int32(int32)`, a signature, as ever."""
    if len(given) == 1 and not isinstance(given[0], types.Type):
        return self.cast_python_value(given[0]) if self.name not in _NUMPY else _NUMPY[self.name](given[0])
    return types.Type.__call__(self, *given)


_NUMPY = {name: getattr(np, name) for name in ("int32", "uint32", "float32", "float64")}
_launch = simulator.FakeCUDAKernel.__call__
simulator.FakeCUDAKernel.__call__ = _call
types.Integer.__call__ = types.Float.__call__ = _cast
simulator.BlockManager.run = _run_block
