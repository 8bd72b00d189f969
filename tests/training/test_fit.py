# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tinify import registry
from tinify.errors import ConfigError, InputError
from tinify.models.series.series_mixing import SeriesMixing
from tinify.training import fit as fitting
from tinify.training.fit import MOST_PREDICTED, FitOptions, fit, normalisation_of, split, table_for, with_state_of

START = SeriesMixing(blocks=(16,))


def sines(rows, seed, channels=2):
    random, t = np.random.default_rng(seed), np.arange(rows)[:, None]
    return (
        50 + 7 * np.sin(2 * np.pi * t / np.array([40, 90, 25])[:channels]) + 0.1 * random.normal(size=(rows, channels))
    )


@pytest.fixture
def counted(monkeypatch):
    """The options that `learn` was given, in place of learning."""
    seen = []
    monkeypatch.setattr(fitting, "learn", lambda codec, sets, options, seed, log: seen.append(options))
    return seen


class Rows:
    """A recording that shows rows only a slice at a time, and remembers how many."""

    def __init__(self, shape):
        self.shape, self.shown = shape, 0

    def __getitem__(self, rows):
        start, stop, _ = rows.indices(self.shape[0])
        self.shown += stop - start
        return np.arange(start, stop)[:, None] * np.ones(self.shape[1])


def test_the_last_tenth_of_each_recording_is_held_out():
    learned, held_out = split([sines(1000, 0), sines(505, 1)])
    assert [len(piece) for piece in learned] == [900, 455]
    assert [len(piece) for piece in held_out] == [100, 50]
    np.testing.assert_array_equal(held_out[1], sines(505, 1)[455:])


def test_recordings_of_a_few_rows_are_left_out():
    learned, held_out = split([sines(600, 0), sines(31, 1), sines(32, 2)])
    assert [len(piece) for piece in learned] == [540, 29] and [len(piece) for piece in held_out] == [60, 3]
    with pytest.raises(InputError, match="0 rows are too few"):
        split([sines(31, seed) for seed in range(40)])


def test_of_long_recordings_spread_parts_are_read_and_no_more(monkeypatch):
    monkeypatch.setattr(fitting, "MOST_NUMBERS", 20_000)
    rows = Rows((1_000_000, 10))
    learned, held_out = split([rows])
    assert sum(map(len, learned)) == pytest.approx(2000, rel=0.05) and len(held_out[0]) == 2000
    assert rows.shown < 5000
    starts = [piece[0, 0] for piece in learned]
    assert starts[0] == 0 and starts[-1] > 890_000 and len(starts) == 16


def test_many_wide_recordings_have_parts_that_can_be_learned_from(monkeypatch):
    monkeypatch.setattr(fitting, "MOST_NUMBERS", 20_000)
    learned, _ = split([Rows((600, 500)) for _ in range(3)])
    assert all(len(piece) >= 32 for piece in learned)


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        ([np.zeros((600, 2)), np.zeros((600, 3))], r"series of \[2, 3\] channels"),
        ([np.zeros((511, 2))], "511 rows are too few"),
        ([np.zeros((600, 0))], "series of 0 channels"),
        ([np.zeros((600, 3000), np.int8)], "series of 3000 channels"),
    ],
)
def test_recordings_that_cannot_be_fitted_say_what_is_allowed(recordings, message):
    with pytest.raises(InputError, match=message):
        split(recordings)


def test_a_fitted_codec_codes_series_of_its_kind_smaller():
    codec = fit([sines(3000, 0)], start=START)
    z = codec.fitted.normalisation().apply(sines(500, 9))
    assert abs(z.mean()) < 0.1 and z.std() == pytest.approx(1, abs=0.05)
    sizes = [len(c.encode_series(z, 50)[1][0][0]) for c in (codec, START)]
    assert sizes[0] < 0.9 * sizes[1]


def test_fitting_is_the_same_each_time_and_leaves_its_start_as_it_was():
    before = START.fingerprint()
    codecs = [fit([sines(600, 0)], FitOptions(epochs=1), start=START) for _ in range(2)]
    assert codecs[0].fingerprint() == codecs[1].fingerprint()
    assert START.fingerprint() == before


def test_gaps_and_a_single_channel_are_no_obstacle():
    x = sines(700, 0, 1).astype(np.float32)
    x[3:9], x[100], x[-1] = np.nan, np.inf, -np.inf
    codec = fit([x], start=START)
    codec.name = "x.codec"
    assert np.isfinite(codec.fitted.offset.numpy()).all()
    assert codec.fitted.offset.item() == pytest.approx(50, abs=0.5)


def test_stages_are_told_in_order_and_the_share_grows(counted):
    told = []
    fit([sines(600, 0)], start=START, progress=lambda stage, share: told.append((stage, share)))
    assert [stage for stage, _ in told] == ["channels", "grid"]  # the others as `learn` gets to them
    assert told[0][1] < told[1][1] < 1


def test_passes_end_with_the_minutes(counted):
    for epochs, minutes in ((3, 1e9), (3, 1e-9), (1, 1e9)):
        fit([sines(600, 0)], FitOptions(epochs, minutes), start=START)
    assert [options.rates for options in counted] == [33, 11, 11]


@pytest.mark.parametrize("options", [FitOptions(epochs=0), FitOptions(minutes=0), FitOptions(minutes=float("nan"))])
def test_options_without_sense_are_a_config_error(options):
    with pytest.raises(ConfigError, match="allowed: at least 1, and more than 0"):
        fit([sines(600, 0)], options)


def test_wide_series_have_no_linear_predictions():
    assert table_for(MOST_PREDICTED)["features"] > 0 and table_for(MOST_PREDICTED + 1)["features"] == 0
    codec = registry.build_config(table_for(3, (8, 32)))
    assert codec.blocks == (8, 32) and codec.fitted.channels == 3


def test_the_general_coder_takes_the_place_of_the_learned_one():
    own = fit([sines(600, 0)], FitOptions(epochs=1), start=START)
    twin = with_state_of(START, own)
    mine, theirs, general = (codec.state_dict() for codec in (twin, own, START))
    for key, value in mine.items():
        assert value.equal(general[key] if key.endswith(".state") else theirs[key]), key


def test_offsets_and_scales_are_those_of_all_pieces_without_their_gaps():
    x = sines(1000, 0)
    pieces = [x[:300].copy(), x[300:].copy()]
    whole = np.concatenate(pieces)
    pieces[0][5, 0] = whole[5, 0] = np.nan
    found = normalisation_of(pieces)
    np.testing.assert_allclose(found.offset, np.nanmean(whole, axis=0))
    np.testing.assert_allclose(found.scale, np.nanstd(whole, axis=0))


def test_a_channel_that_is_constant_has_a_scale_of_its_size():
    x = np.stack([sines(600, 0)[:, 0], np.full(600, -7.0), np.zeros(600), np.full(600, np.nan)], axis=1)
    for pieces in ([x], [x[:200], x[200:]]):
        np.testing.assert_allclose(normalisation_of(pieces).scale[1:], [0.07, 1, 1])
    moved = [x[:200], x[200:] + 1]
    assert normalisation_of(moved).scale[1] == pytest.approx(np.std([*[-7] * 200, *[-6] * 400]))


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan])
def test_where_nothing_varies_there_is_nothing_to_fit(value):
    with pytest.raises(InputError, match="no channel of the series varies"):
        fit([np.full((600, 2), value)], start=START)
