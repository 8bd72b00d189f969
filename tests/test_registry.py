# SPDX-License-Identifier: Apache-2.0
import pytest

from tinify import registry
from tinify.errors import ConfigError, PluginConflictError, PluginError, UnknownComponentError
from tinify.registry import Component


@pytest.fixture
def floor():
    @registry.register("quantizer", "test-floor", source="nobody 2026")
    class Floor:
        """Rounds down.

        More about it.
        """

        def __init__(self, step: float, offset: float = 0.0):
            self.step, self.offset = step, offset

    yield Floor
    registry.unregister("quantizer", "test-floor")


def test_a_registered_class_is_found_with_its_first_doc_line(floor):
    row = registry.find("quantizer", "test-floor")
    assert (row.summary, row.source, row.plugin) == ("Rounds down.", "nobody 2026", registry.SESSION)
    assert registry.get("quantizer", "test-floor") is floor
    assert row in registry.components("quantizer")


def test_build_passes_the_arguments(floor):
    assert registry.build("quantizer", "test-floor", step=0.5).step == 0.5


def test_build_names_the_nearest_argument(floor):
    with pytest.raises(ConfigError, match=r"unknown argument 'setp' \(did you mean 'step'"):
        registry.build("quantizer", "test-floor", setp=0.5)


def test_build_names_the_missing_argument(floor):
    with pytest.raises(ConfigError, match="argument 'step' is missing"):
        registry.build("quantizer", "test-floor")


def test_defining_a_component_again_renews_it():
    def define(value):
        @registry.register("quantizer", "test-renewed")
        class Renewed:
            number = value

    try:
        define(1)
        define(2)
        assert registry.get("quantizer", "test-renewed").number == 2
        assert len([row for row in registry.components() if row.name == "test-renewed"]) == 1
    finally:
        registry.unregister("quantizer", "test-renewed")


def test_another_object_under_a_registered_name_is_refused(floor):
    with pytest.raises(PluginConflictError, match="choose another name"):
        registry.register("quantizer", "test-floor")(dict)
    assert registry.get("quantizer", "test-floor") is floor


def test_a_session_component_does_not_replace_one_of_core():
    registry.register("metric", "psnr")(max)
    try:
        with pytest.raises(PluginConflictError, match="this session"):
            registry.get("metric", "psnr")
    finally:
        registry.unregister("metric", "psnr")
    assert registry.get("metric", "psnr").__name__ == "psnr"


@pytest.mark.parametrize("name", ["Upper", "with space", "", "-x", "a--b", "a/b"])
def test_names_outside_the_grammar_are_refused(name):
    with pytest.raises(ConfigError, match="lower-case"):
        registry.register("quantizer", name)(dict)


def test_an_unknown_name_comes_with_near_ones():
    with pytest.raises(UnknownComponentError, match=r"no coder named 'rans31' \(did you mean 'rans32'"):
        registry.find("coder", "rans31")


def test_a_name_of_another_kind_is_pointed_out():
    with pytest.raises(UnknownComponentError, match="'psnr' exists as metric"):
        registry.find("loss", "psnr")


def test_an_unknown_kind_comes_with_near_ones():
    for look in (registry.components, lambda kind: registry.find(kind, "vq")):
        with pytest.raises(UnknownComponentError, match=r"did you mean 'quantizer'\?"):
            look("quantiser")


def test_components_come_in_the_order_of_the_data_path():
    kinds = [row.kind for row in registry.components()]
    assert kinds == sorted(kinds, key=registry.KINDS.index)


def test_a_target_that_cannot_be_imported_is_a_plugin_error_with_the_reason():
    with pytest.raises(PluginError, match=r"ModuleNotFoundError.*not_there"):
        registry.resolve(Component("layer", "x", "not_there:Thing"))
    with pytest.raises(PluginError, match="no attribute 'Gone'"):
        registry.resolve(Component("layer", "x", "tinify.errors:Gone"))


def test_build_config_builds_what_is_nested(floor):
    inner = {"kind": "quantizer", "name": "test-floor", "step": 2.0}
    config = {"kind": "quantizer", "name": "test-floor", "step": [inner, 3], "offset": {"a": inner}}
    outer = registry.build_config(config)
    assert outer.step[0].step == 2.0
    assert outer.step[1] == 3
    assert isinstance(outer.offset["a"], floor)


def test_build_config_says_where_a_nested_mistake_is(floor):
    inner = {"kind": "quantizer", "name": "test-flor", "step": 2.0}
    with pytest.raises(UnknownComponentError, match=r"^codec\.step\[0\]: no quantizer named 'test-flor'"):
        registry.build_config({"kind": "quantizer", "name": "test-floor", "step": [inner]}, path="codec")


def test_build_config_wants_a_kind_and_a_name():
    with pytest.raises(ConfigError, match="'name' is missing"):
        registry.build_config({"kind": "quantizer"})
