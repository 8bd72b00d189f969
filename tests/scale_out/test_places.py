# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys

import pytest

from tinify import container
from tinify.errors import ConfigError, InputError, MissingExtraError, OutputExistsError
from tinify.scale_out import Settings, run
from tinify.scale_out.places import LocalPlace, RemotePlace, open_place

from .conftest import compress, names

FEW = {"a.png": 8, "sub/b.png": 9}


@pytest.fixture
def memory():
    """The file system of this process; empty before and after."""
    fsspec = pytest.importorskip("fsspec", reason='needs fsspec: pip install "tinify-codec[fsspec]"')
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def put(memory, folder, root="/in"):
    for path in folder.rglob("*.*"):
        memory.pipe_file(f"{root}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def test_a_tree_goes_to_a_store_and_comes_back(pictures, tmp_path, memory):
    put(memory, pictures(FEW))
    assert compress("memory://in", "memory://out").done == 2
    found = {
        path: container.inspect(memory.cat_file(path))["shape"] for path in memory.find("/out") if "/." not in path
    }
    assert found == {"/out/a.png.tnf": [8, 9, 3], "/out/sub/b.png.tnf": [9, 9, 3]}
    assert run("memory://out", tmp_path / "back", Settings(verb="decompress")).done == 2
    assert names(tmp_path / "back") == list(FEW)


def test_the_manifest_of_a_store_is_one_file_and_a_second_run_skips(pictures, memory):
    put(memory, pictures(FEW))
    compress("memory://in", "memory://out")
    assert [path for path in memory.find("/out") if "/." in path] == ["/out/.tinify-manifest.jsonl"]
    assert compress("memory://in", "memory://out").skipped == 2
    memory.pipe_file("/in/a.png", memory.cat_file("/in/sub/b.png"))
    assert compress("memory://in", "memory://out").done == 1


def test_what_a_killed_run_said_to_a_store_counts(pictures, memory, monkeypatch):
    from tinify.scale_out import manifest

    put(memory, pictures(FEW))
    with monkeypatch.context() as patch:
        patch.setattr(manifest, "_EVERY", 0.0)
        patch.setattr(manifest.Manifest, "close", lambda self: None)
        compress("memory://in", "memory://out")
    assert len([path for path in memory.find("/out") if "/.tinify-manifest-" in path]) > 1
    memory.pipe_file("/in/c.png", memory.cat_file("/in/a.png"))
    summary = compress("memory://in", "memory://out")
    assert (summary.done, summary.skipped, summary.failed) == (1, 2, [])
    assert [path for path in memory.find("/out") if "/." in path] == ["/out/.tinify-manifest.jsonl"]


def test_an_object_that_no_run_made_is_kept(pictures, memory):
    put(memory, pictures(FEW))
    memory.pipe_file("/out/a.png.tnf", b"precious")
    assert [row["exit_code"] for row in compress("memory://in", "memory://out").failed] == [8]
    assert memory.cat_file("/out/a.png.tnf") == b"precious"


def test_an_output_in_the_input_of_a_store_is_no_input(pictures, memory):
    put(memory, pictures(FEW))
    put(memory, pictures(FEW), "/in/out")
    assert compress("memory://in", "memory://in/out", force=True).done == 2


def test_hidden_objects_are_left_out(pictures, memory):
    put(memory, pictures({"a.png": 8}))
    put(memory, pictures({"b.png": 8}, "other"), "/in/.hidden")
    assert compress("memory://in", "memory://out").done == 1


def test_where_files_do_not_appear_whole_they_are_renamed(pictures, memory, monkeypatch):
    put(memory, pictures(FEW))
    monkeypatch.setattr("tinify.scale_out.places.STORES", set())
    moved = []
    monkeypatch.setattr(type(memory), "mv", lambda self, a, b: (moved.append(b), self.cp_file(a, b), self.rm_file(a)))
    assert compress("memory://in", "memory://out").done == 2
    assert {"/out/a.png.tnf", "/out/sub/b.png.tnf"} <= set(moved)
    assert not [path for path in memory.find("/out") if "partial" in path]


def test_a_file_url_is_a_local_folder(pictures, tmp_path):
    pytest.importorskip("fsspec", reason='needs fsspec: pip install "tinify-codec[fsspec]"')
    assert isinstance(open_place(f"file://{tmp_path}"), LocalPlace)
    assert compress(f"file://{pictures(FEW)}", f"file://{tmp_path}/out", engine="processes").done == 2
    assert compress(tmp_path / "in", tmp_path / "out").skipped == 2


def test_what_this_process_alone_sees_is_for_the_serial_engine(pictures, memory):
    put(memory, pictures(FEW))
    assert isinstance(open_place("memory://in"), RemotePlace)
    with pytest.raises(ConfigError, match="memory:// is seen by this process alone"):
        compress("memory://in", "memory://out", engine="processes")


def test_urls_without_fsspec_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r'pip install "tinify-codec\[fsspec\]"'):
        open_place("s3://bucket/in")


def test_urls_of_unknown_kinds_are_input_errors():
    pytest.importorskip("fsspec", reason='needs fsspec: pip install "tinify-codec[fsspec]"')
    with pytest.raises(InputError, match="nowhere"):
        open_place("nowhere://bucket/in")


class TestLocal:
    @pytest.fixture
    def place(self, tmp_path):
        place = open_place(str(tmp_path / "out"))
        place.prepare()
        return place

    def test_what_fails_half_way_leaves_nothing(self, place, tmp_path):
        def produce(path):
            path.write_bytes(b"half")
            raise RuntimeError

        with pytest.raises(RuntimeError):
            place.publish("sub/x.tnf", produce, overwrite=False)
        assert names(tmp_path / "out") == []

    def test_what_is_killed_half_way_is_cleared_by_the_next_run(self, place, tmp_path):
        script = f"""if True:
            import os
            from tinify.scale_out.places import open_place
            produce = lambda path: (path.write_bytes(b"half"), os._exit(9))
            open_place({place.root!r}).publish("x.tnf", produce, overwrite=False)
        """
        assert subprocess.run([sys.executable, "-c", script]).returncode == 9
        assert [name.split(os.sep)[0] for name in names(tmp_path / "out")] == [".tinify-partial"]
        place.prepare()
        assert names(tmp_path / "out") == []

    def test_nothing_is_replaced_unless_told(self, place, tmp_path):
        place.publish("x.tnf", lambda path: path.write_bytes(b"first"), overwrite=False)
        with pytest.raises(OutputExistsError):
            place.publish("x.tnf", lambda path: path.write_bytes(b"second"), overwrite=False)
        assert (tmp_path / "out" / "x.tnf").read_bytes() == b"first"
        assert place.publish("x.tnf", lambda path: path.write_bytes(b"second"), overwrite=True) == 6
        assert names(tmp_path / "out") == ["x.tnf"]

    def test_a_folder_that_is_a_file_is_an_input_error(self, tmp_path):
        (tmp_path / "out").write_bytes(b"")
        with pytest.raises(InputError, match="cannot make the folder"):
            open_place(str(tmp_path / "out")).prepare()
