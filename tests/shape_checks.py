"""Types and shapes are checked at each call of the package's functions.

jaxtyping's own decorator checks every argument twice, and every function has a scope of
dimensions of its own. Here an argument is checked once, and a function has a scope if
its signature names arrays. Tests of many small functions take .4 of the time.
"""

import dataclasses
import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype

in_a_scope = jaxtyping.jaxtyped
type_checked = beartype(conf=BeartypeConf(violation_type=TypeError))


def install() -> None:
    """Makes imports of the package check. It must not be imported yet."""
    jaxtyping.jaxtyped = checks
    jaxtyping.install_import_hook("deepdepth_jax", "shape_checks.type_checked")


def checks(*, typechecker: Callable) -> Callable:
    """Returns a decorator of functions and classes, as the import hook asks for it."""

    def decorate(decorated: Any) -> Any:
        if inspect.isclass(decorated):
            if dataclasses.is_dataclass(decorated):
                decorated.__init__ = decorate(decorated.__init__)
            return decorated
        hints = decorated.__annotations__
        for name, hint in hints.items():  # in place, for the type checker
            hints[name] = resolved(hint, decorated.__globals__)
        checked = typechecker(decorated)
        if any(map(names_arrays, hints.values())):
            checked = in_a_scope(checked, typechecker=None)
        return checked

    return decorate


def resolved(hint: Any, names: dict[str, Any]) -> Any:
    """Returns a type. Any, if it names what does not exist yet, or for mypy alone."""
    alone = SimpleNamespace(__annotations__={"it": hint})
    try:
        return get_type_hints(alone, names, include_extras=True)["it"]
    except NameError:
        return Any


def names_arrays(hint: Any) -> bool:
    """Tells whether a type is one of arrays with a shape, or is made of one."""
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(map(names_arrays, get_args(hint)))
