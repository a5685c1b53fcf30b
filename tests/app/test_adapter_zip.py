"""The zip of an adapter holds the files of its folder, and nothing that they link to."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from explorer.shared.result_downloads import zipped


def test_only_plain_files_of_the_folder_itself_are_zipped(tmp_path: Path) -> None:
    folder, secret = tmp_path / "adapter", tmp_path / "secret"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "deep.txt").write_text("deep")
    (folder / "adapter_config.json").write_text("{}")
    secret.write_text("secret")
    (folder / "link").symlink_to(secret)
    (folder / "inner link").symlink_to(folder / "inner")
    (folder / "broken").symlink_to(tmp_path / "nothing")
    with zipfile.ZipFile(io.BytesIO(zipped(folder, "mine"))) as archive:
        assert archive.namelist() == ["mine/adapter_config.json"]
