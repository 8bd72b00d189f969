# SPDX-License-Identifier: Apache-2.0
"""Discovery of plugins, with each one's faults kept to itself.

    entry points of group "tinify" -> load -> register -> ask each plugin alone -> check each row -> Host

A plugin that fails or contradicts another is listed with its problems; what the others bring stays usable, and an error
is raised only when a name is asked for that the fault touches. The environment variable TINIFY_PLUGINS, when set, lists
the plugins to load, with commas between; empty means none.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

import pluggy

from tinify import hookspecs
from tinify.errors import PluginConflictError, PluginError
from tinify.hookspecs import ModelCard
from tinify.registry import Component, problem_of

GROUP = "tinify"
ALLOWLIST = "TINIFY_PLUGINS"
HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("tinify_"))


@dataclass
class Plugin:
    """One plugin as it was found. `module` is None when it could not be loaded; `problems` says what is wrong."""

    name: str
    distribution: str
    version: str = ""
    location: str = ""
    module: ModuleType | None = None
    hooks: tuple[str, ...] = ()
    components: list[Component] = field(default_factory=list)
    models: list[ModelCard] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    rivals: list[str] = field(default_factory=list)
    """Distributions that bring a plugin of the same name."""

    @property
    def status(self) -> str:
        """ "ok", "conflict" (another claims its name), "broken" (not loaded) or "faulty" (loaded, with problems)."""
        if self.rivals:
            return "conflict"
        if self.module is None:
            return "broken"
        return "faulty" if self.problems else "ok"

    @property
    def origin(self) -> str:
        return f"{self.distribution} {self.version}".strip()


class Host:
    """Core and the plugins, loaded once; what they bring, by name."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.plugins: list[Plugin] = []
        self._claims: dict[tuple[str, str], list[tuple[Plugin, Component]]] = defaultdict(list)
        self._faulty: dict[tuple[str, str], tuple[Plugin, str]] = {}

    @property
    def components(self) -> dict[tuple[str, str], tuple[Component, ...]]:
        """All rows by (kind, name); more than one where plugins contradict each other."""
        return {key: tuple(row for _, row in claims) for key, claims in self._claims.items()}

    @property
    def models(self) -> dict[str, list[ModelCard]]:
        """Zoo folders by name; more than one where plugins contradict each other."""
        cards: dict[str, list[ModelCard]] = defaultdict(list)
        for plugin in self.plugins:
            for card in plugin.models:
                cards[card.name].append(card)
        return dict(cards)

    def origins(self, names: Iterable[str]) -> set[str]:
        """The distributions of these plugins with their versions; core is none, nor is a script."""
        return {plugin.origin for plugin in self.plugins if plugin.name in set(names) - {GROUP}}

    def broken_plugins(self) -> list[str]:
        """Plugins that may bring more than is known of them."""
        return [
            f"{p.name} ({p.origin}: {p.problems[0]})"
            for p in self.plugins
            if p.problems and not p.rivals and p.name != GROUP
        ]

    def check_claims(self, kind: str, name: str, rows: list[Component]) -> None:
        """Raises what stands in the way of using this name: a conflict, a faulty row, or a plugin that is broken."""
        claims = self._claims.get((kind, name), [])
        in_session = len(rows) - len(claims)
        rivals = any(plugin.rivals for plugin, _ in claims)
        if len(rows) > 1 or rivals:
            raise PluginConflictError(_conflict(f"{kind} {name!r}", [p for p, _ in claims], in_session))
        if rows:
            return
        if (kind, name) in self._faulty:
            plugin, problem = self._faulty[kind, name]
            raise PluginError(f"{kind} {name!r} of plugin {plugin.name!r} ({plugin.origin}) is unusable: {problem}")
        for plugin in self.plugins:
            own = name == plugin.name or name.startswith((f"{plugin.name}-", f"{plugin.name}."))
            if plugin.module is None and own:
                raise PluginError(
                    f"{kind} {name!r}: plugin {plugin.name!r} ({plugin.origin}) is not loaded: "
                    f"{plugin.problems[0]}; mend it or `pip uninstall {plugin.distribution}`"
                )

    def add(self, plugin: Plugin, load: Callable[[], Any]) -> None:
        """Load one plugin and take in what it brings; whatever goes wrong ends in its `problems`."""
        self.plugins.append(plugin)
        try:
            module = load()
            known = self.manager.get_name(module)
            if known is None:
                self.manager.register(module, name=f"{plugin.name} ({plugin.distribution})")
        except Exception as error:  # a plugin may raise anything while it is imported
            plugin.problems.append(f"{type(error).__name__}: {error}".replace("\n", " "))
            return
        plugin.module = module
        if known is None:
            self._take_in(plugin)

    def call(self, plugin: Plugin, hook: str, **arguments: Any) -> list[Any]:
        """What one plugin alone returns from one hook, as a flat list; its errors become its problems."""
        others = [module for module in self.manager.get_plugins() if module is not plugin.module]
        try:
            results = self.manager.subset_hook_caller(hook, others)(**arguments)
            return [item for result in results if isinstance(result, Iterable) for item in result]
        except Exception as error:
            plugin.problems.append(f"{hook} failed: {type(error).__name__}: {error}".replace("\n", " "))
            return []

    def _take_in(self, plugin: Plugin) -> None:
        callers = self.manager.get_hookcallers(plugin.module) or []
        plugin.hooks = tuple(caller.name for caller in callers if caller.has_spec())
        plugin.problems += [
            f"unknown hook {caller.name!r}{_near_hook(caller.name)}" for caller in callers if not caller.has_spec()
        ]
        marked = {caller.name for caller in callers}
        plugin.problems += [
            f"function {name!r} is not marked @hookimpl"
            for name, value in vars(plugin.module).items()
            if name.startswith("tinify_") and callable(value) and name not in marked
        ]
        if "tinify_components" in plugin.hooks:
            self._take_rows(plugin, self.call(plugin, "tinify_components"))
        if "tinify_media" in plugin.hooks:
            self._take_rows(plugin, self.call(plugin, "tinify_media"), kind="media")
        if "tinify_models" in plugin.hooks:
            self._take_cards(plugin, self.call(plugin, "tinify_models"))

    def _take_rows(self, plugin: Plugin, rows: list[Any], kind: str | None = None) -> None:
        for row in rows:
            if not isinstance(row, Component):
                plugin.problems.append(f"{row!r} is not a tinify.registry.Component")
                continue
            problem = problem_of(row)
            if kind not in (None, row.kind):
                problem = f"the hook tinify_media brings a {row.kind}, {row.name!r}"
            if problem:
                plugin.problems.append(problem)
                self._faulty[row.kind, row.name] = (plugin, problem)
                continue
            row = Component(row.kind, row.name, row.target, row.summary, row.source, plugin.name)
            plugin.components.append(row)
            self._claims[row.kind, row.name].append((plugin, row))

    def _take_cards(self, plugin: Plugin, cards: list[Any]) -> None:
        for card in cards:
            if isinstance(card, ModelCard):
                plugin.models.append(ModelCard(card.name, card.path, card.summary, plugin.name))
            else:
                plugin.problems.append(f"{card!r} is not a tinify.hookspecs.ModelCard")

    def report_conflicts(self) -> None:
        """Write every contradiction into the problems of all plugins that take part in it."""
        for (kind, name), claims in self._claims.items():
            if len(claims) > 1:
                _report(f"{kind} {name!r}", [plugin for plugin, _ in claims])
        for name, cards in self.models.items():
            if len(cards) > 1:
                _report(f"model {name!r}", [p for p in self.plugins for card in p.models if card.name == name])


def host() -> Host:
    """Core and the plugins; loaded on the first call, the same object ever after."""
    return _host()


def reload() -> Host:
    """Look for plugins again (something was installed, or TINIFY_PLUGINS changed)."""
    _host.cache_clear()
    return _host()


@lru_cache(maxsize=1)
def _host() -> Host:
    if _loading:
        raise PluginError(
            "a plugin asks for a component while plugins are being loaded; "
            "move that call into the function that needs it"
        )
    _loading.append(True)
    try:
        return _load()
    finally:
        _loading.clear()


def _load() -> Host:
    found = Host()
    found.add(_core(), _builtin)
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.dist.name if point.dist else ""))
    allowed = _allowlist()
    chosen = [point for point in points if allowed is None or point.name in allowed]
    for point in chosen:
        plugin = _plugin(point)
        rivals = {p.dist.name for p in chosen if p.name == point.name and p.dist} - {plugin.distribution}
        plugin.rivals = sorted(rivals)
        if rivals:
            plugin.problems.append(f"the plugin name {point.name!r} is also claimed by {', '.join(plugin.rivals)}")
        if point.name == GROUP:
            plugin.problems.append("the plugin name 'tinify' is core's")
            found.plugins.append(plugin)
            continue
        found.add(plugin, point.load)
    for name in sorted((allowed or set()) - {point.name for point in points}):
        found.plugins.append(Plugin(name, "not installed", problems=[f"{ALLOWLIST} names it, but it is not installed"]))
    found.report_conflicts()
    return found


def _core() -> Plugin:
    from tinify import __version__

    return Plugin(GROUP, "tinify-codec", __version__, os.path.dirname(__file__))


def _builtin() -> ModuleType:
    from tinify import builtin

    return builtin


def _plugin(point: EntryPoint) -> Plugin:
    if point.dist is None:
        return Plugin(point.name, point.value)
    return Plugin(point.name, point.dist.name, point.dist.version, str(point.dist.locate_file("")))


def _allowlist() -> set[str] | None:
    value = os.environ.get(ALLOWLIST)
    return None if value is None else {name.strip() for name in value.split(",") if name.strip()}


def _near_hook(name: str) -> str:
    close = get_close_matches(name, HOOKS, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f"; hooks: {', '.join(HOOKS)}"


def _report(what: str, claimants: list[Plugin]) -> None:
    for plugin in {id(p): p for p in claimants}.values():
        others = sorted({p.origin for p in claimants if p is not plugin}) or ["itself, twice"]
        plugin.problems.append(f"{what} is also claimed by {', '.join(others)}")


def _conflict(what: str, claimants: list[Plugin], in_session: int) -> str:
    origins = [f"{p.name} ({p.origin}, {p.location})" for p in claimants] + ["this session"] * in_session
    origins += [
        f"{p.name} ({rival})"
        for p in claimants
        for rival in p.rivals
        if rival not in {c.distribution for c in claimants}
    ]
    removable = sorted({p.distribution for p in claimants} - {"tinify-codec"})
    steps = [f"`pip uninstall {name}`" for name in removable]
    if in_session:
        steps.append("choose another name in `register`")
    return f"{what} is claimed by {' and '.join(origins)}; none is used. Next: {' or '.join(steps)}"


_loading: list[bool] = []
