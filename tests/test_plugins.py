# SPDX-License-Identifier: Apache-2.0
"""Fake distributions of tests/fakes: good, broken, conflicting, misspelt, faulty."""

import pytest

from tinify import plugins, registry
from tinify.errors import PluginConflictError, PluginError, UnknownComponentError


def by_name(host, name):
    return [plugin for plugin in host.plugins if plugin.name == name]


def test_core_is_plugin_number_zero(install_fakes):
    host = install_fakes()
    assert host.plugins[0].name == "tinify"
    assert host.plugins[0].status == "ok"
    assert {"tinify_components", "tinify_media", "tinify_models"} <= set(host.plugins[0].hooks)


def test_a_good_plugin_brings_components_models_media_and_commands(install_fakes):
    (good,) = by_name(install_fakes("good"), "good")
    assert (good.status, good.origin, good.problems) == ("ok", "tinify-good 1.0", [])
    assert registry.build("quantizer", "good-floor", step=2).quantize([5.0]) == [2]
    assert registry.find("quantizer", "good-floor").plugin == "good"
    assert registry.get("media", "good-raw").extensions == (".goodraw",)
    assert "fake-picture" in plugins.host().models
    assert "tinify_commands" in good.hooks


def test_a_listing_does_not_import_what_the_rows_point_to(install_fakes):
    import sys

    install_fakes("good")
    sys.modules.pop("tinify_good_parts", None)
    assert registry.find("quantizer", "good-floor")
    assert "tinify_good_parts" not in sys.modules


def test_a_broken_plugin_leaves_the_others_alone(install_fakes):
    (broken,) = by_name(install_fakes("good", "broken"), "broken")
    assert broken.status == "broken"
    assert "libgone.so" in broken.problems[0]
    assert registry.get("quantizer", "good-floor")
    assert registry.get("coder", "rans32")


def test_a_name_of_a_broken_plugin_is_an_error_with_its_reason(install_fakes):
    install_fakes("broken")
    with pytest.raises(PluginError, match=r"libgone\.so.*pip uninstall tinify-broken"):
        registry.find("quantizer", "broken-vq")


def test_an_unknown_name_mentions_the_broken_plugin_that_may_own_it(install_fakes):
    install_fakes("broken")
    with pytest.raises(UnknownComponentError, match=r"perhaps its owner: broken \(tinify-broken 1\.0"):
        registry.find("quantizer", "something-else")


def test_misspelt_and_unmarked_hooks_are_reported_and_the_rest_works(install_fakes):
    (misspelt,) = by_name(install_fakes("misspelt"), "misspelt")
    assert misspelt.status == "faulty"
    assert "unknown hook 'tinify_component' (did you mean 'tinify_components'?)" in misspelt.problems
    assert "function 'tinify_models' is not marked @hookimpl" in misspelt.problems
    assert registry.find("quantizer", "misspelt-right")


def test_two_distributions_with_one_plugin_name_are_both_reported(install_fakes):
    rivals = by_name(install_fakes("rival_a", "rival_b"), "rival")
    assert [rival.status for rival in rivals] == ["conflict", "conflict"]
    assert "tinify-rival-b" in rivals[0].problems[0]
    assert "tinify-rival-a" in rivals[1].problems[0]


@pytest.mark.parametrize("name", ["rival-a", "rival-b"])
def test_components_of_rivals_are_an_error_only_when_asked_for(install_fakes, name):
    install_fakes("good", "rival_a", "rival_b")
    assert registry.get("quantizer", "good-floor")
    with pytest.raises(PluginConflictError) as caught:
        registry.get("quantizer", name)
    for part in ("tinify-rival-a", "tinify-rival-b", "pip uninstall"):
        assert part in str(caught.value)


def test_one_of_two_rivals_works_once_the_other_is_gone(install_fakes):
    install_fakes("rival_a")
    assert registry.find("quantizer", "rival-a")


def test_two_components_of_one_name_are_both_reported_and_neither_wins(install_fakes):
    host = install_fakes("good", "copycat")
    (good,), (copycat,) = by_name(host, "good"), by_name(host, "copycat")
    assert any("quantizer 'good-floor' is also claimed by tinify-copycat 1.0" in p for p in good.problems)
    assert any("quantizer 'good-floor' is also claimed by tinify-good 1.0" in p for p in copycat.problems)
    with pytest.raises(PluginConflictError, match="pip uninstall tinify-copycat"):
        registry.get("quantizer", "good-floor")
    assert registry.find("quantizer", "copycat-own")
    assert len([row for row in registry.components("quantizer") if row.name == "good-floor"]) == 2


def test_a_name_of_core_is_not_overwritten(install_fakes):
    install_fakes("copycat")
    with pytest.raises(PluginConflictError) as caught:
        registry.get("metric", "psnr")
    assert "pip uninstall tinify-copycat" in str(caught.value)
    assert "pip uninstall tinify-codec" not in str(caught.value)
    assert registry.get("metric", "nrmse")


def test_faulty_rows_are_reported_one_by_one(install_fakes):
    (faulty,) = by_name(install_fakes("faulty"), "faulty")
    text = "\n".join(faulty.problems)
    for part in ("unknown kind 'quantiser'", "'Faulty Name'", "'collections' is not of the form", "'a string'",
                 "tinify_media failed: RuntimeError: no formats today"):  # fmt: skip
        assert part in text
    assert registry.find("quantizer", "faulty-but-fine")


def test_a_faulty_row_is_an_error_when_its_name_is_asked_for(install_fakes):
    install_fakes("faulty")
    with pytest.raises(PluginError, match=r"unusable: .*is not of the form"):
        registry.find("quantizer", "faulty-target")
    with pytest.raises(PluginError, match="module_that_is_not_there"):
        registry.get("quantizer", "faulty-import")


def test_the_allowlist_chooses_plugins(install_fakes, monkeypatch):
    monkeypatch.setenv("TINIFY_PLUGINS", "good")
    host = install_fakes("good", "broken")
    assert [plugin.name for plugin in host.plugins] == ["tinify", "good"]


def test_an_empty_allowlist_means_none(install_fakes, monkeypatch):
    monkeypatch.setenv("TINIFY_PLUGINS", "")
    assert [plugin.name for plugin in install_fakes("good", "broken").plugins] == ["tinify"]


def test_an_allowlist_that_names_what_is_not_installed_is_reported(install_fakes, monkeypatch):
    monkeypatch.setenv("TINIFY_PLUGINS", "good,godo")
    (absent,) = by_name(install_fakes("good"), "godo")
    assert absent.status == "broken"
    assert "not installed" in absent.problems[0]


def test_a_plugin_may_not_call_itself_tinify(install_fakes, tmp_path, monkeypatch):
    info = tmp_path / "pretender-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pretender\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tinify]\ntinify = collections\n")
    monkeypatch.syspath_prepend(tmp_path)
    core, pretender = by_name(install_fakes(), "tinify")
    assert core.status == "ok"
    assert (pretender.status, pretender.problems) == ("broken", ["the plugin name 'tinify' is core's"])


def test_the_host_is_built_once(install_fakes):
    install_fakes("good")
    assert plugins.host() is plugins.host()
