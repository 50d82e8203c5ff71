"""Addresses: what is one, and what of it may be shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dicube_core
from dicube_core.urls import is_url, path_or_url, shown, shown_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host/a/b.dcbs", "https://host/a/b.dcbs"),
        ("https://me:secret@host:81/b.dcbs?sig=secret#secret", "https://host:81/b.dcbs"),
        ("s3://key:secret@bucket/b.dcbs?versionId=1", "s3://bucket/b.dcbs"),
        ("simplecache::s3://key:secret@bucket/b.dcbs", "simplecache::s3://bucket/b.dcbs"),
        ("https://host/mail@home.dcbs", "https://host/mail@home.dcbs"),
        ("https://host:81/mail@home.dcbs", "https://host:81/mail@home.dcbs"),
        ("http://[::1]:81/mail@home.dcbs", "http://[::1]:81/mail@home.dcbs"),
        # Passwords with characters that must be escaped there, and addresses that are none.
        ("https://me:sec/ret@host/b.dcbs", "https://host/b.dcbs"),
        ("https://me:sec?ret@host/b.dcbs", "https://host/b.dcbs"),
        ("zip://a::https://me:sec#ret@host/b.zip", "zip://a::https://host/b.zip"),
        ("http://[::1/b.dcbs?sig=secret", "http://[::1/b.dcbs"),
    ],
)
def test_what_gives_access_is_not_shown(url, expected):
    assert is_url(url)
    assert shown_url(url) == shown(url) == expected
    assert path_or_url(url) == url


def test_paths_are_no_addresses(tmp_path):
    for path in ("a/b.dcbs", "C:/a/b.dcbs", "a:b.dcbs", str(tmp_path)):
        assert not is_url(path)
        assert path_or_url(path) == Path(path)
        assert shown(path) == path
    assert not is_url(Path("a"))
    assert shown(b"x") == b"x"


def test_file_addresses_need_no_package(tmp_path):
    image = dicube_core.DicomCubeImage(
        np.zeros((2, 3, 4), "uint8"),
        dicube_core.PixelDataHeader(PixelDtype="uint8", OriginalPixelDtype="uint8"),
    )
    path = tmp_path / "with blank.dcbs"
    dicube_core.save(image, path)
    assert dicube_core.load(path.as_uri()).shape == (2, 3, 4)
    with pytest.raises(FileNotFoundError, match=r"no\.dcbs"):
        dicube_core.load((tmp_path / "no.dcbs").as_uri())


def test_an_address_with_a_slip_in_it_is_told_without_what_gives_access():
    with pytest.raises(FileNotFoundError) as caught:
        dicube_core.open("htps://me:secret@host/x.dcbs?sig=secret")
    assert "'htps://host/x.dcbs'" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_that_nobody_knows_is_no_file_either():
    with pytest.raises(FileNotFoundError, match="nonsense://x"):
        dicube_core.open("nonsense://x.dcbs")
