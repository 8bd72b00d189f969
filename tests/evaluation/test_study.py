# SPDX-License-Identifier: Apache-2.0
"""The whole of a study in seconds: trained, measured, written up, on one synthetic set and on one real one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tinify.errors import ConfigError
from tinify.evaluation.study import answers, document
from tinify.evaluation.study.__main__ import publish
from tinify.evaluation.study.config import Entry, Study, read_study
from tinify.evaluation.study.jobs import phases, run, run_all
from tinify.evaluation.study.measures import sizes
from tinify.evaluation.study.results import View
from tinify.evaluation.study.training import build

STUDIES = Path(__file__).resolve().parents[2] / "studies"
GRU = {"name": "gru", "embedding": 8, "hidden": 16}
TOKENS = {"name": "tokenizer", "patch": 8, "stages": 3, "codebook_size": 16, "width": 8}
COUNTED = {"prior": {"patches": 500, "qualities": [50.0, 100.0]}, "data": {"window": 128, "first_batch_size": 64}}
TCRAE = {"name": "tcrae-seq", "window": 64, "width": 8, "strides": [4], "dilations": [1], "histograms": 2}
FEW = {"histograms": {"windows": 50, "item": 8, "rounds": 1}}


def short_study(sets, minutes=0.012):
    def entry(name, codec, recipe, qualities, options, **more):
        return Entry(name, name.upper(), codec, recipe, qualities, options, **more)

    levels = [20.0, 40.0, 60.0, 80.0, 100.0]
    codecs = [
        entry("tokens", {**TOKENS, "prior": GRU}, "series", levels, COUNTED, family="tokenizer", downstream=True),
        entry("tcrae-seq", TCRAE, "tcrae", [10.0, 20.0, 30.0, 40.0, 60.0], FEW, family="tcrae"),
        entry("fitted", {"name": "series-mixing", "blocks": [16]}, "mixing", [30.0, 40.0, 50.0, 60.0, 70.0],
              {"learn": {"rates": 2, "values": 4000}}, fit_channels=True),
        entry("histogram", {**TOKENS, "prior": "histogram"}, "series", levels[::2], COUNTED, group="prior",
              varies="tokens", networks_of="tokens"),
    ]  # fmt: skip
    return Study("A short study", sets, minutes, codecs, speed_set=sets[0])


def synthetic_data(folder):
    """A set of two noisy oscillations, and peers that were made up."""
    place, t = folder / "timeseries", np.arange(6000)
    place.mkdir(parents=True)
    x = np.stack([np.sin(t / 9) * (1 + np.sin(t / 400)), np.sin(t / 31 + np.sin(t / 90))], axis=1)
    x += 0.05 * np.random.default_rng(0).normal(size=x.shape)
    np.savez(place / "waves.npz", x=x.astype(np.float32))
    split = {"train": [0, 4200], "val": [4200, 4800], "test": [4800, 6000]}
    (place / "index.json").write_text(json.dumps({"waves": {"file": "waves.npz", "split": split}}))
    curve = [[bits, 0.5 * 2**-bits, 1.0] for bits in (0.5, 1.0, 2.0, 4.0, 6.0)]
    peers = {"sz3": curve, "quant+pcodec": [[1.1 * b, e, 1.0] for b, e, _ in curve], "tdct16": curve[1:]}
    (place / "classical_rd.json").write_text(json.dumps({"sets": {"waves": peers}}))
    return folder


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    study, data = short_study(["waves"]), synthetic_data(folder / "data")
    failures = run_all(study, data, folder / "runs", workers=0)
    record = publish(study, data, folder / "runs", folder / "docs", "short", "short.toml")
    return study, folder, failures, record


def test_every_codec_is_trained_and_measured_at_five_points_and_more(studied):
    study, _, failures, record = studied
    assert not failures
    for entry in study.codecs:
        points = record["codecs"][entry.name]["sets"]["waves"]["points"]
        assert len(points) == len(entry.qualities)
        assert all(p["bits_per_value"] > 0 and p["nrmse"] > 0 for p in points)


def test_what_is_saved_is_what_was_measured(studied):
    study, folder, _, record = studied
    job = phases(study, folder / "data", folder / "runs")[1][0]
    job.result.unlink()
    again = run(job)["points"]
    for before, now in zip(record["codecs"]["tokens"]["sets"]["waves"]["points"], again, strict=True):
        assert now["bits_per_value"] == pytest.approx(before["bits_per_value"], rel=1e-4)


def test_a_second_run_does_nothing(studied, capsys):
    study, folder, *_ = studied
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*") if path.is_file()}
    assert run_all(study, folder / "data", folder / "runs", workers=0) == []
    after = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*") if path.is_file()}
    assert before == after and not capsys.readouterr().out


def test_what_changes_weights_changes_the_key_and_what_does_not_does_not(studied):
    study = studied[0]
    entry = study.entry("tokens")
    assert study.key(replace(entry, label="another")) == study.key(entry)
    assert study.key(replace(entry, qualities=[50.0])) != study.key(entry)
    assert study.training_key(replace(entry, qualities=[50.0])) == study.training_key(entry)
    longer = replace(study, minutes=1.0)
    assert longer.training_key(entry) != study.training_key(entry)
    assert longer.training_key(study.entry("histogram")) != study.training_key(study.entry("histogram"))


def test_a_codec_that_fails_does_not_stop_the_others(studied):
    study, folder, *_ = studied
    broken = Entry("broken", "BROKEN", {"name": "tokenizer", "patch": -1}, "series", [50.0])
    failures = run_all(replace(study, codecs=[broken, *study.codecs]), folder / "data", folder / "runs", workers=0)
    assert failures and all("broken" in failure for failure in failures)


def test_the_prior_alone_is_trained_on_the_networks_of_another(studied):
    _, folder, *_ = studied
    from safetensors.torch import load_file

    first, second = (
        load_file(next((folder / "runs" / name).glob("*.safetensors"))) for name in ("tokens", "histogram")
    )
    for key, value in second.items():
        if not key.startswith("latent_codec.prior."):
            assert torch.equal(value, first[key])


def test_the_document_holds_tables_figures_answers_and_the_command(studied):
    _, folder, _, record = studied
    text = (folder / "docs" / "short.md").read_text("utf-8")
    assert text == document.write(record, "short", "short.toml")
    for part in ("# A short study", "## Answers", "| TOKENS |", "| SZ3 |", "fp16 latents", "make study-series"):
        assert part in text
    for figure in ("short-curves.png", "short-speed.png"):
        assert figure in text and (folder / "docs" / figure).read_bytes().startswith(b"\x89PNG")


def test_one_real_set_from_end_to_end(data_dir, tmp_path):
    study = short_study(["exchange_rate"], minutes=0.008)
    study = replace(study, codecs=[replace(entry, downstream=False) for entry in study.codecs[:2]], speed_set="")
    assert run_all(study, data_dir, tmp_path / "runs", workers=0) == []
    view = View(publish(study, data_dir, tmp_path / "runs", tmp_path / "docs", "real", "short.toml"))
    assert view.best_peer("exchange_rate", 0.1) is not None
    assert view.bits("tcrae-seq", "exchange_rate", 0.3) < 16 / 4  # far below its latents in half precision


def test_the_study_of_the_repository_is_fair_in_learned_numbers():
    study = read_study(STUDIES / "series.toml")
    chosen = [entry for entry in study.codecs if entry.name in ("tokenizer-rvq", "fsq", "tcrae-seq", "tcrae")]
    learned = [sizes(build(study, entry, Path(), ""))["learned"] for entry in chosen]
    assert len(learned) == 4
    assert max(learned) <= 1.1 * min(learned)


def made_up(tokens, autoencoder):
    """A record of two codecs and a peer whose curves are shifted copies of one another."""

    def points(factor):
        return [{"bits_per_value": factor * b, "nrmse": 2.0**-b} for b in (0.5, 1.0, 2.0, 4.0, 6.0)]

    def codec(label, family, factor):
        found = {"points": points(factor), "bytes": 1000, "learned": 10, "values": 100}
        return {"label": label, "group": "main", "family": family, "varies": "", "sets": {"a": found, "b": found}}

    peer = {"SZ3": [[p["bits_per_value"], p["nrmse"]] for p in points(1.0)]}
    study = {"title": "t", "sets": ["a", "b"], "minutes": 1.0, "targets": [0.03, 0.1, 0.3], "prior_share": 0.4,
             "speed_set": "a"}  # fmt: skip
    codecs = {"tok": codec("Tok", "tokenizer", tokens), "ae": codec("Ae", "tcrae", autoencoder)}
    return View({"about": {}, "study": study, "peers": {"a": peer, "b": peer}, "codecs": codecs})


@pytest.mark.parametrize(
    ("tokens", "autoencoder", "verdict", "wins"),
    [(1.0, 2.0, "takes 0.5 times the bits of Ae", "fewer on every one"), (2.0, 1.0, "takes 2 times", "fewer on none")],
)
def test_answers_say_who_wins_whoever_it_is(tokens, autoencoder, verdict, wins):
    lines = answers.tokens_against_autoencoders(made_up(tokens, autoencoder))
    assert len(lines) == 3
    assert all(verdict in line and wins in line for line in lines)


def test_weights_pay_for_themselves_only_where_bits_are_saved():
    view = made_up(0.5, 2.0)
    saved = 0.5 * view.bits("SZ3", "a", 0.1)
    assert view.break_even("tok", "a", 0.1) == pytest.approx(8000 / saved)
    assert view.break_even("ae", "a", 0.1) is None


def test_a_study_that_names_what_it_does_not_have_is_refused():
    entry = Entry("one", "ONE", TOKENS, "series", [50.0], networks_of="two")
    with pytest.raises(ConfigError, match="networks_of: 'two'; known: one"):
        Study("t", ["a"], 1.0, [entry])
    with pytest.raises(ConfigError, match=r"one\.recipe: 'magic'"):
        Study("t", ["a"], 1.0, [replace(entry, networks_of="", recipe="magic")])
