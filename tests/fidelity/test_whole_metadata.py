"""Every hazard of headers comes back byte for byte, whichever way the data set is encoded."""

import pytest
from support.metadata_cases import CASES
from support.raw import EXPLICIT_LE, IMPLICIT_LE
from support.series import make_series
from support.whole import assert_whole

SYNTAXES = {"explicit": EXPLICIT_LE, "implicit": IMPLICIT_LE}


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("name", CASES)
def test_header_hazard_comes_back_whole(name, syntax, tmp_path):
    assert_whole(make_series(4, edit=CASES[name], syntax=SYNTAXES[syntax]), tmp_path)
