# SPDX-License-Identifier: Apache-2.0
import pytest

from tinify import config
from tinify.errors import ConfigError, InputError, UnknownComponentError


def write(tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


@pytest.fixture(autouse=True)
def good_plugin(install_fakes):
    install_fakes("good")


def test_a_mapping_is_built():
    assert config.build({"kind": "quantizer", "name": "good-floor", "step": 4.0}).step == 4.0


@pytest.mark.parametrize("table", ["", "[codec]\n"])
def test_a_file_is_built_from_its_top_or_its_codec_table(tmp_path, table):
    path = write(tmp_path, table + 'kind = "quantizer"\nname = "good-floor"\nstep = 3.0\n')
    assert config.build(path).step == 3.0
    assert config.build(str(path)).step == 3.0


def test_a_nested_table_is_built_first(tmp_path):
    path = write(tmp_path, 'kind = "quantizer"\nname = "good-floor"\n[step]\nkind = "quantizer"\nname = "good-floor"\n')
    assert config.build(path).step.step == 1.0


def test_an_error_names_the_file_and_the_key(tmp_path):
    path = write(tmp_path, '[codec]\nkind = "quantizer"\nname = "good-floor"\nstpe = 3.0\n')
    with pytest.raises(ConfigError) as caught:
        config.build(path)
    assert str(caught.value).startswith(f"{path}: codec: quantizer 'good-floor': unknown argument 'stpe'")


def test_an_unknown_component_in_a_file_keeps_its_type(tmp_path):
    path = write(tmp_path, '[codec]\nkind = "quantizer"\nname = "good-flor"\n')
    with pytest.raises(UnknownComponentError, match="codec: no quantizer named 'good-flor'"):
        config.build(path)


def test_what_is_not_toml_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="not valid TOML"):
        config.build(write(tmp_path, "kind = "))
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigError, match="not valid TOML"):
        config.build(tmp_path / "latin.toml")


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        config.build(tmp_path / "gone.toml")


def test_check_keys_names_the_path_and_the_nearest_key():
    with pytest.raises(ConfigError, match=r"^f: weights\.sha25: unknown key; did you mean 'sha256'\?"):
        config.check_keys({"sha25": ""}, required=["sha256"], where="f: weights")
    with pytest.raises(ConfigError, match=r"^weights\.sha256: this key is missing"):
        config.check_keys({}, required=["sha256"], where="weights")
    with pytest.raises(ConfigError, match="expected a table, got 3"):
        config.check_keys(3)
