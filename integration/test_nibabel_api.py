"""nibabel's own checks of its image and proxy interfaces, on our classes."""

import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from support.raw import text
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core

pytest.importorskip("nibabel.loadsave")
image_api = pytest.importorskip("nibabel.tests.test_image_api")
proxy_api = pytest.importorskip("nibabel.tests.test_proxy_api")

from dicube_plugins.nibabel import DcbsHeader, DcbsImage, load  # noqa: E402

KIND = Kind("ct", rows=9, columns=7)
#: slope and intercept
FACTORS = ((1, -1024), (1, 0), (0.5, 3))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of series with different factors, and what is known of each."""
    found = []
    for number, factors in enumerate(FACTORS):

        def edit(_, nodes, factors=factors):
            for tag, value in zip((0x00281053, 0x00281052), factors, strict=True):
                nodes[tag] = text(tag, "DS", str(value))

        folder = tmp_path_factory.mktemp(f"series{number}")
        write_files(folder / "source", make_series(4, KIND, edit))
        dicube_core.convert(folder / "source", folder / "x.dcbs")
        image = dicube_core.load(folder / "x.dcbs")
        values = image.raw_image.T if factors == (1, 0) else image.get_fdata("float64").T
        found.append(
            {
                "fname": str(folder / "x.dcbs"),
                "data": values,
                "shape": (7, 9, 4),
                "affine": image.space.affine_xyz_ras,
                "dtype": values.dtype.type,
                "is_proxy": True,
            }
        )
    return found


class _Page(BaseHTTPRequestHandler):
    def __init__(self, data, *arguments):
        self._data = data
        super().__init__(*arguments)

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self._data)

    def log_message(self, *_):
        pass


class TestLoadedImages(image_api.LoadImageAPI, image_api.SerializeMixin):
    klass = DcbsImage
    loader = staticmethod(load)
    standard_extension = ".dcbs"

    @pytest.fixture(autouse=True)
    def setup_method(self, files, tmp_path):
        self.example_images = files
        self.tmp_path = tmp_path

    def validate_from_url(self, imaker, params):
        data = imaker().to_bytes()
        server = HTTPServer(("127.0.0.1", 0), partial(_Page, data))
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        try:
            image = DcbsImage.from_url(f"http://127.0.0.1:{server.server_port}/x.dcbs")
        finally:
            thread.join()
            server.server_close()
        assert image.to_bytes() == data
        assert np.array_equal(image.get_fdata(), params["data"])


class TestMadeImages(image_api.MakeImageAPI):
    klass = DcbsImage
    loader = staticmethod(load)
    image_maker = staticmethod(DcbsImage)
    header_maker = DcbsHeader
    example_shapes = ((2, 3, 4), (7, 1, 3))
    storable_dtypes = (np.uint8, np.int16, np.uint32)


class TestProxy(proxy_api._TestProxyAPI):
    @pytest.fixture(autouse=True)
    def setup_method(self, files):
        self.files = files

    def obj_params(self):
        for params in self.files:
            expected = {
                "arr_out": params["data"],
                "dtype_out": params["dtype"],
                "shape": params["shape"],
            }
            for by_name in (True, False):

                def make(name=params["fname"], by_name=by_name):
                    if by_name:
                        image = load(name)
                        return image.dataobj, name, image.header
                    file = open(name, "rb")  # noqa: PTH123, SIM115 - kept open on purpose
                    image = DcbsImage.from_stream(file)
                    self.opened.append(file)
                    return image.dataobj, file, image.header

                yield make, expected

    @pytest.fixture(autouse=True)
    def close_files(self):
        self.opened = []
        yield
        for file in self.opened:
            file.close()
