"""Running a lowered program, in Python, NumPy or C."""

import builtins
import operator
import sys
import warnings
from array import array
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import chain
from math import isfinite
from typing import Any, Literal, TypeAlias

from ..engine import Value, record, topological_order
from ..graph.derivatives import grad
from . import native
from .emit import emit
from .lower import lower

Rows: TypeAlias = Any  # a list of rows of numbers, or a NumPy array of two dimensions
Kernel: TypeAlias = Callable[[Rows, Any], tuple[Any, Any]]  # rows and parameters -> outputs and summed gradient
BACKENDS = ("auto", "c", "numpy", "python")
ROWS_PER_THREAD = 4_000  # with 5,000 each, two threads take 0.65 of the time of one; with 1,000 each, 1.1 of it
MANY = 20_000  # instructions and lines of C, beyond which "auto" takes NumPy: GCC compiles 2,000 to 10,000 a second

_warned = False  # that there is no C compiler is said once


def compile(
    output: Value,
    inputs: Sequence[Value],
    params: Sequence[Value] = (),
    backend: str = "auto",
    reduction: Literal["sum", "mean"] = "sum",
    threads: int = 1,
) -> "Program":
    """Compile the graph of `output`, recorded for one row of inputs, into a program that runs for many rows.

    The program does what the graph did when it was recorded: a Python `if` on `.data`, or a loop whose length depends
    on it, was decided then, and cannot be seen.

    Compiling to C takes half a second for a network of 300 parameters and 6 seconds for one of 90,000; to Python or
    NumPy about 0.05 ms for each parameter. It does not pay for a handful of rows. With 32 neurons in a layer, matrices
    in NumPy are as fast, with 70 PyTorch is; beyond that, use them.

    Args:
        output: the result for one row, such as its loss.
        inputs: the leaves that a row gives numbers to, in the order of its columns.
        params: the leaves with respect to which the gradient is taken; the output need not depend on each.
        backend: "c", "numpy" or "python"; "auto" takes the first of these that works here, and for very large graphs
            NumPy, which compiles them much faster.
        reduction: whether the gradient is summed over the rows, or their mean.
        threads: among how many threads the C backend shares out the rows of a large batch.

    Raises:
        ValueError: an unknown backend or reduction, no thread, an input or parameter listed twice, or a leaf that is
            neither.
        CompilerError: the backend is "c" and there is no C compiler, or it failed.
        ImportError: the backend is "numpy" and NumPy is not installed.
    """
    return Program(output, inputs, params, backend, reduction, threads)


class Program:
    """A compiled graph, whose parameters' numbers `pull()` and `push()` exchange with those of the Values."""

    backend: str  # "c", "numpy" or "python"
    params: "array[float]"  # numpy.asarray(program.params) is a view of it

    def __init__(
        self,
        output: Value,
        inputs: Sequence[Value],
        params: Sequence[Value],
        backend: str,
        reduction: str,
        threads: int = 1,
        gradient: bool = True,
    ) -> None:
        """Compile, with the gradient at once or when it is wanted; all else is as for `compile`."""
        if backend not in BACKENDS:
            raise ValueError(f"a backend is {', '.join(BACKENDS)}, not {backend!r}")
        if reduction not in ("sum", "mean"):
            raise ValueError(f"a reduction is sum or mean, not {reduction!r}")
        if not isinstance(threads, int) or threads < 1:
            raise ValueError(f"threads is a whole number from 1, not {threads!r}")
        self._threads = threads
        self._output, self._inputs, self._values = output, list(inputs), list(params)
        self._lowered = lower(output, self._inputs, self._values)
        self._mean = reduction == "mean"
        self.params = array("d", [p.data for p in self._values])
        self.backend, kernel = self._choose(backend, gradient)
        self._kernels = {gradient: kernel}  # with the gradient, or without it: the other is made when it is wanted

    def __repr__(self) -> str:
        """Say what it is and how it runs."""
        inputs, steps = len(self._inputs), len(self._lowered.forward) + len(self._lowered.backward)
        return (
            f"<program of {steps} instructions: {self._lowered.name} of {inputs} input{'s' * (inputs != 1)} and"
            f" {len(self._values)} parameters, in {self.backend}>"
        )

    def __call__(self, X: Rows = None, params: Any = None) -> Any:  # noqa: N803
        """Return the output for each row: a NumPy array for a NumPy array, else a list.

        Args:
            X: rows of numbers, one for each input; left out if there are no inputs.
            params: the parameters' numbers, if not those of the program.

        Raises:
            ValueError: no rows, a wrong number of columns, or an infinite or undefined number, by row and column.
            ValueError, ZeroDivisionError, OverflowError: as the graph itself would say for that row.
        """
        return self._run(X, self._numbers(params), gradient=False)[0]

    def value_and_grad(self, X: Rows = None, params: Any = None) -> tuple[Any, Any]:  # noqa: N803
        """Return the output for each row, and the gradient summed over the rows, or their mean; errors as a call.

        Args:
            X: rows of numbers, one for each input.
            params: the parameters' numbers, if not those of the program.
        """
        outputs, gradient = self._run(X, self._numbers(params), gradient=True)
        if self._mean:
            n = len(outputs)
            gradient = [g / n for g in gradient] if isinstance(gradient, list) else gradient / n
        return outputs, gradient

    def backward(self, X: Rows = None) -> Any:  # noqa: N803
        """Take the parameters' numbers from the Values, add the gradient to their `grad`, and return the outputs."""
        self.pull()
        outputs, gradient = self.value_and_grad(X)
        for p, g in zip(self._values, gradient, strict=True):
            p.grad = p.grad + float(g)
        return outputs

    def pull(self) -> None:
        """Copy the Values' numbers into `params`."""
        self.params[:] = array("d", [p.data for p in self._values])

    def push(self) -> None:
        """Copy the numbers of `params` into the Values."""
        for p, x in zip(self._values, self.params, strict=True):
            p.data = x

    def source(self, language: str | None = None, gradient: bool = True) -> str:
        """Return the program's source, which runs without this package.

        Args:
            language: "python", "numpy", "c", "javascript", "torch" or "jax"; None takes the backend's.
            gradient: whether it computes the gradient too.

        Raises:
            ValueError: an unknown language.
        """
        return emit(self._lowered, language or self.backend, gradient)

    # -------------------- backends --------------------

    def _choose(self, backend: str, gradient: bool) -> tuple[str, Kernel]:
        if backend != "auto":
            return backend, self._build(backend, gradient)
        instructions = len(self._lowered.forward) + len(self._lowered.backward)
        if instructions > MANY and find_spec("numpy") and emit(self._lowered, "c").count("\n") > MANY:
            return "numpy", self._build("numpy", gradient)
        try:
            return "c", self._build("c", gradient)
        except native.CompilerError as error:
            chosen = "numpy" if find_spec("numpy") else "python"
            _warn(f"compiled to {chosen}, for {error}")
            return chosen, self._build(chosen, gradient)

    def _build(self, backend: str, gradient: bool) -> Kernel:
        source, name = emit(self._lowered, backend, gradient), "value_and_grad" if gradient else "value"
        if backend == "c":
            return self._native(native.load(source, name), gradient)
        namespace: dict[str, Any] = {}
        exec(builtins.compile(source, f"<{backend} program>", "exec"), namespace)
        function = namespace[name]
        if backend == "numpy":
            return self._quiet(function)
        if self._inputs:
            return lambda rows, params: function(rows.tolist() if hasattr(rows, "tolist") else rows, params)

        def once(rows: Rows, params: Any) -> tuple[Any, Any]:
            value, gradient = function(*params)
            return [value] * len(rows), [len(rows) * g for g in gradient]

        return once

    def _quiet(self, function: Kernel) -> Kernel:
        import numpy as np

        def kernel(rows: Rows, params: Any) -> tuple[Any, Any]:
            with np.errstate(all="ignore"):  # what is not finite is looked for in the results
                return function(rows, params)

        return kernel

    def _native(self, function: Callable[..., int], gradient: bool) -> Kernel:
        size, width, threads = len(self._values) if gradient else 0, len(self._inputs), self._threads
        pool = ThreadPoolExecutor(threads)  # it starts its threads when there is work for them

        def kernel(rows: Rows, params: Any) -> tuple[Any, Any]:
            n = len(rows)
            x, x_kept = _address(rows)
            p, p_kept = _address(params)
            parts = min(threads, n // ROWS_PER_THREAD) or 1
            room = array("d", bytes(8 * (n + parts * size)))  # for the outputs, and a gradient from each part
            start, _ = room.buffer_info()

            def run(k: int) -> int:
                first, end = n * k // parts, n * (k + 1) // parts
                return function(end - first, x + 8 * width * first, p, start + 8 * first, start + 8 * (n + k * size))

            if parts == 1:
                failed: int = function(n, x, p, start, start + 8 * n)
            else:
                failed = any(pool.map(run, range(parts)))
            del x_kept, p_kept
            if failed:
                raise OverflowError("a number is infinite or undefined")  # found out by _explain
            out = _as_array(room) if _is_array(rows) else room
            return out[:n], _add_up([out[n + k * size : n + (k + 1) * size] for k in range(parts)])

        return kernel

    # -------------------- running --------------------

    def _numbers(self, params: Any) -> Any:
        if params is None:
            return self.params
        if len(params) != len(self.params):
            raise ValueError(f"the program has {len(self.params)} parameters, not {len(params)}")
        return params

    def _run(self, rows: Rows, params: Any, gradient: bool) -> tuple[Any, Any]:
        rows = self._check(rows)
        if gradient not in self._kernels:
            self._kernels[gradient] = self._build(self.backend, gradient)
        try:
            outputs, grads = self._kernels[gradient](rows, params)
            if self.backend != "c" and not (_is_finite(outputs) and _is_finite(grads)):
                raise OverflowError
        except (ValueError, ArithmeticError):
            outputs, grads = self._explain(rows, params, gradient)
        if _is_array(rows):
            return _as_array(outputs), _as_array(grads)
        return _as_list(outputs), _as_list(grads)

    def _check(self, rows: Rows) -> Rows:
        width = len(self._inputs)
        if rows is None and not width:
            return [()]
        if _is_array(rows):
            if rows.ndim != 2:
                raise ValueError(f"X is rows of {width} numbers, an array of two dimensions, not of {rows.ndim}")
            rows = _as_array(rows)
            wrong = None if rows.shape[1] == width else (0, rows.shape[1])
        else:
            rows = [row if isinstance(row, list | tuple) else list(row) for row in rows]
            wrong = next(((i, len(row)) for i, row in enumerate(rows) if len(row) != width), None)
        if not len(rows):
            raise ValueError("X has no rows")
        if wrong:
            names = ", ".join(self._lowered.inputs)
            raise ValueError(f"row {wrong[0]} of X has {wrong[1]} columns; the program takes {width}: {names}")
        if self.backend != "c":
            _check_finite(rows, self._lowered.inputs)
        return rows

    def _explain(self, rows: Rows, params: Any, gradient: bool) -> tuple[Any, Any]:
        """Return the results row by row; one that fails is computed by the engine, whose error says what went wrong."""
        _check_finite(rows, self._lowered.inputs)
        outputs: list[float] = []
        totals = [0.0] * (len(self._values) if gradient else 0)
        for i, row in enumerate(rows):
            try:
                output, grads = self._kernels[gradient](rows[i : i + 1], params)
                if not (_is_finite(output) and _is_finite(grads)):
                    raise OverflowError
            except (ValueError, ArithmeticError):
                output, grads = self._replay(i, row, params, gradient)
            outputs.append(output[0])
            totals = [t + float(g) for t, g in zip(totals, grads, strict=True)]
        if not all(map(isfinite, totals)):
            raise OverflowError("the gradient summed over the rows is too large for a float")
        return outputs, totals

    def _replay(self, i: int, row: Iterable[Any], params: Any, gradient: bool) -> tuple[list[float], list[float]]:
        """Compute one row by the engine."""
        numbers = dict(zip(chain(self._inputs, self._values), chain(row, params), strict=True))
        twins: dict[Value, Value] = {}
        try:
            for v in topological_order(self._output):
                if v.operands:
                    twins[v] = record(v.op, tuple(twins[x] for x in v.operands))
                else:
                    twins[v] = Value(numbers.get(v, v.data))
                    twins[v].op = v.op
                twins[v].label = v.label
            output = twins[self._output]
            grads = grad(output, [twins.get(p, Value(0.0)) for p in self._values]) if gradient else []
            if not all(map(isfinite, grads)):
                output.backward()  # names the node
        except (ValueError, ArithmeticError) as error:
            error.add_note(f"in row {i} of X")
            raise
        return [output.data], grads


def _warn(text: str) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(text, RuntimeWarning, stacklevel=5)


def _is_array(x: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(x, numpy.ndarray)


def _as_array(x: Any) -> Any:
    return sys.modules["numpy"].ascontiguousarray(x, dtype=float)


def _as_list(x: Any) -> list[float]:
    return x.tolist() if hasattr(x, "tolist") else [float(number) for number in x]  # an array's numbers are floats


def _address(x: Any) -> tuple[int, Any]:
    """Return where numbers lie in memory, and what keeps them there."""
    if _is_array(x):
        x = _as_array(x)
        return x.__array_interface__["data"][0], x
    if not isinstance(x, array) or x.typecode != "d":
        x = array("d", x if not len(x) or isinstance(x[0], int | float) else chain.from_iterable(x))
    return x.buffer_info()[0], x


def _add_up(vectors: Sequence[Any]) -> Any:
    """Return the sum of vectors, which is the vector if there is but one."""
    first, *others = vectors
    for other in others:
        first = first + other if _is_array(first) else array("d", map(operator.add, first, other))
    return first


def _is_finite(numbers: Any) -> bool:
    if _is_array(numbers):
        import numpy as np

        return bool(np.isfinite(numbers).all())
    return all(map(isfinite, numbers))


def _check_finite(rows: Rows, names: Sequence[str]) -> None:
    if _is_array(rows) and _is_finite(rows):
        return
    for i, row in enumerate(rows):
        if not all(map(isfinite, row)):
            j = next(j for j, x in enumerate(row) if not isfinite(x))
            raise ValueError(f"row {i} of X: {names[j]} is {row[j]}, which is no finite number")
