# SPDX-License-Identifier: Apache-2.0
"""Components by kind and name.

A component is a row: what it is (kind, name), where it lives ("module:attribute") and one line about it. Rows come from
core and plugins through the same hooks (see `tinify.hookspecs`), or from `register` in a script. A row's module is
imported when the component is first asked for, so listing a thousand components costs nothing.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tinify.errors import ConfigError, PluginConflictError, PluginError, UnknownComponentError

if TYPE_CHECKING:
    from tinify.plugins import Host

# In the order of the data path, then what stands around it; listings keep this order.
KINDS = (
    "transform",
    "quantizer",
    "entropy-model",
    "coder",
    "schedule",
    "latent-codec",
    "codec",
    "layer",
    "loss",
    "metric",
    "media",
)
SESSION = "session"  # the `plugin` of components registered by a script or notebook

_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_TARGET = re.compile(r"[\w.]+:[\w.]+")


@dataclass(frozen=True)
class Component:
    """One registered part. `target` is "module:attribute"; `source` names the paper that it comes from."""

    kind: str
    name: str
    target: str
    summary: str = ""
    source: str = ""
    plugin: str = "tinify"


def register(kind: str, name: str, *, summary: str = "", source: str = "") -> Callable[[Any], Any]:
    """Decorator that registers a class or function of a script or notebook for as long as the process lives.

    Running the definition again (a notebook cell) renews it; another object under the same name is a
    PluginConflictError.
    """

    def decorate(obj: Any) -> Any:
        target = f"{obj.__module__}:{obj.__qualname__}"
        row = Component(kind, name, target, summary or _first_line(obj), source, SESSION)
        problem = problem_of(row, check_target=False)
        if problem:
            raise ConfigError(problem)
        known = _session.get((kind, name))
        if known and known[0].target != target:
            raise PluginConflictError(
                f"{kind} {name!r} is registered already, as {known[0].target}; choose another name for {target}"
            )
        _session[kind, name] = (row, obj)
        return obj

    return decorate


def unregister(kind: str, name: str) -> None:
    """Forget what `register` put under this name; nothing happens when there is nothing."""
    _session.pop((kind, name), None)


def components(kind: str | None = None) -> list[Component]:
    """Every registered component, or those of one kind, in the order of KINDS and then by name.

    Rows that claim one name are all listed; `find` refuses that name.
    """
    if kind is not None:
        _check_kind(kind)
    rows = [row for claims in _plugins().components.values() for row in claims]
    rows += [row for row, _ in _session.values()]
    rows = [row for row in rows if kind in (None, row.kind)]
    return sorted(rows, key=lambda row: (KINDS.index(row.kind), row.name, row.plugin))


def find(kind: str, name: str) -> Component:
    """The row of one component.

    Raises UnknownComponentError (with the nearest names), PluginConflictError when more than one plugin claims the
    name, PluginError when the plugin that owns the name is broken.
    """
    _check_kind(kind)
    host = _plugins()
    claims = list(host.components.get((kind, name), ()))
    if (kind, name) in _session:
        claims.append(_session[kind, name][0])
    host.check_claims(kind, name, claims)
    if not claims:
        raise UnknownComponentError(_unknown(kind, name, host.broken_plugins()))
    used = _used.get()
    if used is not None:
        used.add(claims[0].plugin)
    return claims[0]


def get(kind: str, name: str) -> Any:
    """The class or function itself; its module is imported on first use. Errors as in `find`, and PluginError when
    the target cannot be imported."""
    row = find(kind, name)
    if row.plugin == SESSION:
        return _session[kind, name][1]
    return resolve(row)


def build(kind: str, name: str, /, **config: Any) -> Any:
    """`get(kind, name)(**config)`; a missing or unknown argument is a ConfigError that names the nearest one.

    A codec gets the plugins that brought it, or what it is built of, into its `requires`.
    """
    with _noting() as used:
        factory = get(kind, name)
        problem = _wrong_arguments(factory, config)
        if problem:
            raise ConfigError(f"{kind} {name!r}: {problem}")
        built = factory(**config)
    if kind == "codec":
        require(built, used)
    return built


def build_config(config: Mapping[str, Any], *, path: str = "") -> Any:
    """Build {"kind": ..., "name": ..., other keys = arguments}, and first every nested mapping of that form.

    `path` is where the mapping stands in its file; a ConfigError begins with it.
    """
    missing = [key for key in ("kind", "name") if not isinstance(config.get(key), str)]
    if missing:
        raise ConfigError(
            f"{path or 'config'}: {missing[0]!r} is missing or not a string; "
            'a component is given as kind = "...", name = "...", and its arguments'
        )
    with _noting() as used:
        arguments = {
            key: _built(value, f"{path}.{key}" if path else key)
            for key, value in config.items()
            if key not in ("kind", "name")
        }
        try:
            built = build(config["kind"], config["name"], **arguments)
        except (ConfigError, UnknownComponentError) as error:
            if not path:
                raise
            raise type(error)(f"{path}: {error}") from error
    if config["kind"] == "codec":
        require(built, used)
    return built


def require(codec: Any, used: Iterable[str]) -> None:
    """Adds the distributions of plugins to `codec.requires`, as "name version"; files of the codec name them."""
    needed = _plugins().origins(used)
    if needed:
        codec.requires = tuple(sorted({*getattr(codec, "requires", ()), *needed}))


def resolve(row: Component) -> Any:
    """Import what a row points to; PluginError with the reason when that fails."""
    module, _, attribute = row.target.partition(":")
    try:
        found = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever a plugin's module raises while it is imported
        raise PluginError(
            f"{row.kind} {row.name!r} of plugin {row.plugin!r} cannot be imported from {row.target}: "
            f"{type(error).__name__}: {error}; run `tinify plugins --check`"
        ) from error
    return found


def problem_of(row: Component, *, check_target: bool = True) -> str | None:
    """What is wrong with a row (its kind, the grammar of its name or target), or None."""
    if row.kind not in KINDS:
        return f"unknown kind {row.kind!r}{_near(row.kind, KINDS)}; kinds: {', '.join(KINDS)}"
    if not isinstance(row.name, str) or not _NAME.fullmatch(row.name):
        return f"{row.kind} name {row.name!r} is not of lower-case letters, digits, '-' and '.'"
    if check_target and not (isinstance(row.target, str) and _TARGET.fullmatch(row.target)):
        return f'{row.kind} {row.name!r}: target {row.target!r} is not of the form "module:attribute"'
    return None


def _plugins() -> Host:
    # Imported late: plugins.py needs Component, and discovery waits until somebody asks for a component.
    from tinify import plugins

    return plugins.host()


def _built(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        if "kind" in value and "name" in value:
            return build_config(value, path=path)
        return {key: _built(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_built(item, f"{path}[{index}]") for index, item in enumerate(value)]
    return value


def _wrong_arguments(factory: Any, config: Mapping[str, Any]) -> str | None:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # some built-in types have none; their own TypeError must do
        return None
    parameters = signature.parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    for key in config:
        if key not in names and not takes_any:
            return f"unknown argument {key!r}{_near(key, names)}; it takes: {', '.join(names) or 'none'}"
    needed = [p.name for p in parameters if p.name in names and p.default is p.empty and p.name not in config]
    return f"argument {needed[0]!r} is missing" if needed else None


def _unknown(kind: str, name: str, broken: list[str]) -> str:
    names = [row.name for row in components(kind)]
    elsewhere = sorted({row.kind for row in components() if row.name == name})
    message = f"no {kind} named {name!r}{_near(name, names)}; run `tinify components {kind}` for the list"
    if elsewhere:
        message += f" ({name!r} exists as {', '.join(elsewhere)})"
    if broken:
        message += f". Not loaded, and so perhaps its owner: {', '.join(broken)}; run `tinify plugins`"
    return message


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise UnknownComponentError(f"no kind named {kind!r}{_near(kind, KINDS)}; kinds: {', '.join(KINDS)}")


def _near(word: Any, words: Any) -> str:
    close = get_close_matches(str(word), [str(w) for w in words], n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(repr(w) for w in close)}?)" if close else ""


@contextmanager
def _noting() -> Iterator[set[str]]:
    """The plugins whose components are looked up inside, as they are; who notes around this one gets them, too."""
    around, used = _used.get(), set[str]()
    token = _used.set(used)
    try:
        yield used
    finally:
        _used.reset(token)
        if around is not None:
            around |= used


def _first_line(obj: Any) -> str:
    return (inspect.getdoc(obj) or "").partition("\n")[0]


_used: ContextVar[set[str] | None] = ContextVar("used", default=None)
_session: dict[tuple[str, str], tuple[Component, Any]] = {}
