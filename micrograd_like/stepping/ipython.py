"""What `%load_ext micrograd_like` adds to IPython: it labels Values after their variables, and has three magics.

    %graph v       the graph under v: a picture in a notebook, text in a terminal; of a network its neurons
    %step v        a cursor over the backward pass from v
    %backprop v    the backward pass from v as a table

`%unload_ext micrograd_like` takes all of it back.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from ..engine import Value
from ..nn.modules import Module
from ..notation.names import held_values, label_values

_extensions: "WeakKeyDictionary[Any, _Extension]" = WeakKeyDictionary()


def load_ipython_extension(shell: Any) -> None:
    """Load the extension into a shell; IPython calls this for `%load_ext`."""
    if shell not in _extensions:
        _extensions[shell] = _Extension(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Leave the shell as it was before; IPython calls this for `%unload_ext`."""
    if extension := _extensions.pop(shell, None):
        extension.unload()


class _Extension:
    """What is loaded into a shell, and what it replaced there."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.given: dict[str, Value] = {}  # the Values that were labelled here, by their variables
        self.times: dict[str, int] = {}  # variable -> how often it was assigned anew
        self.magics: dict[str, Callable[[str], Any]] = {
            "graph": self.graph,
            "step": self.step,
            "backprop": self.backprop,
        }
        line_magics = shell.magics_manager.magics["line"]
        self.replaced = {name: line_magics.get(name) for name in self.magics}
        for name, magic in self.magics.items():
            shell.register_magic_function(magic, "line", name)
        shell.events.register("post_run_cell", self.label)
        shell.display_formatter.mimebundle_formatter.for_type(Value, self.show)

    def unload(self) -> None:
        line_magics = self.shell.magics_manager.magics["line"]
        for name, replaced in self.replaced.items():
            del line_magics[name]
            if replaced is not None:
                line_magics[name] = replaced
        self.shell.events.unregister("post_run_cell", self.label)
        self.shell.display_formatter.mimebundle_formatter.pop(Value, None)

    def label(self, result: Any = None) -> None:
        """Label the Values that have no label after the variables a person has assigned.

        What a variable held before it was assigned anew is told apart: of `L = L + a` the older one becomes `L_1`.
        """
        own = {name: x for name, x in self.shell.user_ns.items() if name not in self.shell.user_ns_hidden}
        held = held_values(own)
        for name, v in list(self.given.items()):
            if held.get(name) is not v:
                del self.given[name]
                if v.label == name:
                    v.label = self.older(name, held)
        unlabelled = {name: v for name, v in held.items() if not v.label}
        label_values(own)
        self.given.update({name: v for name, v in unlabelled.items() if v.label == name})

    def older(self, name: str, held: dict[str, Value]) -> str:
        """Return a name for what a variable held before."""
        self.times[name] = self.times.get(name, 0) + 1
        older = f"{name}_{self.times[name]}"
        return self.older(name, held) if older in held else older

    def show(self, v: Value) -> dict[str, str]:
        """Show the Value that ends a cell; it is labelled first, though the cell is not over."""
        self.label()
        return v._repr_mimebundle_()

    # -------------------- the magics; their first lines are what `%lsmagic` and `%graph?` show --------------------

    def graph(self, line: str) -> None:
        """Show the graph under a Value, or a network: `%graph loss`, `%graph model`."""
        from IPython.display import display

        from ..pictures import draw, text
        from ..pictures.display import in_terminal

        thing = self.evaluate("graph", line, (Value, Module))
        if in_terminal():
            print(text(thing) if isinstance(thing, Value) else _or_usage_error(draw, thing).text)
        else:
            drawing = _or_usage_error(draw, thing)
            display(_or_usage_error(drawing._repr_mimebundle_), raw=True)  # type: ignore[no-untyped-call]

    def step(self, line: str) -> Any:
        """Step through the backward pass from a Value: `%step loss`, or `s = %step loss` to go on with `s.next()`."""
        from .stepper import Stepper

        root = self.evaluate("step", line, (Value,))
        return _or_usage_error(lambda: Stepper(root, variables=self.shell.user_ns))

    def backprop(self, line: str) -> Any:
        """Show the backward pass from a Value as a table, one row for each edge: `%backprop loss`."""
        from ..teaching import tabulate

        return _or_usage_error(tabulate, self.evaluate("backprop", line, (Value,)))

    def evaluate(self, magic: str, line: str, kinds: tuple[type, ...]) -> Any:
        """Return what the line means in the shell; UsageError, which IPython shows in a line, if it is not right."""
        from IPython.core.error import UsageError

        wanted = "a Value or a network" if Module in kinds else "a Value"
        example = f"write %{magic} loss, for example"
        if not line.strip():
            raise UsageError(f"%{magic} takes {wanted}: {example}")
        self.label()
        try:
            thing = self.shell.ev(line)
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise UsageError(f"%{magic} {line}: {type(error).__name__}: {reason}") from None
        if not isinstance(thing, kinds):
            raise UsageError(f"%{magic} takes {wanted}; {line} is of type {type(thing).__name__}: {example}")
        return thing


def _or_usage_error(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function; what it says about a mistake is shown in a line, without a traceback."""
    from IPython.core.error import UsageError

    try:
        return function(*arguments)
    except (ArithmeticError, OSError, RuntimeError, ValueError) as error:
        raise UsageError(str(error)) from None
