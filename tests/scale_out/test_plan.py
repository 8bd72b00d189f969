# SPDX-License-Identifier: Apache-2.0
import pytest

from tinify.scale_out.plan import MOST_BYTES, MOST_FILES, Job, OutputNames, batches_of

IMAGES = {".png", ".jpg", ".csv"}


def jobs(*sizes):
    return [Job(0, str(n), str(n), size, "") for n, size in enumerate(sizes)]


@pytest.mark.parametrize("sizes", [[0] * 5, [1] * 1000, [MOST_BYTES // 3] * 20, [MOST_BYTES, 1, 2 * MOST_BYTES, 1]])
@pytest.mark.parametrize("workers", [1, 2, 16])
def test_batches_hold_every_job_once_and_not_too_much(sizes, workers):
    batches = batches_of(jobs(*sizes), workers)
    assert sorted(int(job.name) for batch in batches for job in batch) == list(range(len(sizes)))
    assert all(batch and len(batch) <= MOST_FILES for batch in batches)
    assert all(len(batch) == 1 or sum(job.size for job in batch) <= MOST_BYTES for batch in batches)


def test_few_jobs_are_spread_over_the_workers():
    assert len(batches_of(jobs(*[1] * 40), 4)) >= 16


def test_large_files_come_first():
    assert [batch[0].name for batch in batches_of(jobs(1, MOST_BYTES, 1, 2 * MOST_BYTES), 1)][:2] == ["3", "1"]


def test_no_jobs_are_no_batches():
    assert batches_of([], 2) == []


@pytest.mark.parametrize(
    "name, extension, output",
    [("a.png.tnf", ".png", "a.png"), ("a.tnf", ".png", "a.png"), ("a.jpg.tnf", ".png", "a.jpg.png"),
     ("sub/a.PNG.tnf", ".png", "sub/a.PNG"), ("a.b.TNF", ".csv", "a.b.csv")],
)  # fmt: skip
def test_restored_files_are_named_after_the_first_and_end_as_their_content_says(name, extension, output):
    assert OutputNames("decompress", None, IMAGES).of(name, extension) == output
    assert output in OutputNames("decompress", None, IMAGES).possible(name)


def test_two_inputs_that_become_two_files_are_no_conflict():
    names = OutputNames("decompress", None, IMAGES)
    names.check_distinct([Job(0, name, name, 1, "") for name in ("a.png.tnf", "a.jpg.tnf", "b.tnf")])
