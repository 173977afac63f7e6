"""Running a lowered program, in Python, NumPy or C."""

import builtins
import operator
import os
import sys
import warnings
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import chain
from math import isfinite
from typing import Any, Literal, TypeAlias

from ..engine import Value, dot, many_nodes, record, topological_order
from ..files import write_whole
from ..graph.derivatives import grad
from .emit import emit, emit_file
from .lower import lower
from .spelling import SPELLINGS, CompilerError
from .tape import Tape

Rows: TypeAlias = Any  # rows of numbers, such as a list of lists, or what becomes a NumPy array of two dimensions
Numbers: TypeAlias = Any  # an `array("d")`, or a NumPy array
Kernel: TypeAlias = Callable[
    [Numbers, int, Numbers], tuple[Any, Any]
]  # rows, how many, parameters -> outputs, gradient
BACKENDS = ("auto", "c", "numpy", "python")
ZERO = array("d", [0.0])
ROWS_PER_THREAD = 4_000  # with 5,000 each, two threads take 0.65 of the time of one; with 1,000 each, 1.1 of it

_warned: set[str] = set()  # each reason why "auto" did not take C is said once


def compile(
    output: Value | Sequence[Value],
    inputs: Sequence[Value],
    params: Sequence[Value] = (),
    backend: str = "auto",
    reduction: Literal["sum", "mean"] = "sum",
    threads: int = 1,
) -> "Program":
    """Compile the graph of `output`, recorded for one row of inputs, into a program that runs for many rows.

    The program does what the graph did when it was recorded: a Python `if` on `.data`, or a loop whose length depends
    on it, was decided then, and cannot be seen.

    It is ready after some 10 µs for each node and each weight. C is compiled but once, when the first program is: about
    a second, and kept for other days. It rounds as the engine does, but for two things: functions such as tanh may
    differ in the last digit, and for several rows the weighted sums of layers are fused multiply-adds. Layers of a
    hundred neurons take about as long as matrices in NumPy.

    Args:
        output: the result for one row, such as its loss; or several, which one program computes. `value_and_grad` takes
            the gradient of the first, and `vjp` that of any, or of all with weights.
        inputs: the leaves that a row gives numbers to, in the order of its columns.
        params: the leaves with respect to which the gradient is taken; the output need not depend on each.
        backend: "c", "numpy" or "python"; "auto" takes the first of these that works here, and says so if it is not C.
        reduction: whether the gradient is summed over the rows, or their mean.
        threads: among how many threads the C backend shares out the rows of a large batch.

    Raises:
        ValueError: an unknown backend or reduction, no thread, an input or parameter listed twice, or a leaf that is
            neither.
        CompilerError: the backend is "c" and there is no C compiler, it failed, or an operation has no spelling in C.
        ImportError: the backend is "numpy" and NumPy is not installed.
    """
    return Program(output, inputs, params, backend, reduction, threads)


class Program:
    """A compiled graph, whose parameters' numbers `pull()` and `push()` exchange with those of the Values."""

    backend: str  # "c", "numpy" or "python"
    params: "array[float]"  # numpy.asarray(program.params) is a view of it

    def __init__(
        self,
        output: Value | Sequence[Value],
        inputs: Sequence[Value],
        params: Sequence[Value] = (),
        backend: str = "auto",
        reduction: str = "sum",
        threads: int = 1,
    ) -> None:
        """Compile; the arguments and errors are those of `compile`."""
        if backend not in BACKENDS:
            raise ValueError(f"a backend is {', '.join(BACKENDS)}, not {backend!r}")
        if reduction not in ("sum", "mean"):
            raise ValueError(f"a reduction is sum or mean, not {reduction!r}")
        if not isinstance(threads, int) or threads < 1:
            raise ValueError(f"threads is a whole number from 1, not {threads!r}")
        self._threads = threads
        self._pool: tuple[int, ThreadPoolExecutor] | None = None  # made by this process when there is work for it
        self._several = isinstance(output, list | tuple)
        self._outputs: list[Value] = list(output) if isinstance(output, list | tuple) else [output]  # type: ignore
        self._inputs, self._values = list(inputs), list(params)
        self._mean = reduction == "mean"
        self._product: Program | None = None  # for vjp, made when it is wanted
        self.params = array("d", [p.data for p in self._values])
        with many_nodes():
            self.lowered = lower(self._outputs, self._inputs, self._values)
            self.backend, kernel = self._choose(backend)
        self._kernels = {True: kernel}  # with the gradient; the one without it is made when it is wanted

    def __repr__(self) -> str:
        """Say what it is and how it runs."""
        inputs, steps = len(self._inputs), len(self.lowered.forward) + len(self.lowered.backward)
        return (
            f"<program of {steps} instructions: {', '.join(self.lowered.names)} of {inputs} input{'s' * (inputs != 1)}"
            f" and {len(self._values)} parameters, in {self.backend}>"
        )

    def __call__(self, X: Rows = None, params: Any = None) -> Any:  # noqa: N803
        """Return the output for each row, or a list of several: in a NumPy array for an array, else in a list.

        Args:
            X: rows of numbers, one for each input; left out if there are no inputs.
            params: the parameters' numbers, if not those of the program.

        Raises:
            ValueError: no rows, a wrong number of columns, or an infinite or undefined number, by row and column.
            ValueError, ZeroDivisionError, OverflowError: as the graph itself would say for that row.
        """
        return self._run(X, params, gradient=False)[0]

    def value_and_grad(self, X: Rows = None, params: Any = None) -> tuple[Any, Any]:  # noqa: N803
        """Return the output for each row, and the gradient summed over the rows, or their mean; errors as a call.

        Args:
            X: rows of numbers, one for each input.
            params: the parameters' numbers, if not those of the program.
        """
        outputs, gradient = self._run(X, params, gradient=True)
        if self._mean:
            n = len(outputs)
            gradient = [g / n for g in gradient] if isinstance(gradient, list) else gradient / n
        return outputs, gradient

    def vjp(self, X: Rows, upstream: Rows, params: Any = None) -> Any:  # noqa: N803
        """Return a vector-Jacobian product: the gradient of the sum of upstream * output over all rows and outputs.

        With 1 for one output and 0 for the others it is that output's gradient. It is never a mean; errors as a call.

        Args:
            X: rows of numbers, one for each input; None if there are none.
            upstream: as many rows of upstream gradients, one for each output.
            params: the parameters' numbers, if not those of the program.
        """
        width, k, names = len(self._inputs), len(self._outputs), self.lowered.names
        numbers, n = read_rows(X, width, self.lowered.inputs)
        more, rows = read_rows(upstream, k, names, "upstream")
        if rows != n:
            raise ValueError(f"upstream has {rows} rows and X has {n}: one is needed for each row of X")
        if self._product is None:  # the program of that sum, of which the upstream gradients are more inputs
            weights = [Value(0.0, f"upstream_{name}") for name in names]
            total, inputs = dot(weights, self._outputs), [*self._inputs, *weights]
            self._product = Program(total, inputs, self._values, self.backend, threads=self._threads)
        if _is_array(numbers):
            joined = sys.modules["numpy"].hstack([numbers, _as_array(more).reshape(n, k)])
        else:
            more = more.ravel() if _is_array(more) else more
            joined = [[*numbers[i * width : (i + 1) * width], *more[i * k : (i + 1) * k]] for i in range(n)]
        return self._product.value_and_grad(joined, self._read_params(params))[1]

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
        return emit(self.lowered, language or self.backend, gradient)

    def save(self, path: str | os.PathLike[str], gradient: bool = True) -> None:
        """Write the source to a file, with an example of its use at the top and the parameters' numbers at the end.

        Args:
            path: a file that ends in .py, .c, .js or .mjs; what is there is replaced.
            gradient: whether it computes the gradient too.

        Raises:
            ValueError: another ending.
            OSError: the file cannot be written; the text names it.
        """
        row = [float(v.data) for v in self._inputs]
        write_whole(path, emit_file(self.lowered, os.fspath(path), row, self.params, gradient).encode())

    @property
    def tape(self) -> Tape:
        """What the C backend runs for outputs and gradient."""
        return self._kernels[True].tape  # type: ignore[attr-defined, no-any-return]

    # -------------------- backends --------------------

    def _choose(self, backend: str) -> tuple[str, Kernel]:
        if backend != "auto":
            return backend, self._build(backend, True)
        try:
            return "c", self._build("c", True)
        except CompilerError as error:
            chosen = "numpy" if find_spec("numpy") else "python"
            _warn(f"compiled to {chosen}, for {error}")
            return chosen, self._build(chosen, True)

    def _build(self, backend: str, gradient: bool) -> Kernel:
        program = self.lowered if gradient else self.lowered._replace(backward=(), gradients=())
        if backend == "c":
            return self._native(Tape(program))
        source, width = emit(program, backend, gradient, by_name=True), len(self._inputs)
        code = (*program.forward, *program.backward)
        namespace: dict[str, Any] = {i.op.name: i.op.forward for i in code if i.op.name not in SPELLINGS[backend]}
        if backend == "numpy":
            import numpy as np

            namespace = {name: np.vectorize(forward, otypes=[float]) for name, forward in namespace.items()}
        exec(builtins.compile(source, f"<{backend} program>", "exec"), namespace)
        function = namespace["value_and_grad" if gradient else "value"]

        def in_numpy(numbers: Numbers, n: int, params: Numbers) -> tuple[Numbers, Numbers]:
            outputs, grads = function(np.asarray(numbers).reshape(n, width), params)
            return outputs.ravel(), grads

        def in_python(numbers: Numbers, n: int, params: Numbers) -> tuple[Numbers, Numbers]:
            if width:
                flat = iter(numbers.ravel().tolist() if _is_array(numbers) else numbers)
                outputs, grads = function(zip(*[flat] * width, strict=True), params)
            else:
                output, grads = function(*params)
                outputs, grads = [output] * n, [n * g for g in grads]
            return list(chain.from_iterable(outputs)) if len(self._outputs) > 1 else outputs, grads

        return in_numpy if backend == "numpy" else in_python

    def _native(self, tape: Tape) -> Kernel:
        size, width, results = tape.gradients, len(self._inputs), len(self._outputs)
        evaluate = tape.library.evaluate

        def kernel(numbers: Numbers, n: int, params: Numbers) -> tuple[Numbers, Numbers]:
            x, p, at = _address(numbers), _address(params), tape.address
            parts = min(self._threads, n // ROWS_PER_THREAD) or 1
            first = n * results  # place of the gradient, behind the outputs; each part of the rows has one of its own
            room = ZERO * (first + parts * size)
            start, _ = room.buffer_info()

            def run(k: int) -> int:
                i, j = n * k // parts, n * (k + 1) // parts
                to = start + 8 * i * results, start + 8 * (first + k * size)
                return evaluate(at, j - i, x + 8 * width * i, width, None, p, *to)  # type: ignore[no-any-return]

            if parts == 1:
                failed = evaluate(at, n, x, width, None, p, start, start + 8 * first)
            else:
                failed = max(self._in_threads(run, parts))
            if failed:
                raise MemoryError if failed == 2 else OverflowError  # the latter is found out by _explain
            for k in range(1, parts):
                another = room[first + k * size : first + (k + 1) * size]
                room[first : first + size] = array("d", map(operator.add, room[first : first + size], another))
            found = sys.modules["numpy"].frombuffer(room) if _is_array(numbers) else room
            return found[:first], found[first : first + size]

        kernel.tape = tape  # type: ignore[attr-defined]  # training runs it too
        return kernel

    def _in_threads(self, run: Callable[[int], int], parts: int) -> list[int]:
        if self._pool is None or self._pool[0] != os.getpid():  # after a fork, the threads are the parent's
            self._pool = os.getpid(), ThreadPoolExecutor(self._threads)
        return list(self._pool[1].map(run, range(parts)))

    # -------------------- running --------------------

    def _run(self, X: Rows, params: Any, gradient: bool) -> tuple[Any, Any]:  # noqa: N803
        numbers, n = read_rows(X, len(self._inputs), self.lowered.inputs)
        params = self._read_params(params)
        if gradient not in self._kernels:
            self._kernels[gradient] = self._build(self.backend, gradient)
        try:
            if self.backend != "c" and not (_is_finite(numbers) and _is_finite(params)):
                raise OverflowError
            outputs, grads = self._kernels[gradient](numbers, n, params)
            if self.backend != "c" and not (_is_finite(outputs) and _is_finite(grads)):
                raise OverflowError
        except (ValueError, ArithmeticError):
            outputs, grads = self._explain(numbers, n, params, gradient)
        k = len(self._outputs)
        if _is_array(numbers):
            outputs, grads = _as_array(outputs), _as_array(grads)
            return outputs.reshape(n, k) if self._several else outputs, grads
        outputs, grads = _as_list(outputs), _as_list(grads)
        return [outputs[i : i + k] for i in range(0, n * k, k)] if self._several else outputs, grads

    def _read_params(self, params: Any) -> Numbers:
        if params is None:
            return self.params
        table = _as_array(params).ravel() if hasattr(params, "__array__") else None
        numbers = _as_list_of(f"params is a list of {len(self.params)} numbers", params) if table is None else table
        if len(numbers) != len(self.params):
            raise ValueError(f"the program has {len(self.params)} parameters, not {len(numbers)}")
        if table is not None and table.dtype == float:
            return table
        return to_floats(numbers, lambda place: f"the parameter {self.lowered.parameters[place]}")

    def _explain(self, numbers: Numbers, n: int, params: Numbers, gradient: bool) -> tuple[Any, Any]:
        """Return the results row by row; one that fails is computed by the engine, whose error says what went wrong."""
        width, names = len(self._inputs), self.lowered.inputs
        for name, x in zip(self.lowered.parameters, params, strict=True):
            if not isfinite(x):
                raise ValueError(f"the parameter {name} is {x}, which is not a finite number")
        flat = numbers.ravel() if _is_array(numbers) else numbers
        for place, x in enumerate(flat):
            if not isfinite(x):
                raise ValueError(f"row {place // width} of X: {names[place % width]} is {x}, not a finite number")
        outputs: list[float] = []
        totals = [0.0] * (len(self._values) if gradient else 0)
        for i in range(n):
            row = flat[i * width : (i + 1) * width]
            try:
                output, grads = self._kernels[gradient](row, 1, params)
                if not (_is_finite(output) and _is_finite(grads)):
                    raise OverflowError
            except (ValueError, ArithmeticError):
                output, grads = self._replay(i, row, params, gradient)
            outputs += map(float, output)
            totals = [t + float(g) for t, g in zip(totals, grads, strict=True)]
        if not all(map(isfinite, totals)):
            raise OverflowError("the gradient summed over the rows is too large for a float")
        return outputs, totals

    def _replay(self, i: int, row: Numbers, params: Numbers, gradient: bool) -> tuple[list[float], list[float]]:
        """Compute one row by the engine."""
        numbers = dict(zip(chain(self._inputs, self._values), map(float, chain(row, params)), strict=True))
        twins: dict[Value, Value] = {}
        try:
            for v in dict.fromkeys(v for output in self._outputs for v in topological_order(output)):
                if v.operands:
                    twins[v] = record(v.op, tuple(twins[x] for x in v.operands))
                else:
                    twins[v] = Value(numbers.get(v, v.data))
                    twins[v].op = v.op
                twins[v].label = v.label
            outputs = [twins[v] for v in self._outputs]
            grads = grad(outputs[0], [twins.get(p, Value(0.0)) for p in self._values]) if gradient else []
            if not all(map(isfinite, grads)):
                outputs[0].backward()  # names the node
            for name, v in zip(self.lowered.names, outputs, strict=True):
                if not isfinite(v.data):
                    raise OverflowError(f"{name} is {v.data}, not a finite number")
        except (ValueError, ArithmeticError) as error:
            error.add_note(f"in row {i} of X")
            raise
        return [v.data for v in outputs], grads


def read_rows(X: Rows, width: int, names: Sequence[str], what: str = "X") -> tuple[Numbers, int]:  # noqa: N803
    """Return the numbers of rows one after the other, as an array if `X` is one or a table, and how many rows.

    None is one row of nothing; `what` is the name of `X` in errors.

    Raises:
        ValueError: no rows, or a wrong number of columns.
        TypeError: something that is not a number, by row and column.
    """
    if X is None and not width:
        return array("d"), 1
    table = _as_array(X) if hasattr(X, "__array__") else None
    if table is not None and table.dtype == float:
        if table.ndim != 2:
            raise ValueError(f"{what} is rows of {width} numbers, an array of two dimensions, not of {table.ndim}")
        n, wrong = len(table), None if table.shape[1] == width else (0, table.shape[1])
    else:
        listed = _as_list_of(f"{what} is rows of {width} numbers", X if table is None else table.tolist())
        rows = [_as_list_of(f"row {i} of {what} is a list of {width} numbers", row) for i, row in enumerate(listed)]
        n, wrong = len(rows), next(((i, len(row)) for i, row in enumerate(rows) if len(row) != width), None)
    if not n:
        raise ValueError(f"{what} has no rows")
    if wrong:
        taken = f"the program takes {width}: {', '.join(names)}"
        raise ValueError(f"row {wrong[0]} of {what} has length {wrong[1]}; {taken}")
    if table is not None and table.dtype == float:
        return table, n
    flat = list(chain.from_iterable(rows))
    return to_floats(flat, lambda place: f"row {place // width} of {what}: {names[place % width]}"), n


def to_floats(numbers: Sequence[Any], name: Callable[[int], str]) -> "array[float]":
    """Return numbers of any kind as floats; TypeError, with the name of the place, for what is not a real number."""
    try:
        return array("d", numbers)
    except (TypeError, OverflowError):
        for place, x in enumerate(numbers):
            try:
                array("d", [x])
            except (TypeError, OverflowError):
                raise TypeError(f"{name(place)} is {x!r}, which is not a number that a float can hold") from None
        raise


def _as_list_of(what: str, numbers: Any) -> Any:
    if isinstance(numbers, list | tuple):
        return numbers
    if isinstance(numbers, str | bytes | Mapping) or not isinstance(numbers, Iterable):
        raise TypeError(f"{what}, not {numbers!r}")
    return list(numbers)


def _warn(text: str) -> None:
    if text not in _warned:
        _warned.add(text)
        warnings.warn(text, RuntimeWarning, stacklevel=5)


def _is_array(x: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(x, numpy.ndarray)


def _as_array(x: Any) -> Any:
    """Return what becomes an array of NumPy as one of floats, if it holds real numbers."""
    import numpy as np

    if type(x) is np.ndarray and x.dtype == float and x.flags.c_contiguous:
        return x
    found = np.asarray(x)
    return np.ascontiguousarray(found, dtype=float) if found.dtype.kind in "fiub" else found


def _as_list(x: Any) -> list[float]:
    return x.tolist() if hasattr(x, "tolist") else [float(number) for number in x]  # an array's numbers are floats


def _address(x: Numbers) -> int:
    """Return where numbers lie in memory."""
    return x.__array_interface__["data"][0] if _is_array(x) else x.buffer_info()[0]  # type: ignore[no-any-return]


def _is_finite(numbers: Any) -> bool:
    if _is_array(numbers):
        import numpy as np

        return bool(np.isfinite(numbers).all())
    return all(map(isfinite, numbers))
